"""What a boot manager says on the screen, and what of it is a cause, a warning, or nothing."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.bzimage import SetupHeader
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.booted import LoaderFacts
from bootharness.trace.heard import Heard
from bootharness.trace.machine_facts import CpuSample, MachineFacts, PostMortem
from bootharness.trace.milestones import Milestone
from tests.support.builders import bzimage
from tests.support.traces import handoff, loading_trace, read, registers, teletype

pytestmark = pytest.mark.usefixtures("every_word")

CPU = CpuSample(1.0, 0x7C10, 0, 0x7C10, "real", halted=False, interrupts=True)
MACHINE = MachineFacts("qemu", "7.2", "tcg", "pc", "ahci", 128 << 20, ())
NO_ROOT = "VFS: Unable to mount root fs on unknown-block(0,0)"
GONE = "error: file `/vmlinuz' not found."
MENU = "GNU GRUB  version 2.06\n\n *Linux\n\n\nUse the ^ and v keys to select which entry\n"


def seen(screen: str) -> PostMortem:
    return PostMortem("running", CPU, "", 16, 0, "", screen)


def brought(*calls: BiosCall, ending: str = "idle", screen: str = "", **more: Any) -> BootTrace:
    """Return the trace of a disk that somebody brought, of which no kernel is known."""
    values: dict[str, Any] = {
        "kernel": None, "machine": MACHINE, "post_mortem": seen(screen), "heard": Heard(),
        "route": "disk", **more,
    }  # fmt: skip
    return replace(loading_trace(0, [read(1, 1), *calls], ending=ending), **values)


@pytest.mark.parametrize("ending", ["boot-manager", "waits-for-key", "idle", "loop", "timeout"])
def test_words_on_the_screen_are_the_cause(ending: str) -> None:
    lines = "\n".join(f"line {number}" for number in range(9))
    trace = brought(ending=ending, screen=f"{lines}\n\n{GONE}\ngrub> ")
    assert judge(trace).cause == "boot-manager-error"


def test_words_that_have_gone_from_the_screen_are_in_what_was_written() -> None:
    trace = brought(*teletype(f"{GONE}\r\n\r\n"), screen="GNU GRUB\n\ngrub> ")
    assert judge(trace).cause == "boot-manager-error"


OF_BOTH = "Failed to boot both default and fallback entries."


def test_a_menu_that_came_back_says_why_its_entry_failed() -> None:
    written = f"{GONE}\r\n\r\nPress any key to continue...\r\n\r\n  {OF_BOTH}\r\n"
    judgement = judge(brought(*teletype(written), screen=MENU))
    assert judgement.summary == f'the boot manager gave up; it says "{GONE}"'
    alone = judge(brought(*teletype(f"{OF_BOTH}\r\n"), screen=MENU))
    assert alone.summary == f'the boot manager gave up; it says "{OF_BOTH}"'


def test_what_a_menu_came_up_after_all_the_same_is_not_why_it_waits() -> None:
    gone = "error: file `/font.pf2' not found."
    assert judge(brought(*teletype(f"{gone}\r\n"), screen=MENU)).cause == "boot-menu-waits"
    tried = f"{gone}\r\n  Booting `Linux'\r\n\r\n{GONE}\r\n"
    judgement = judge(brought(*teletype(tried), screen=MENU))
    assert judgement.summary == f'the boot manager gave up; it says "{GONE}"'


def test_a_box_is_no_line_of_a_screen() -> None:
    box = "\u250c\u2500\u2500\u2510\n\u2502*a \u2502\n\u2502  \u2502\n\u2514\u2500\u2500\u2518\n"
    judgement = judge(brought(screen=f"{box}Use the ^ and v keys to select which entry\n"))
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == (
        "screen: *a", "screen: Use the ^ and v keys to select which entry",
    )  # fmt: skip


def test_what_the_bios_writes_is_not_the_boot_managers() -> None:
    trace = brought(*teletype("Boot failed: could not read\r\n", cs=0xF000), screen="boot: ")
    assert judge(trace).cause == "boot-menu-waits"


def test_screen_of_the_end_counts_and_else_the_last_that_was_read() -> None:
    late = brought(screen="", boot_screen=f"{GONE}\ngrub> ")
    assert judge(late).cause == "boot-manager-error"
    other = brought(screen="boot: ", boot_screen=f"{GONE}\ngrub> ")
    assert judge(other).cause == "boot-menu-waits"


@pytest.mark.parametrize(
    "more",
    [
        {"ending": "guest-reset"},
        {"disk": None},
        {"loader": LoaderFacts("stage1", "", {})},
    ],
)
def test_words_explain_no_other_end(more: dict[str, Any]) -> None:
    from bootharness.diagnosis.screens import boot_manager_error, boot_menu_waits

    trace = brought(screen=f"{GONE}\ngrub> ", **more)
    assert boot_manager_error(trace) is None
    assert boot_menu_waits(replace(trace, post_mortem=seen(MENU))) is None


@pytest.mark.parametrize("ending", ["waits-for-key", "idle", "boot-manager"])
def test_menu_waits_for_a_person(ending: str) -> None:
    assert judge(brought(ending=ending, screen=MENU)).cause == "boot-menu-waits"


def test_picture_that_rests_is_told_with_what_ocr_reads_off_it() -> None:
    read_off = "\n".join(f"line {number}" for number in range(8))
    picture = brought(ending="idle", post_mortem=replace(seen(" \n"), ocr=read_off))
    judgement = judge(picture)
    assert judgement.cause == "boot-menu-waits"
    assert judgement.summary == (
        "the boot manager shows a picture and does nothing more 1.00 s after launch, as a menu "
        'does that waits for a person: OCR reads off it "line 4 / line 5 / line 6 / line 7"'
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == tuple(f"OCR: line {number}" for number in range(2, 8))
    text = replace(picture, post_mortem=replace(seen("Loading"), ocr=read_off))
    assert judge(text).cause != "boot-menu-waits"
    assert judge(replace(picture, post_mortem=None)).cause != "boot-menu-waits"


def test_screen_without_a_prompt_is_a_hang_like_any_other() -> None:
    trace = brought(screen="Booting from Hard Disk...\nLoading", samples=(CPU,) * 3)
    assert judge(trace).cause == "stage1-hang"


def entered(*, ramdisk: int = 0, screen: str = GONE, **more: Any) -> BootTrace:
    """Return a boot that went on to its kernel."""
    header = replace(SetupHeader.parse(bzimage()), ramdisk_size=ramdisk, ramdisk_image=ramdisk)
    values: dict[str, Any] = {
        "handoff": replace(handoff(1), header=header, cmdline=None, payload=None),
        "milestones": (Milestone("banner", 1.0),),
        "boot_screen": screen,
        **more,
    }
    return brought(ending="reached", **values)


def test_error_that_was_got_over_is_a_warning() -> None:
    from bootharness.diagnosis.screens import survived

    assert survived(entered()) == GONE
    assert survived(entered(screen="Loading...")) is None
    assert survived(replace(entered(screen=""), bios_calls=tuple(teletype(GONE)))) is None
    written = replace(entered(screen="", handoff=None), bios_calls=tuple(teletype(GONE)))
    assert survived(written) == GONE
    assert survived(brought(screen=GONE)) is None
    ours, grub = (LoaderFacts(name, "", {}, manager=name == "GRUB") for name in ("own", "GRUB"))
    assert survived(replace(entered(), loader=ours)) is None
    assert survived(replace(entered(), loader=grub)) == GONE


@pytest.mark.parametrize(
    ("ramdisk", "machine", "cause"),
    [
        (0, MACHINE, "initrd-dropped"),
        (0, None, "initrd-dropped"),
        (4096, MACHINE, "no-init"),
    ],
)
def test_initrd_that_was_dropped(ramdisk: int, machine: MachineFacts | None, cause: str) -> None:
    ending = Ending("panic", 3.0, NO_ROOT)
    trace = replace(entered(ramdisk=ramdisk, screen="error: out of memory."), ending=ending,
                    until="init", machine=machine)  # fmt: skip
    judgement = judge(trace)
    assert [judgement.cause, *(each.cause for each in judgement.consequences)].count(cause) == 1
    assert ("initrd-dropped" in str(judgement)) is (cause == "initrd-dropped")


def test_kernel_that_panics_for_another_reason_has_its_initrd() -> None:
    trace = replace(entered(screen="error: out of memory."), ending=Ending("panic", 3.0, "Oops"))
    assert "initrd-dropped" not in str(judge(trace))


@pytest.mark.parametrize(
    ("cmdline", "vid_mode", "mode"),
    [
        ("console=ttyS0 vga=ask", 0xFFFF, "0xfffd"),
        ("vga=ext", 0xFFFF, "0xfffe"),
        ("vga=extended", 0xFFFF, "0xfffe"),
        ("vga=normal", 0x0317, "0xffff"),
        ("vga=791", 0xFFFF, "0x0317"),
        ("vga=0x317", 0xFFFF, "0x0317"),
        ("vga=0x317", 0x0317, None),
        ("vga=current", 0xFFFF, None),
        ("novga=791", 0xFFFF, None),
        ("quiet", 0xFFFF, None),
    ],
)
def test_video_mode_that_the_loader_was_to_set(
    cmdline: str, vid_mode: int, mode: str | None
) -> None:
    from bootharness.diagnosis.survived import video_mode_not_set

    header = replace(SetupHeader.parse(bzimage()), vid_mode=vid_mode)
    trace = loading_trace(0, [], handoff=replace(handoff(0), header=header, cmdline=cmdline))
    said = video_mode_not_set(trace)
    assert (said is None) is (mode is None)
    assert (mode or "") in (said or "")
    assert video_mode_not_set(replace(trace, handoff=None)) is None
    assert video_mode_not_set(replace(trace, kernel=None)) is None


def test_reads_that_succeeded_when_they_were_repeated_are_counted() -> None:
    asked, failed = registers(eax=1, ebx=0x8000, ecx=5), registers(eax=0x8000, flags=1)
    chs = BiosCall(0x13, 0x02, asked, failed, 0.0, 0.0)
    calls = [
        read(10, 1, status=0x20), read(10, 1), read(11, 1, status=0x80), read(12, 1),
        chs, replace(chs, registers_out=registers()),
    ]  # fmt: skip
    judgement = judge(loading_trace(0, calls, handoff=handoff(len(calls))))
    assert judgement.verdict is Verdict.GOOD
    [said] = judgement.warnings
    assert said == (
        "the disk read of 1 sector at LBA 10, drive 0x80, failed with AH=20h, controller failed, "
        "and succeeded in attempt 2; so it was with 1 more read"
    )
