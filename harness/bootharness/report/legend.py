"""The words of our pages, for whoever meets them for the first time."""

__all__ = ["LEGEND"]

LEGEND: tuple[tuple[str, str], ...] = (
    ("GOOD", "The boot came as far as it had to, and that was proven."),
    ("WARN", "Good, with something to look at."),
    ("BAD", "The boot failed, and that was proven; the word after it is the cause."),
    ("STILL", "Bad, and the baseline fails with the same cause: no regression."),
    (
        "UNKNOWN",
        "Neither was proven: something on our side was missing, or in the way. Programs are told "
        "skip, and exit status 125.",
    ),
    ("cell", "One boot that was asked for: one kernel, booted in one way."),
    ("route", "What brings the kernel: a disk, a network, QEMU itself."),
    ("baseline", "The last kernel that is known to be good. The others are compared with it."),
    ("attempt", "One try at the same boot. A boot that fails is tried until two attempts agree."),
    (
        "new, still failing, fixed",
        "Whether the kernel before it, by the baseline, in this gate or in the history, failed "
        "when it was booted in the same way.",
    ),
    ("flaky", "The same boot came to different ends."),
    ("reused", "Not booted now: nothing that matters has changed since it was."),
    (
        "loader",
        "The program in the disk's first sector, which brings the kernel into memory; stage1 is "
        "the one of this project.",
    ),
    ("BIOS call", "How a loader asks the BIOS for something, such as to read a disk."),
    (
        "block move",
        "The BIOS call with which a loader in real mode copies above 1 MiB (INT 15h AH=87h). Its "
        "descriptor holds the address that it copies to.",
    ),
    (
        "wrapped",
        "A carry was lost from the address of a block move, so the copy went 16 MiB too low.",
    ),
    ("payload", "The part of the kernel that goes above 1 MiB, compressed: syssize * 16 bytes."),
    ("setup", "The first part of the kernel, in real mode, in sectors of 512 bytes."),
    ("init_size", "How much memory the kernel needs from its start on while it unpacks itself."),
    ("limit", "The largest payload that a loader can bring into memory."),
    (
        "milestones",
        "The points of a boot, in their order: bios-handoff (the BIOS starts the loader), stage1 "
        "(the loader runs), boot-manager, boot-menu and kernel-chosen (one runs, shows a menu, and "
        "an entry is taken), setup-loaded and kernel-loaded (both parts are in memory), "
        "setup-entered (the kernel runs), protected-mode, banner (it says Linux version), init "
        "(userspace runs).",
    ),
    ("KVM, tcg", "QEMU with the CPU's help, and without it; boots take longer without it."),
)
"""Each word with what it means."""
