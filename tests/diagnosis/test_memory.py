"""What lies where in memory: initrds at their borders, and what was overwritten or differs."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.diagnosis.memory import (
    a20_closed,
    initrd_does_not_fit,
    initrd_missing,
    memory_clobbered,
    payload_corrupt,
)
from bootharness.diagnosis.moves import move_failed
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.bzimage import SetupHeader
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.disk_facts import DiskEvent, FaultyDiskFacts
from bootharness.trace.handoff import Comparison
from bootharness.trace.host import SERIAL_LINE
from bootharness.trace.machine_facts import CpuSample, MachineFacts, PostMortem
from bootharness.trace.milestones import Milestone
from tests.support.builders import bzimage
from tests.support.traces import handoff, loading_trace, move, read, registers

pytestmark = pytest.mark.usefixtures("every_word")

MIB = 1 << 20
MEMORY = 64 * MIB
PAYLOAD = 3 * MIB
MACHINE = MachineFacts("qemu", "7.2", "tcg", "pc", None, MEMORY, (), bios="seabios")
PREFERRED, UNPACKED = 16 * MIB, 8 * MIB
LIMIT = 0x37FFFFFF


def with_initrd(at: int | None, size: int | None, **fields: Any) -> BootTrace:
    """Return the trace of a boot whose initrd was to lie there; fields are the kernel header's."""
    trace = loading_trace(PAYLOAD, [], machine=MACHINE)
    assert trace.disk
    assert trace.kernel
    usual = {"pref_address": PREFERRED, "init_size": UNPACKED, "initrd_addr_max": LIMIT}
    header = replace(trace.kernel.header, **{**usual, **fields})
    return replace(
        trace,
        disk=replace(trace.disk, initrd_address=at, initrd_bytes=size),
        kernel=replace(trace.kernel, header=header),
    )


def said(trace: BootTrace) -> str:
    found = initrd_does_not_fit(trace)
    return found.sentence if found else ""


KERNEL_END = MIB + PAYLOAD


@pytest.mark.parametrize(
    ("at", "size", "fields", "sentence"),
    [
        (MEMORY - 4095, 4096, {}, "the initrd of 4,096 bytes does not fit: it would lie at "
         "0x3fff001 to 0x4000000, and the machine has 64 MiB of memory"),
        (32 * MIB, 4097, {"initrd_addr_max": 32 * MIB + 4095},
         "the initrd of 4,097 bytes lies at 0x2000000 to 0x2001000, above the kernel's "
         "initrd_addr_max of 0x2000fff"),
        (KERNEL_END - 1, 100, {},
         "the initrd of 100 bytes at 0x3fffff to 0x400062 overlaps the kernel at 0x100000 to "
         "0x3fffff"),
        (MIB - 99, 100, {}, "the initrd of 100 bytes at 0x0fff9d to 0x100000 overlaps the kernel "
         "at 0x100000 to 0x3fffff"),
        (PREFERRED - 99, 100, {}, "the initrd of 100 bytes at 0xffff9d to 0x1000000 overlaps what "
         "the kernel unpacks to (init_size) at 0x1000000 to 0x17fffff"),
        (PREFERRED + UNPACKED - 1, 1, {}, "the initrd of 1 byte at 0x17fffff to 0x17fffff overlaps "
         "what the kernel unpacks to (init_size) at 0x1000000 to 0x17fffff"),
        (8 * MIB, 1, {"pref_address": None, "init_size": 8 * MIB},
         "the initrd of 1 byte at 0x800000 to 0x800000 overlaps what the kernel unpacks to "
         "(init_size) at 0x100000 to 0x8fffff"),
        (PREFERRED, 100, {"init_size": MEMORY - PREFERRED}, "the initrd of 100 bytes at 0x1000000 "
         "to 0x1000063 overlaps what the kernel unpacks to (init_size) at 0x1000000 to 0x3ffffff"),
    ],
)  # fmt: skip
def test_initrd_that_does_not_fit_is_told_with_both_ranges(
    at: int, size: int, fields: dict[str, Any], sentence: str
) -> None:
    assert said(with_initrd(at, size, **fields)) == sentence


@pytest.mark.parametrize(
    ("at", "size", "fields"),
    [
        (MEMORY - 4096, 4096, {}),
        (32 * MIB, 4096, {"initrd_addr_max": 32 * MIB + 4095}),
        (KERNEL_END, 100, {}),
        (MIB - 100, 100, {}),
        (PREFERRED - 100, 100, {}),
        (PREFERRED + UNPACKED, 100, {}),
        (PREFERRED, 100, {"init_size": None}),
        (PREFERRED, 100, {"init_size": MEMORY}),  # no room for the kernel itself
        (PREFERRED - 100, 100, {"init_size": MEMORY - PREFERRED}),
        (0, 1, {"init_size": MEMORY}),
        (None, 100, {}),
        (PREFERRED, None, {}),
    ],
)
def test_initrd_at_the_border_fits(
    at: int | None, size: int | None, fields: dict[str, Any]
) -> None:
    assert said(with_initrd(at, size, **fields)) == ""


def test_what_is_not_known_is_not_in_the_way() -> None:
    within = with_initrd(PREFERRED, 100)
    assert said(replace(within, kernel=None)) == ""
    assert said(replace(within, disk=None)) == ""
    unknown = replace(with_initrd(MEMORY, 100), machine=None)
    assert said(unknown) == ""
    assert "init_size" in said(replace(within, machine=None))
    found = initrd_does_not_fit(within)
    assert found
    assert found.evidence == ("init_size 8,388,608, pref_address 0x1000000",)
    bare = with_initrd(MIB, 100, init_size=None, pref_address=None)
    unsaid = initrd_does_not_fit(bare)
    assert unsaid
    assert unsaid.evidence == ("init_size 0, pref_address 0x000000",)
    high = initrd_does_not_fit(with_initrd(32 * MIB, 4097, initrd_addr_max=32 * MIB))
    assert high
    assert high.evidence == ("initrd_addr_max 0x2000000",)
    above = initrd_does_not_fit(with_initrd(MEMORY, 1))
    assert above
    assert above.evidence == ("memory ends at 0x3ffffff",)


def test_initrd_that_is_not_there_is_told_with_how_much_of_it() -> None:
    trace = with_initrd(32 * MIB, 100)
    proof = Comparison(32 * MIB, 100, 7, 3, 1, 2)
    missing = replace(trace, handoff=replace(handoff(0), initrd=proof))
    found = initrd_missing(missing)
    assert found
    assert "is not at 0x2000000 to 0x2000063" in found.sentence
    assert "7 of its bytes differ" in found.sentence
    equal = replace(trace, handoff=replace(handoff(0), initrd=Comparison(32 * MIB, 100)))
    assert initrd_missing(equal) is None


def calling(call: BiosCall, cs: int = 0, ip: int = 0x7D18) -> BootTrace:
    """Return the trace of a loader that made one call from there."""
    made = replace(call, registers_in=replace(call.registers_in, cs=cs, ip=ip))
    return loading_trace(PAYLOAD, [made], machine=MACHINE, ending="idle")


def to(segment: int, offset: int = 0, sectors: int = 1) -> BiosCall:
    call = read(5, sectors)
    assert call.packet
    return replace(call, packet=replace(call.packet, segment=segment, offset=offset))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (to(0x20, 0xFF), "the read of LBA 5 (0x0002ff to 0x0004fe) overwrote the interrupt"),
        (to(0x4F, 0xF), "the read of LBA 5 (0x0004ff to 0x0006fe) overwrote the interrupt vectors"),
        (to(0x50), None),
        (to(0x9FA0), None),
        (to(0x9FA0, 1), "overwrote the extended BIOS data area at 0x09fc00 to 0x09ffff"),
        (to(0xA000), "overwrote video memory and the BIOS at 0x0a0000 to 0x0fffff"),
        (to(0x7B1, 8), None),  # up to the byte before the call
        (to(0x7B1, 9), "overwrote the loader, which was running at 0000:7d18"),
        (to(0x7D1, 8), "overwrote the loader, which was running at 0000:7d18"),
        (to(0x7D1, 9), None),
        (move(MEMORY - 0xFDFF), "block move 0 (0x3ff0201 to 0x4000000) went past the end of the 64 "
         "MiB of memory"),
        (move(MEMORY - 0xFE00), None),
        (move(MIB, 0), None),
    ],
)  # fmt: skip
def test_what_was_overwritten_is_told_with_its_range(call: BiosCall, words: str | None) -> None:
    found = memory_clobbered(calling(call))
    assert (found is None) == (words is None)
    if found and words:
        assert words in found.sentence


def chs(buffer: int) -> BiosCall:
    inside = registers(eax=0x0202, ecx=5, edx=0, es=buffer >> 4)
    return BiosCall(0x13, 0x02, inside, replace(inside, eax=2), 0.0, 0.0)


def test_a_read_by_cylinder_is_told_as_that() -> None:
    found = memory_clobbered(calling(chs(0x400)))
    assert found
    assert found.sentence.startswith("a CHS read (0x000400 to 0x0007ff) overwrote the interrupt")
    trace = calling(chs(0x9F800))
    assert memory_clobbered(trace) is None
    assert trace.disk
    large = replace(trace.disk, drive=0, sector_bytes=1024)
    found = memory_clobbered(replace(trace, disk=large))
    assert found
    assert "overwrote the extended BIOS data area" in found.sentence


def test_memory_behind_what_the_bios_tells_of_is_not_the_loaders() -> None:
    low = replace(calling(to(0x8000)), machine=replace(MACHINE, low_kib=512))
    found = memory_clobbered(low)
    assert found
    assert found.sentence.endswith(
        "overwrote what is behind the 512 KiB of conventional memory at 0x080000 to 0x09ffff"
    )
    assert memory_clobbered(replace(low, machine=None)) is None
    at_639 = memory_clobbered(replace(calling(to(0x9FC0)), machine=None))
    assert at_639
    assert "the extended BIOS data area" in at_639.sentence


def test_what_is_right_before_or_of_no_size_hides_nothing_behind_it() -> None:
    calls = [to(0x2000), to(0x2000, sectors=0), to(0x20)]
    found = memory_clobbered(loading_trace(PAYLOAD, calls, machine=MACHINE, ending="idle"))
    assert found
    assert "overwrote the interrupt vectors" in found.sentence


def test_a_loader_that_runs_elsewhere_is_overwritten_there() -> None:
    found = memory_clobbered(calling(to(0x9000), cs=0x9000, ip=0x10))
    assert found
    assert "which was running at 9000:0010" in found.sentence


def test_moves_are_counted_and_what_failed_overwrote_nothing() -> None:
    calls = [move(MIB), move(2 * MIB, status=1), move(0xA0000)]
    trace = loading_trace(PAYLOAD, calls, machine=MACHINE, ending="idle")
    found = memory_clobbered(trace)
    assert found
    assert found.sentence.startswith("block move 2 (0x0a0000 to ")
    failed = loading_trace(PAYLOAD, [move(0xA0000, status=1)], machine=MACHINE, ending="idle")
    assert memory_clobbered(failed) is None


@pytest.mark.parametrize("status", [1, 2, 0x80])
def test_move_that_failed_is_the_first_of_them(status: int) -> None:
    calls = [move(MIB), move(MIB + 0xFE00, status=status), move(2 * MIB, status=3)]
    found = move_failed(loading_trace(PAYLOAD, calls))
    assert found
    assert found.sentence.startswith(f"block move 1 to 0x10fe00 failed with AH={status:02x}h, ")
    assert move_failed(loading_trace(PAYLOAD, calls[:1])) is None


def differing(proof: Comparison | None, *calls: BiosCall) -> BootTrace:
    seen = replace(handoff(len(calls)), payload=proof)
    return loading_trace(PAYLOAD, [*calls], handoff=seen, machine=MACHINE, ending="memory-differs")


DIFFERS = Comparison(MIB, 1000, 5, 10, 0x12, 0x34)


def test_memory_that_differs_is_told_with_its_first_byte() -> None:
    found = payload_corrupt(differing(DIFFERS))
    assert found
    assert found.sentence == (
        "the protected-mode kernel in memory differs from the file in 5 of 1,000 bytes, first at "
        f"offset 10 (0x10000a): 0x{DIFFERS.found:02x} instead of 0x{DIFFERS.expected:02x}"
    )
    assert found.evidence == ("compared from 0x100000 on",)
    assert payload_corrupt(differing(None)) is None
    assert payload_corrupt(differing(Comparison(MIB, 1000))) is None


def test_memory_that_ends_within_the_kernel_is_told_so() -> None:
    found = payload_corrupt(differing(replace(DIFFERS, found=None)))
    assert found
    assert found.sentence.endswith("that is where the 64 MiB of memory end")


def test_direction_flag_and_stray_sources_are_told() -> None:
    down = read(5, 1)
    down = replace(down, registers_in=replace(down.registers_in, flags=0x400))
    found = payload_corrupt(differing(DIFFERS, read(4, 1), down))
    assert found
    assert "the loader had the direction flag set (DF=1)" in found.sentence
    assert found.evidence[-1] == str(down)
    stray = payload_corrupt(differing(DIFFERS, read(4, 1), move(MIB), move(2 * MIB)))
    assert stray
    assert "direction flag" not in stray.sentence


@pytest.mark.parametrize("payload", [PAYLOAD])
def test_header_of_these_tests_is_as_they_say(payload: int) -> None:
    header = SetupHeader.parse(bzimage(syssize=payload // 16))
    assert header.load_address == MIB
    assert a20_closed(loading_trace(payload, [])) is None


# the stack


def stacked(top: int, *, ss: int | None = 0, ip: int = 0x7D18, **more: Any) -> BootTrace:
    """Return a loader of 256 bytes that made a call with its stack there."""
    call = read(5, 1)
    inside = replace(call.registers_in, ss=ss, esp=top, cs=0, ip=ip)
    trace = loading_trace(0, [replace(call, registers_in=inside)], **{"ending": "loop", **more})
    assert trace.disk
    sector = "00eb" + "eb" * 254 + "00" * 254 + "55aa"
    return replace(trace, disk=replace(trace.disk, boot_sector=sector))


@pytest.mark.parametrize(
    ("trace", "over"),
    [
        (stacked(0x7D05, ip=0x7CF0), True),
        (stacked(0x7D06, ip=0x7CF0), False),
        (stacked(0x7C06, ip=0x7CF0), True),
        (stacked(0x7C05, ip=0x7CF0), False),
        (stacked(0xABC7C80, ip=0x7CF0), True),
        (stacked(0x80, ss=0x7C0, ip=0x7CF0), True),
        (stacked(0x7C80, ip=0x7D00), False),
        (stacked(0x7C80, ip=0x7BFF), False),
        (stacked(0x7C80, ss=None, ip=0x7CF0), False),
        (stacked(0x7C80, ip=0x7CF0, ending="reached", handoff=handoff(1, compared=0)), False),
        (stacked(0x7C80, ip=0x7CF0, handoff=handoff(1)), False),
        (stacked(0x7C80, ip=0x7CF0, handoff=replace(handoff(1), payload=None)), True),
        (stacked(0x7C80, ip=0x7CF0, handoff=handoff(1, differing=3)), True),
        (replace(stacked(0x7C80, ip=0x7CF0), disk=None), False),
    ],
)
def test_a_stack_within_the_boot_sectors_code_is_the_cause(trace: BootTrace, over: bool) -> None:
    judgement = judge(trace)
    assert ("the loader's own stack lies in its code" in judgement.summary) is over


@pytest.mark.parametrize(("here", "over"), [(0x7C80, True), (0xF1234, False)])
def test_a_stack_segment_that_no_call_tells_is_the_last_that_was_seen(
    here: int, over: bool
) -> None:
    cpu = CpuSample(1.0, here, 0, here & 0xFFFF, "real", halted=False, interrupts=True)
    told = "ES =0000 00000000 0000ffff\nSS =00a0 00000a00 0000ffff\nDS =0000 00000000 0000ffff\n"
    seen = PostMortem("running", cpu, told, 16, 0, "", "")
    trace = replace(stacked(0x7C80 - 0xA00, ss=None, ip=0x7CF0), post_mortem=seen)
    judgement = judge(trace)
    assert ("was called with SS:SP 00a0:7280" in judgement.summary) is over


# what differs, and why


def test_a_closed_gate_is_no_cause_behind_a_banner() -> None:
    trace = loading_trace(0, [read(5, 1)], ending="panic", a20_wrapped=True)
    assert judge(trace).cause == "a20-closed"
    spoke = replace(trace, milestones=(Milestone("banner", 1.0),))
    assert judge(spoke).cause == "kernel-panic"


def test_a_gate_that_a_recorder_told_of_is_a_cause_where_more_was_read_with_it_closed() -> None:
    """A line shows the gate at a loader's calls alone: it may be opened behind the last of them."""
    setup, payload, later = read(2052, 5), read(2057, 1), read(2058, 1)
    told: dict[str, Any] = {
        "ending": "idle", "host": SERIAL_LINE, "a20_left_closed": True,
        "milestones": (Milestone("bios-handoff", 0.1),),
    }  # fmt: skip
    assert judge(loading_trace(1024, [setup, payload, later], **told)).cause == "a20-closed"
    once = judge(loading_trace(1024, [setup, payload], **told))
    assert once.cause == "stage1-hang"
    assert once.summary.endswith("; the A20 gate was closed then")
    moved = loading_trace(1024, [setup, payload, move(0x100000, 8), later], **told)
    assert judge(moved).cause != "a20-closed"
    told["a20_left_closed"] = False
    assert judge(loading_trace(1024, [setup, payload, later], **told)).cause == "stage1-hang"


def of_setup(proof: Comparison | None, *calls: BiosCall, **more: Any) -> BootTrace:
    """Return a boot whose setup code, of five sectors at 0x10000, was compared so."""
    seen = replace(handoff(len(calls)), real_mode=proof, real_mode_address=0x10000)
    values = {"ending": "memory-differs", "machine": MACHINE, **more}
    return loading_trace(0, [*calls], handoff=seen, **values)


FLIP = FaultyDiskFacts(
    ("flip:lba=2053,byte=10",), 1, 1,
    (DiskEvent(0.5, "flipped", 2053, 1, "flip:lba=2053,byte=10"),),
)  # fmt: skip


@pytest.mark.parametrize(("first", "named"), [(511, False), (512, True), (1023, True),
                                              (1024, False)])  # fmt: skip
def test_a_bit_that_a_fault_flipped_in_the_setup_is_named(first: int, named: bool) -> None:
    proof = Comparison(0x10000, 2560, 1, first, 0x12, 0x34)
    trace = of_setup(proof, faulty_disk=FLIP)
    judgement = judge(trace)
    assert judgement.cause == "setup-corrupt"
    assert judgement.summary.endswith("(fault flip:lba=2053,byte=10)") is named
    assert trace.disk
    for disk in (None, replace(trace.disk, kernel_lba=None)):
        assert "fault" not in judge(replace(trace, disk=disk)).summary


@pytest.mark.parametrize(
    ("calls", "sectors"),
    [
        ((to(0x1000, sectors=5),), None),
        ((to(0x1000, sectors=4),), 4),
        ((to(0x1000, sectors=2), to(0x1040, sectors=2)), 4),
        ((to(0x1000, sectors=2), to(0x1020, sectors=4)), None),
        ((to(0x1000, sectors=2), to(0x1060, sectors=2)), 2),
        ((to(0x0FE0, sectors=4),), 3),
        ((to(0x0FE0, sectors=2), to(0x0FE0, sectors=3)), 2),
        ((to(0x0FE0, sectors=1),), None),
        ((to(0x2000, sectors=2),), None),
    ],
)
def test_setup_of_which_only_the_beginning_was_read(
    calls: tuple[BiosCall, ...], sectors: int | None
) -> None:
    equal = Comparison(0x10000, 2560)
    judgement = judge(of_setup(equal, *calls, ending="loop"))
    said = f"only {sectors} of 5 sectors of the real-mode kernel were read to 0x010000"
    assert (judgement.summary == said) is (sectors is not None)
    assert ("of the real-mode kernel were read" in judgement.summary) is (sectors is not None)


def test_a_kernel_that_differs_is_told_with_what_may_have_done_it() -> None:
    down = read(5, 1)
    down = replace(down, registers_in=replace(down.registers_in, flags=0x400))
    assert "the direction flag set" in judge(differing(DIFFERS, read(4, 1), down)).summary
    for trace in (
        differing(DIFFERS, read(2052, 5)),
        replace(differing(DIFFERS, read(2052, 5)), kernel=None),
        replace(differing(replace(DIFFERS, found=None)), machine=None),
        replace(differing(DIFFERS), faulty_disk=FLIP),
        differing(replace(DIFFERS, first_difference=None)),
    ):
        judge(trace)
    unknown = payload_corrupt(replace(differing(replace(DIFFERS, found=None)), machine=None))
    assert unknown
    assert unknown.sentence.endswith("that is where the 1 MiB of memory end")
