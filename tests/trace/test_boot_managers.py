"""What boot managers say: screens as they were seen, or as the programs' sources have them."""

import pytest

from bootharness.trace.boot_managers import complaint_of, last_lines, waits, waits_for_ever

SYSLINUX = "SYSLINUX 6.04 EDD 20210613 Copyright (C) 1994-2015 H. Peter Anvin et al\n"
GRUB_SHELL = """
                       GNU GRUB  version 2.06-13+deb12u2

   Minimal BASH-like line editing is supported. For the first word, TAB
   lists possible command completions. Anywhere else TAB lists possible
   device or file completions.

grub> """
MENU = """
 ┌───────────────────────────────────────┐
 │ Debian GNU/Linux                      │
 └───────────────────────────────────────┘

      Use the ↑ and ↓ keys to select which entry is highlighted.
      Press enter to boot the selected OS, `e' to edit the commands
      before booting or `c' for a command-line.
"""


@pytest.mark.parametrize(
    ("screen", "said", "for_ever"),
    [
        (f"{SYSLINUX}Loading vmlinuz-6.1... failed: No such file or directory\nboot: ",
         "Loading vmlinuz-6.1... failed: No such file or directory", True),
        (f"{SYSLINUX}WARNING: No configuration file found\nboot:",
         "WARNING: No configuration file found", True),
        (f"{SYSLINUX}\nFailed to load ldlinux.c32\n"
         "Boot failed: please change disks and press a key to continue.",
         "Failed to load ldlinux.c32; "
         "Boot failed: please change disks and press a key to continue.", True),
        (f"{SYSLINUX}Could not find kernel image: linux\nboot: ",
         "Could not find kernel image: linux", True),
        (f"{SYSLINUX}boot: ", None, False),
        ("GRUB loading.\nWelcome to GRUB!\n\nerror: no such partition.\nEntering rescue mode...\n"
         "grub rescue> ", "error: no such partition.", True),
        ("error: file `/vmlinuz' not found.\nerror: you need to load the kernel first.\n\n"
         "Press any key to continue...",
         "error: file `/vmlinuz' not found.; error: you need to load the kernel first.", False),
        (GRUB_SHELL, None, True),
        (MENU, None, False),
        ("isolinux: Disk error 20, AX = 4200, drive 9F\n\n"
         "Boot failed: press a key to retry...",
         "isolinux: Disk error 20, AX = 4200, drive 9F; Boot failed: press a key to retry...",
         True),
        ("Missing operating system", "Missing operating system", False),
        ("Invalid partition table", "Invalid partition table", False),
        ("BOOTMGR is missing\nPress Ctrl+Alt+Del to restart", "BOOTMGR is missing", True),
        ("NTLDR is missing\nPress any key to restart", "NTLDR is missing", False),
        ("L 99 99 99 99", "L 99 99 99 99", False),
        ("This is not a bootable disk.  Please insert a bootable floppy and\n"
         "press any key to try again ...",
         "This is not a bootable disk. Please insert a bootable floppy and", True),
        ("Booting from Hard Disk...\nBoot failed: not a bootable disk\n\nNo bootable device.",
         "Boot failed: not a bootable disk; No bootable device.", False),
        (f"{SYSLINUX}Loading vmlinuz... ok\nBooting kernel failed: Invalid argument\nboot: ",
         "Booting kernel failed: Invalid argument", True),
        ("No system disk. Press any key to reboot",
         "No system disk. Press any key to reboot", True),
        ("".join(f"error: file `/{name}.mod' not found.\n" for name in "abcd")
         + "error: no such device: dead-beef.\n\ngrub> ",
         "error: file `/c.mod' not found.; error: file `/d.mod' not found.; "
         "error: no such device: dead-beef.", True),
        ("all is well, and a kernel is being loaded", None, False),
        ("", None, False),
    ],
)  # fmt: skip
def test_what_is_complained_of_and_whether_that_is_the_end(
    screen: str, said: str | None, for_ever: bool
) -> None:
    assert complaint_of(screen) == said
    assert waits_for_ever(screen) is for_ever


@pytest.mark.parametrize(
    ("screen", "expected"),
    [
        (MENU, True),
        (GRUB_SHELL, True),
        (f"{SYSLINUX}boot: ", True),
        ("Automatic boot in 4 seconds...", True),
        ("Press any key to continue...", True),
        ("Booting from Hard Disk...", False),
    ],
)
def test_prompts_and_menus(screen: str, expected: bool) -> None:
    assert waits(screen) is expected


def test_last_lines_have_no_boxes() -> None:
    assert last_lines(MENU, 1) == "before booting or `c' for a command-line."
    assert last_lines("│ one │\n└─────┘\n") == "one"


def test_of_two_complaints_far_apart_the_last_counts() -> None:
    text = "error: no video mode.\nBooting\nLoading\nStarting\nerror: out of memory.\n"
    assert complaint_of(text) == "error: out of memory."


def test_hostile_text_is_come_through() -> None:
    for text in (" " * 60_000, "error" * 12_000, "Loading " * 8000, "L 00" * 15_000, "\n" * 60_000):
        assert complaint_of(text) is None or len(complaint_of(text) or "") < 1000
        assert not waits(text)
        assert not waits_for_ever(text)
