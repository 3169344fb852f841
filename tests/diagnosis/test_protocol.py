"""The rules of the boot protocol at the handoff, field by field and at their very limits."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.diagnosis.protocol import handoff_state, header_not_set
from bootharness.diagnosis.survived import video_mode_not_set
from bootharness.formats.bzimage import SetupHeader
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.handoff import BootParams
from tests.support.builders import bzimage
from tests.support.traces import handoff, loading_trace, registers, teletype

AT, SEGMENT = 0x10000, 0x1000
HEADER = SetupHeader.parse(bzimage(syssize=100, loadflags=0x81))
RIGHT = {"type_of_loader": 0xFF, "heap_end_ptr": 0xDE00, "cmd_line_ptr": 0x1E000}
ENTERED = {"cs": SEGMENT + 0x20, "ds": SEGMENT, "es": SEGMENT, "ss": SEGMENT, "esp": 0xE000}


def entered(
    *, cmdline: str | None = "quiet", at: dict[str, Any] | None = None,
    disk: dict[str, Any] | None = None, **fields: Any,
) -> BootTrace:  # fmt: skip
    """Return the trace of a boot that entered its kernel so; what is not given is right."""
    state = replace(
        handoff(0),
        registers=registers(**{**ENTERED, **(at or {})}),
        header=replace(HEADER, **{**RIGHT, **fields}),
        real_mode_address=AT,
        cmdline=cmdline,
    )
    trace = loading_trace(1600, [], handoff=state)
    assert trace.disk
    return replace(trace, disk=replace(trace.disk, **(disk or {})))


def wrong(trace: BootTrace) -> str:
    found = header_not_set(trace) or handoff_state(trace)
    return found.sentence.partition(": ")[2] if found else ""


def test_what_is_right_is_not_blamed() -> None:
    assert wrong(entered()) == ""


SETUP_END = HEADER.real_mode_bytes - 0x200


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"type_of_loader": 0}, "type_of_loader is 0, so the kernel takes no initrd"),
        ({"loadflags": 0x01}, "loadflags is 0x01, without CAN_USE_HEAP"),
        ({"heap_end_ptr": SETUP_END - 1}, f"heap_end_ptr is 0x{SETUP_END - 1:04x}, inside the"),
        ({"cmd_line_ptr": 0}, "cmd_line_ptr is 0, so the kernel gets no command line"),
        (
            {"ramdisk_image": 0x7000, "ramdisk_size": 5000, "disk": {"cmdline": ""}},
            "ramdisk_image and ramdisk_size are 0x007000 and 5,000, and there is no initrd",
        ),
        (
            {"ramdisk_image": 0x7000, "ramdisk_size": 5000, "disk": {"initrd_bytes": 6000}},
            "ramdisk_image and ramdisk_size are 0x007000 and 5,000; wanted are 0x007000 and 6,000",
        ),
        (
            {"ramdisk_size": 5000, "disk": {"initrd_bytes": 6000}},
            "ramdisk_image and ramdisk_size are 0x000000 and 5,000; wanted are 0x000000 and 6,000",
        ),
        (
            {"ramdisk_size": 6000, "disk": {"initrd_bytes": 6000, "initrd_address": 0x9000}},
            "ramdisk_image and ramdisk_size are 0x000000 and 6,000; wanted are 0x009000 and 6,000",
        ),
    ],
)
def test_field_of_the_header_is_named(fields: dict[str, Any], said: str) -> None:
    assert wrong(entered(**fields)).startswith(said)


@pytest.mark.parametrize(
    "fields",
    [
        {"heap_end_ptr": SETUP_END, "at": {"esp": SETUP_END + 0x200 + 0x100}},
        {"cmd_line_ptr": 0, "disk": {"cmdline": ""}},
        {"ramdisk_image": 0x7000, "ramdisk_size": 5000, "disk": {"initrd_bytes": 5000}},
        {"ramdisk_image": 0x7000, "ramdisk_size": 5000, "disk": {"cmdline": None}},
        {"heap_end_ptr": None},
    ],
)
def test_header_that_is_as_it_may_be_is_not_blamed(fields: dict[str, Any]) -> None:
    assert header_not_set(entered(**fields)) is None


def test_no_setup_code_needs_no_heap() -> None:
    trace = entered(heap_end_ptr=0, loadflags=1)
    assert trace.handoff
    params = BootParams(1, 0, 0, 0)
    assert (
        header_not_set(replace(trace, handoff=replace(trace.handoff, boot_params=params))) is None
    )


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"cs": SEGMENT}, "it was entered at 1000:0000 instead of 1020:0000"),
        ({"cs": SEGMENT + 0x1F, "ip": 0x10}, "it was entered at 101f:0010 instead of 1020:0000"),
        ({"cs": SEGMENT + 0x21, "ip": 0xFFF0}, "it was entered at 1021:fff0 instead of 1020:0000"),
        ({"flags": 0x200}, "interrupts are on; wanted is IF=0"),
        ({"ds": 0}, "DS is 0000; wanted is 1000"),
        ({"es": 7}, "ES is 0007; wanted is 1000"),
        ({"ss": 7}, "SS is 0007; wanted is 1000"),
        ({"esp": 0xE001}, "SP is e001; wanted is the end of the heap, e000, or a little less"),
        ({"esp": HEADER.real_mode_bytes}, f"SP is {HEADER.real_mode_bytes:04x}; wanted is the end"),
    ],
)
def test_state_at_the_entry_is_named(state: dict[str, int], said: str) -> None:
    trace = entered(at=state)
    assert wrong(trace).startswith(said)
    found = handoff_state(trace)
    assert found
    assert " SS " in found.evidence[0]


def test_stack_segment_that_nobody_told_is_left_out() -> None:
    found = handoff_state(entered(at={"ss": None, "ds": 0}))
    assert found
    assert " SS" not in found.evidence[0]
    assert f"ES {SEGMENT:04x} SP" in found.evidence[0]


def test_stack_may_begin_right_above_the_setup_code_and_what_it_needs() -> None:
    bottom = HEADER.real_mode_bytes + 512
    assert handoff_state(entered(at={"esp": bottom})) is None
    assert handoff_state(entered(at={"esp": 0xABC0000 + bottom})) is None
    for loadflags, heap_end, top in ((0x81, 0, "0200"), (0x81, None, "0200"), (0x01, 0, "0000")):
        below = handoff_state(
            entered(at={"esp": bottom - 1}, loadflags=loadflags, heap_end_ptr=heap_end)
        )
        assert below
        assert f"wanted is the end of the heap, {top}, or a little less" in below.sentence


@pytest.mark.parametrize(("ending", "by"), [("boot-failed", "INT 18h"), ("bootstrap", "INT 19h")])
def test_kernel_that_gives_the_machine_back_is_told_with_its_last_words(
    ending: str, by: str
) -> None:
    said = teletype("first\r\nno root  \r\n", cs=0x1020)
    trace = loading_trace(1600, said, ending=ending, handoff=handoff(0))
    judgement = judge(trace)
    assert judgement.cause == "kernel-gave-up"
    assert judgement.summary == (
        f"the kernel, 6.1.0, was entered, and gave the machine back to the BIOS with {by}; the "
        "screen ends in 'no root'"
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == tuple(map(str, said[-4:]))
    silent = judge(replace(trace, kernel=None, bios_calls=()))
    assert silent.summary == (
        f"the kernel was entered, and gave the machine back to the BIOS with {by}"
    )


@pytest.mark.parametrize("loadflags", [0x81, 0x01])
def test_stack_may_end_where_the_heap_does_or_at_64_kib_without_one(loadflags: int) -> None:
    top = 0xE000 if loadflags & 0x80 else 0xFFFF
    assert handoff_state(entered(at={"esp": top}, loadflags=loadflags)) is None
    above = handoff_state(entered(at={"esp": 0xE100}, loadflags=loadflags))
    assert (above is None) == (loadflags == 0x01)


@pytest.mark.parametrize(
    ("cmdline", "vid_mode", "said"),
    [
        ("quiet vga=791", 0xFFFF, "vga=791 on the command line is for the loader, which was to "
         "set vid_mode to 0x0317 and left it at 0xffff: the kernel does not see it"),
        ("vga=ask", 0, "vga=ask on the command line is for the loader, which was to set vid_mode "
         "to 0xfffd and left it at 0x0000: the kernel does not see it"),
        ("vga=0x317", 0x317, None),
        ("vga=normal", 0xFFFF, None),
        ("vga=strange", 0, None),
        ("novga=791", 0, None),
        ("quiet", 0, None),
        ("", 0, None),
        (None, 0, None),
    ],
)  # fmt: skip
def test_video_mode_that_the_loader_was_to_set(
    cmdline: str | None, vid_mode: int, said: str | None
) -> None:
    assert video_mode_not_set(entered(cmdline=cmdline, vid_mode=vid_mode)) == said


def test_video_mode_of_what_was_not_seen_is_not_told() -> None:
    trace = entered(cmdline="vga=791")
    assert trace.handoff
    assert video_mode_not_set(trace)
    assert video_mode_not_set(replace(trace, handoff=None)) is None
    assert video_mode_not_set(replace(trace, kernel=None)) is None
    unseen = replace(trace, handoff=replace(trace.handoff, header=None))
    assert video_mode_not_set(unseen) is None
