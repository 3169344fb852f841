"""Block moves that failed, or went elsewhere than where the kernel is loaded."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.formats.bioscall import BiosCall
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.handoff import Handoff
from tests.support.traces import CHUNK, handoff, loading_trace, move

pytestmark = pytest.mark.usefixtures("every_word")

HIGH = 0x1000000


def returned(call: BiosCall, ah: int, flags: int) -> BiosCall:
    return replace(call, registers_out=replace(call.registers_in, eax=ah << 8, flags=flags))


@pytest.mark.parametrize(
    ("ah", "flags", "how"),
    [
        (3, 1, "failed with AH=03h, the A20 gate could not be controlled"),
        (0, 1, "failed with AH=00h, "),
        (3, 0, "failed with AH=03h, although CF is clear"),
        (0, 0, None),
    ],
)
def test_a_move_fails_by_its_status_or_by_the_carry(ah: int, flags: int, how: str | None) -> None:
    call = returned(move(0x100000), ah, flags)
    judgement = judge(loading_trace(1 << 20, [call], ending="loop"))
    assert (judgement.cause == "move-failed") is (how is not None)
    assert (how or "").split(", the")[0] in judgement.summary


def entered(kernel_at: int, *calls: BiosCall, payload: int = 2048) -> BootTrace:
    """Return a boot whose loader put its kernel there, as the header told the kernel."""
    seen: Handoff = handoff(len(calls), differing=7)
    trace = loading_trace(payload, [*calls], ending="memory-differs", handoff=seen)
    assert trace.kernel
    header = replace(trace.kernel.header, code32_start=kernel_at)
    return replace(trace, handoff=replace(seen, header=header))


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        # what a loader does below 1 MiB before it begins is its own business
        ([move(0x90000, 1024), move(HIGH, 1024)], None),
        ([move(0xFFFFE, 1024), move(HIGH + 16, 1024)], "block move 1 went to 0x1000010"),
        ([move(0x100000, 1024)], "block move 0 went to 0x100000 instead of where the kernel is"),
        ([move(HIGH, 1024), move(0x90000, 1024)], "block move 1 went to 0x090000 instead of"),
        # the same again, or over a part of what was there
        ([move(HIGH, 512), move(HIGH + 512, 512), move(HIGH + 512, 512)],
         "instead of 0x1000400, behind the move before"),
        ([move(HIGH, 512), move(HIGH + 512, 512), move(HIGH + 514, 512)],
         "instead of 0x1000400: it overlaps the move before by 510 bytes"),
        ([move(HIGH, 1024), move(HIGH, 1024)], None),  # it has begun anew
    ],
)  # fmt: skip
def test_moves_that_do_not_follow_each_other(calls: list[BiosCall], words: str | None) -> None:
    judgement = judge(entered(HIGH, *calls))
    assert (judgement.cause == "destination-misplaced") is (words is not None)
    assert (words or "") in judgement.summary


def test_moves_in_an_order_of_their_own_are_right_where_all_is_there() -> None:
    whole = entered(HIGH, move(HIGH + 1024, 1024), move(HIGH, 1024))
    assert judge(whole).cause == "payload-corrupt"


def test_of_a_loader_that_has_entered_nothing_no_move_is_out_of_its_place() -> None:
    calls = [move(0x100000, 1024), move(0x100600, 1024)]
    assert judge(loading_trace(4096, calls, ending="loop")).cause == "stage1-hang"
    unknown = replace(loading_trace(4096, calls, ending="loop", handoff=handoff(2)), kernel=None)
    assert judge(unknown).cause == "setup-hang"


def wraps(payload: int, *before: BiosCall) -> str:
    """Return what is said of the first move to 16 MiB and above, which goes to 0."""
    trace = loading_trace(payload, [*before, move(0, CHUNK)], ending="loop")
    judgement = judge(trace)
    assert judgement.cause == "destination-wrapped"
    return judgement.summary


def test_how_much_a_loader_can_place_is_told_where_the_kernel_has_more() -> None:
    up_to_16_mib = [move(at, 0x8000) for at in range(1 << 20, HIGH, 0x8000)]
    more = "cannot place more than 15,728,640 bytes of payload, and this kernel has"
    assert more in wraps((15 << 20) + 16, *up_to_16_mib)


def test_an_initrd_right_behind_the_kernel_says_nothing_of_the_kernels_size() -> None:
    payload = 15 << 20
    calls = [move(at, 0x8000) for at in range(1 << 20, HIGH, 0x8000)]
    trace = loading_trace(payload, [*calls, move(0, 512)], ending="loop")
    assert trace.disk
    disk = replace(trace.disk, initrd_bytes=512, initrd_address=HIGH)
    judgement = judge(replace(trace, disk=disk))
    assert judgement.cause == "destination-wrapped"
    assert judgement.summary.endswith("so the loader cannot place anything above 16 MiB")


def test_a_kernel_that_begins_above_16_mib_says_nothing_of_its_size() -> None:
    judgement = judge(entered(HIGH, move(HIGH - 0x8000, 0x8000), move(0, 1024)))
    assert judgement.cause == "destination-wrapped"
    assert judgement.summary.endswith("so the loader cannot place anything above 16 MiB")
