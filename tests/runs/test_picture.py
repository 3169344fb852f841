"""What a report draws of a boot, from traces made by hand."""

from bootharness.diagnosis import judge
from bootharness.runs.picture import picture
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.machine_facts import CpuSample, PostMortem
from tests.support.traces import loading_trace, teletype

CPU = CpuSample(1.0, 0x7C10, 0, 0x7C10, "real", halted=False, interrupts=True)


def screen(trace: BootTrace) -> str:
    return picture(trace, judge(trace)).screen


def test_the_screen_is_the_last_one_that_somebody_saw() -> None:
    written = teletype("Booting from Hard Disk...\r\nDisk error 17")
    looked_at = PostMortem("running", CPU, "", 16, 0, "", "GRUB at the end")
    empty = PostMortem("running", CPU, "", 16, 0, "", " \n \n")
    assert screen(loading_trace(16, written)) == "Booting from Hard Disk...\r\nDisk error 17"
    assert screen(loading_trace(16, written, boot_screen="GRUB before")) == "GRUB before"
    both = {"boot_screen": "GRUB before", "post_mortem": looked_at}
    assert screen(loading_trace(16, written, **both)) == "GRUB at the end"
    graphics = {"boot_screen": "GRUB before", "post_mortem": empty}
    assert screen(loading_trace(16, written, **graphics)) == "GRUB before"
    assert screen(loading_trace(16, [])) == ""


def test_a_flood_on_the_screen_makes_no_large_picture() -> None:
    shown = screen(loading_trace(16, [], boot_screen="x" * 1_000_000 + "the end"))
    assert len(shown) < 10_000
    assert shown.endswith("the end")
