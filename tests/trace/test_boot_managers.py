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
    "said",
    [
        "error: unknown filesystem.",
        "alert: no root.",
        "fatal: no space left.",
        "WARNING: it is old",
        "ERROR: No kernel",
        "PANIC: early exception 0e",
        "isolinux: Image checksum bad, sorry...",
        "LILO - Descriptor checksum wrong",
        "L 01 01 01",
        "No bootable device.",
        "No bootable medium",
        "No bootable image was there",
        "No bootable partition in table",
        "No bootable disk",
        "Missing operating system",
        "No operating system",
        "Error loading operating system",
        "No active partition",
        "Non-System disk",
        "This is not a bootable disk",
        "No system disk",
        "NTLDR is missing",
        "BOOTMGR is missing",
        "BOOTMGR is compressed",
        "A disk read error occurred",
        "Disk error 04, AX = 4200, drive 80",
        "Boot error",
        "Remove disks or other media.",
        "Insert system diskette",
        "Please insert a boot floppy",
        "No such file or directory",
        "No such partition",
        "No such device: 1234",
        "No such disk",
        "Kernel checksum error",
        "Bad magic number",
        "Out of memory",
        "Not enough memory to load specified image",
        "No DEFAULT or UI configuration directive there!",
        "No configuration file!",
        "Unknown keyword in configuration file: bla",
        "Loading vmlinuz failed",
        f"Loading {'x' * 100} failed",
        "Could not find kernel image: linux",
        "Operating system not found",
        "Cannot load a ramdisk with an old kernel image.",
        "Can't load the image",
        "Unable to open file",
        "Invalid or corrupt kernel image.",
        "the image is corrupt",
        "Too large for a boostrap (need LINUX instead of KERNEL?)",
    ],
)
def test_each_complaint_is_told_from_other_words(said: str) -> None:
    assert complaint_of(f"Loading\n  {said}\nall is well\n") == said


@pytest.mark.parametrize(
    "said", ["L 99", "no error: all is well", "a failedover node", "the invalidated line"]
)
def test_words_like_a_complaint_are_none(said: str) -> None:
    assert complaint_of(said) is None


def test_what_is_said_twice_is_repeated_once() -> None:
    assert complaint_of("error: a.\n\n\nerror: a.\nerror:  b.\n") == "error: a.; error: b."


def test_a_line_between_two_complaints_parts_them() -> None:
    assert complaint_of("error: a.\nerror: b.\n") == "error: a.; error: b."
    assert complaint_of("error: a.\nhello\nerror: b.\n") == "error: b."
    assert complaint_of("error: a.\nhello\n") == "error: a."


@pytest.mark.parametrize(
    ("screen", "for_ever"),
    [
        ("sh:grub> ", True),
        ("grub> \n", True),
        ("grub rescue>", True),
        ("boot.ipxe : 13 bytes [script]\niPXE> ", True),
        ("iPXE> sleep 5", False),
        ("grub> ls", False),
        ("Remove disks or other media.\nPress any key", True),
        ("Non-system disk\npress a key when ready", True),
        ("Not a bootable disk, press any key", True),
        ("other media\nstill here\npress any key", False),
        ("Press any key", False),
        ("Press ctrl+alt+del to restart", True),
        ("Invalid\nboot: \n", True),
        ("Invalid\nboot:\n1\n2\n3", True),
        ("Invalid kernel. boot: ", True),
        ("Invalid\nreboot: \n", False),
        ("Invalid\nboot: linux\n", False),
        ("grub> \n1\n2\n3", True),
        ("grub> \n1\n2\n3\n\n  \n", True),
        ("grub> \n1\n2\n3\n4", False),
    ],
)
def test_what_only_a_person_ends(screen: str, for_ever: bool) -> None:
    assert waits_for_ever(screen) is for_ever


@pytest.mark.parametrize(
    "screen",
    ["boot:", "grub> ls", "grub rescue> ls", "Press a key", "press any key", "Press <Enter>",
     "press [return]", "Press TAB", "press ESC", "Press F12 for the boot menu",
     "Use the arrow keys", "Use arrow keys", "Use the ^ and v keys", "Strike a key",
     "Hit any key", "hit a key", "Continue? [Y/n]", "Again? [y/N]", "Automatic boot in 10",
     "Automatically in 5 s", "automatically boot in 7", "to choose which entry is highlighted",
     "a\nReboot Into Firmware Interface \n "],
)  # fmt: skip
def test_each_prompt_is_one(screen: str) -> None:
    assert waits(screen)


@pytest.mark.parametrize(
    "screen",
    [
        "boot: linux",
        "press on",
        "use the keys",
        "use keys",
        "[y/x]",
        "F12",
        "Reboot Into Firmware Interface\nBoot in 9 s.",
    ],
)
def test_words_like_a_prompt_are_none(screen: str) -> None:
    assert not waits(screen)


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


def test_refind_says_what_it_did_not_find_and_shows_its_menu_again() -> None:
    said = "Starting vmlinux\nInvalid loader file!\nError: Not Found while loading vmlinux\n"
    assert complaint_of(said) == "Invalid loader file!; Error: Not Found while loading vmlinux"
    assert waits("Shut Down Computer\nUse arrow keys to move cursor; Enter to boot;\nInsert")


def test_last_lines_have_no_boxes() -> None:
    assert last_lines(MENU, 1) == "before booting or `c' for a command-line."
    assert last_lines("│ one │\n└─────┘\n") == "one"
    assert last_lines("one\n  \ntwo   2\nthree\n\n") == "two 2 / three"


def test_of_two_complaints_far_apart_the_last_counts() -> None:
    text = "error: no video mode.\nBooting\nLoading\nStarting\nerror: out of memory.\n"
    assert complaint_of(text) == "error: out of memory."


def test_hostile_text_is_come_through() -> None:
    for text in (" " * 60_000, "error" * 12_000, "Loading " * 8000, "L 00" * 15_000, "\n" * 60_000):
        assert complaint_of(text) is None or len(complaint_of(text) or "") < 1000
        assert not waits(text)
        assert not waits_for_ever(text)
