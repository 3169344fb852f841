"""What an initramfs, or an init, says when it cannot go on."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.diagnosis.kernel import no_init
from bootharness.trace.boot_trace import Ending
from bootharness.trace.heard import Heard
from tests.diagnosis.test_wanted import LATE, shown

BOOTED = replace(LATE, serial="Linux version 6.1.0 (x)\r\n")
UNPACKED = "[    2.8] Initramfs unpacking failed: ZSTD-compressed data is truncated\r\n"


@pytest.mark.parametrize(
    "words",
    [
        "ALERT!  LABEL=rood does not exist.  Dropping to a shell!",
        "Failed to mount /dev/sda2 as root file system.",
        "No root device specified. Boot arguments must include a root= parameter.",
        "No init found. Try passing init= bootarg.",
        "dracut-initqueue[304]: Warning: /dev/disk/by-label/rood does not exist",
        "[  190.1] dracut-initqueue[304]: Warning: /dev/disk/by-label/rood does not exist",
        "ERROR: device 'LABEL=rood' not found. Skipping fsck.",
        "ERROR: Failed to mount '/dev/sda2' on real root",
        "mount: mounting /dev/sda2 on /sysroot failed: No such file or directory",
        "You are in emergency mode. After logging in, type journalctl -xb",
        "You are in rescue mode. After logging in, type journalctl -xb",
        ":: device 'LABEL=rood' not found. Skipping fsck.",
        "ERROR: Device '/dev/vda3' not found.",
        "mount: mounting /dev/sda2 on /root failed: No such file or directory",
        "mount: mounting /dev/sda2 on /new_root failed: Invalid argument",
        "mount: mounting /dev/sda2 on /mnt/root failed: Invalid argument",
        "The root filesystem on /dev/sda1 requires a manual fsck",
        "Mounting root failed.",
        "Mounting root: failed.",
    ],
)
def test_its_words_are_the_sentence(words: str) -> None:
    judgement = judge(replace(BOOTED, serial=f"{BOOTED.serial}{words}\r\n\r\n(initramfs) "))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "userspace-gave-up")
    begin = " ".join(words.partition("Warning: ")[2].split() or words.split())[:30]
    assert f'it says "{begin}' in judgement.summary or f'it says "Warning: {begin}' in (
        judgement.summary
    )


def test_what_the_kernel_said_of_the_initrd_comes_first() -> None:
    words = "ALERT!  LABEL=root does not exist.  Dropping to a shell!\r\n"
    judgement = judge(replace(BOOTED, serial=BOOTED.serial + UNPACKED + words))
    assert judgement.cause == "userspace-gave-up"
    assert "ZSTD-compressed data is truncated" in judgement.summary
    judgement = judge(replace(BOOTED, serial=BOOTED.serial + UNPACKED))
    assert judgement.cause == "marker-not-seen"
    assert "ZSTD-compressed data is truncated" in judgement.summary


def test_words_on_the_screen_count() -> None:
    screen = shown("\nALERT!  UUID=1 does not exist.  Dropping to a shell!\n(initramfs)")
    assert judge(replace(BOOTED, post_mortem=screen)).cause == "userspace-gave-up"


def test_a_boot_that_came_to_its_pattern_after_such_words_is_good() -> None:
    words = "ALERT!  LABEL=root does not exist.  Dropping to a shell!\r\nlogin:"
    good = replace(BOOTED, serial=BOOTED.serial + words, ending=Ending("reached", 9.0))
    assert judge(good).verdict is Verdict.GOOD


def test_words_within_a_line_are_no_sign() -> None:
    line = "myinit: I never say You are in emergency mode\r\n"
    assert judge(replace(BOOTED, serial=BOOTED.serial + line)).cause == "marker-not-seen"


def test_whether_there_was_an_initrd_is_said_only_where_it_is_known() -> None:
    """Of a disk that somebody brought, the header at the kernel's entry tells it."""
    assert BOOTED.disk
    assert BOOTED.kernel
    assert BOOTED.handoff
    brought = replace(BOOTED.disk, cmdline=None)
    panicked = replace(
        BOOTED, disk=brought, until="init",
        ending=Ending("panic", 3.0, "VFS: Unable to mount root fs on unknown-block(0,0)"),
    )  # fmt: skip
    assert "/init to run; it panicked" in judge(panicked).summary

    def entered_with(size: int) -> str:
        header = replace(BOOTED.kernel.header, ramdisk_size=size, type_of_loader=0x31)
        finding = no_init(replace(panicked, handoff=replace(BOOTED.handoff, header=header)))
        assert finding
        return finding.sentence

    assert "(there was no initrd)" in entered_with(0)
    assert "(the initrd had 5,000 bytes)" in entered_with(5000)


def test_init_that_the_command_line_names_is_named() -> None:
    assert BOOTED.kernel
    assert BOOTED.handoff
    header = replace(BOOTED.kernel.header, cmd_line_ptr=0x9E000)
    ended = Ending("panic", 3.0, "VFS: Unable to mount root fs on unknown-block(0,0)")
    for line, init in (
        ("console=ttyS0 rdinit=/gone", "/gone to run, which rdinit= on its command line names ("),
        ("console=ttyS0 init=/gone", "/init to run ("),
    ):
        entered = replace(BOOTED.handoff, header=header, cmdline=line)
        finding = no_init(replace(BOOTED, until="init", ending=ended, handoff=entered))
        assert finding
        assert f"the kernel found no {init}" in finding.sentence


GAVE_UP = replace(
    BOOTED, serial=BOOTED.serial + "ALERT!  /dev/x does not exist.\r\n  \r\nsh\r\n1\r\n2\r\n3\r\n"
)


def test_what_it_says_is_one_sentence_with_what_came_behind_it() -> None:
    judgement = judge(GAVE_UP)
    assert judgement.summary == (
        'userspace came up and gave up; it says "ALERT! /dev/x does not exist."'
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == ("ALERT!  /dev/x does not exist.", "sh", "1", "2")


def test_what_the_kernel_had_said_is_said_behind_it() -> None:
    judgement = judge(replace(GAVE_UP, serial=UNPACKED + GAVE_UP.serial))
    assert judgement.summary == (
        'userspace came up and gave up; it says "ALERT! /dev/x does not exist.", after the kernel '
        'said "Initramfs unpacking failed: ZSTD-compressed data is truncated"'
    )


def test_words_of_nobody_and_words_before_another_end_are_no_userspaces() -> None:
    nobodys = replace(GAVE_UP, heard=None, handoff=None)
    assert judge(nobodys).cause == "marker-not-seen"
    assert judge(replace(nobodys, heard=Heard(on="serial line"))).cause == "userspace-gave-up"
    for kind in ("guest-reset", "unheard-of"):
        assert judge(replace(GAVE_UP, ending=Ending(kind, 9.0))).cause != "userspace-gave-up"


def test_words_in_colours_and_with_odd_ends_are_words() -> None:
    serial = BOOTED.serial + "\x1b[1mALERT!  /dev/x\x1b[0m does not exist.\r\r\nsh\r\n"
    judgement = judge(replace(BOOTED, serial=serial))
    assert judgement.summary.endswith('it says "ALERT! /dev/x does not exist."')
    judgement = judge(replace(BOOTED, serial=serial.replace("/dev/x", "/dev/\x07")))
    assert judgement.summary.endswith('it says "ALERT! /dev/\\x07 does not exist."')


def test_a_screen_that_nobody_looked_at_says_nothing() -> None:
    assert judge(replace(BOOTED, post_mortem=None)).cause == "marker-not-seen"
