"""The command line that was asked for against the one that arrived."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.formats.bzimage import SetupHeader
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.machine_facts import MachineFacts
from bootharness.trace.milestones import Milestone
from tests.support.builders import bzimage
from tests.support.traces import handoff, loading_trace

pytestmark = pytest.mark.usefixtures("every_word")

BANNER = (Milestone("banner", 1.0),)
UEFI = MachineFacts("qemu", "7.2", "tcg", "pc", None, 512 << 20, (), bios=None, firmware="uefi")


def by_uefi(asked: str, got: str, *said: str) -> BootTrace:
    lines = (*said, f"[    0.000000] Command line: {got}", "")
    return BootTrace(
        "k", "init", Ending("reached", 2.0), cmdline=asked, machine=UEFI, milestones=BANNER,
        serial="\r\n".join(lines),
    )  # fmt: skip


def in_memory(asked: str, got: str, **more: Any) -> BootTrace:
    header = SetupHeader.parse(bzimage(syssize=100))
    header = replace(
        header, cmd_line_ptr=0x99000, type_of_loader=0xFF, loadflags=0x81, heap_end_ptr=0x9000
    )
    seen = replace(handoff(0), cmdline=got, header=header)
    return replace(loading_trace(1600, [], **more), disk=None, handoff=seen, cmdline=asked)


LONG = "a=" + "x" * 980


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("console=ttyS0 quiet", "vmlinuz initrd=initrd.img console=ttyS0 quiet"),
        ("console=ttyS0  quiet", "BOOT_IMAGE=vmlinuz console=ttyS0 quiet"),
        ('a="b c"', "BOOT_IMAGE=x a=b c"),
        ("console=ttyS0", "console=ttyS0 built-in=1"),
        (f"{LONG} last", f"vmlinuz {LONG}"[:980]),
        (f"b {LONG} last", f"vmlinuz b {LONG} la"),
        ("console=ttyS0", f"vmlinuz console=ttyS0 {LONG}"),
        ("", "vmlinuz"),
    ],
)
def test_boot_programs_may_add_words(asked: str, got: str) -> None:
    assert judge(by_uefi(asked, got)).cause is None
    assert len(got) > 900 or judge(in_memory(asked, got)).cause is None


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("console=ttyS0 quiet", "vmlinuz console=ttyS0"),
        ("console=ttyS0 quiet", "vmlinuz console=ttyS0 qui"),
        ("console=ttyS0 quiet", "vmlinuz"),
        ("a b c", "a c b"),
        (f"{LONG} last", f"vmlinuz {LONG.replace('xx', 'xy')}"[:980]),
        (f"b {LONG} last", f"vmlinuz b {LONG} lo"),
        (f"b {LONG} last", f"vmlinuz bb {LONG} la"),
        ("a b", "vmlinuz a c  "),
    ],
)
def test_what_is_missing_or_another_is_found(asked: str, got: str) -> None:
    assert judge(by_uefi(asked, got)).cause == "cmdline-wrong"
    assert judge(in_memory(asked, got)).cause == "cmdline-wrong"


@pytest.mark.parametrize("got", ["", "vml", "vmlinuz con", "vmlinuz console=ttyS0 qui"])
def test_line_that_the_boots_end_has_cut_off_tells_nothing(got: str) -> None:
    asked = "console=ttyS0 quiet"
    whole = by_uefi(asked, got)
    cut = replace(whole, serial=whole.serial.rstrip("\r\n"))
    assert judge(whole).cause == "cmdline-wrong"
    assert judge(cut).cause is None


@pytest.mark.parametrize(("length", "cause"), [(899, None), (900, "cmdline-wrong")])
def test_of_a_line_that_is_not_ended_as_much_is_known_as_a_kernels_line_holds(
    length: int, cause: str | None
) -> None:
    whole = by_uefi("console=ttyS0", f"vmlinuz {LONG}"[:length])
    assert judge(replace(whole, serial=whole.serial.rstrip("\r\n"))).cause == cause


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("root=a quiet", "x root=a root=a loud"),  # begins at the first of them
        ("a b c", "x a c b"),
        ("a b c", "x a b d"),
        ("a", "b"),
        ("a", ""),
        ("", "x"),
        (" a b", "x a c"),
        ("a b", "a b c"),
        ("a b c", "a b"),
    ],
)
def test_place_from_which_a_line_differs(asked: str, got: str) -> None:
    trace = in_memory(asked, got)
    disk = loading_trace(1600, []).disk
    assert disk
    # from a disk of ours every character has to be there
    assert judge(replace(trace, disk=replace(disk, cmdline=asked))).cause == "cmdline-wrong"


@pytest.mark.parametrize("length", [899, 900])
def test_line_that_may_be_cut_is_as_long_as_a_kernels_line(length: int) -> None:
    judgement = judge(by_uefi(f"{LONG} last", f"vmlinuz {LONG}"[:length]))
    assert judgement.cause == ("cmdline-wrong" if length < 900 else None)


@pytest.mark.parametrize("asked", ["12345678 " * 9, None])
def test_line_that_was_foreseen_to_be_too_long(asked: str | None) -> None:
    said = "the command line has 81 bytes, and the kernel takes 80 (cmdline_size)"
    trace = BootTrace("k", "init", Ending("foreseen", 0.0, said), cmdline=asked)
    judgement = judge(trace)
    assert (judgement.cause, judgement.summary) == ("cmdline-wrong", said)
    assert judge(replace(trace, ending=Ending("timeout", 9.0, said))).cause == "timed-out"
    other = replace(trace, ending=Ending("foreseen", 0.0, "the initrd is too large"))
    assert judge(other).cause == "timed-out"


@pytest.mark.parametrize(("limit", "fits"), [(2, False), (3, True)])
def test_line_is_as_long_as_the_kernel_takes_at_the_most(limit: int, fits: bool) -> None:
    seen, said = in_memory("a b", "a b"), by_uefi("a b", "a b")
    assert seen.handoff
    assert seen.handoff.header
    assert seen.kernel
    header = replace(seen.handoff.header, cmdline_size=limit)
    kernel = replace(seen.kernel, header=header)
    expected = None if fits else "cmdline-wrong"
    at_handoff = replace(seen, handoff=replace(seen.handoff, header=header))
    assert judge(at_handoff).cause == expected
    assert judge(replace(at_handoff, kernel=None)).cause == expected
    assert judge(replace(said, kernel=kernel)).cause == expected


def test_stub_that_cuts_a_line_is_quoted() -> None:
    said = "EFI stub: ERROR: Command line is too long: truncated to 70 bytes"
    judgement = judge(by_uefi(f"{LONG} last", f"vmlinuz {LONG}"[:980], said))
    assert judgement.cause == "cmdline-wrong"
    assert "truncated to 70 bytes" in judgement.summary


def test_kernel_that_says_nothing_of_its_line_is_not_blamed() -> None:
    assert judge(replace(by_uefi("a b", "c"), serial="")).cause is None
    before = replace(by_uefi("a b", "c"), milestones=())
    assert judge(before).cause is None
