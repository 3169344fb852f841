"""Causes that a userspace tells of itself: an initramfs, or an init, that says it cannot go on."""

import re

from bootharness.diagnosis.kernel import said_of_initrd
from bootharness.diagnosis.verdict import Finding
from bootharness.text import as_shown
from bootharness.trace.boot_trace import BootTrace

__all__ = ["userspace_gave_up"]

# initramfs-tools, dracut, mkinitcpio, Alpine's and busybox's, systemd
_GAVE_UP = re.compile(
    r"^(?:\[ *[\d.]+\] )?(?:dracut[^:\n]{0,40}: )?("
    r"ALERT! .{1,200} does not exist\b.{0,40}"
    r"|No root device specified.{0,80}"
    r"|Failed to mount .{1,200} as root file system.{0,40}"
    r"|The .{1,40} filesystem on .{1,200} requires a manual fsck"
    r"|No init found\. Try passing init=.{0,40}"
    r"|(?:Warning: )?/dev/\S{1,200} does not exist"
    r"|(?::: |ERROR: )(?:device|Device) .{1,200} not found.{0,40}"
    r"|ERROR: Failed to mount .{1,200} on real root"
    r"|mount: mounting .{1,200} on /(?:sysroot|root|new_root|mnt/root)\S* failed.{0,80}"
    r"|Mounting root:? failed.{0,40}"
    r"|You are in (?:emergency|rescue) mode\b.{0,40}"
    r")",
    re.MULTILINE,
)
_LINES = 4


def userspace_gave_up(trace: BootTrace) -> Finding | None:
    """The initramfs did not find the root file system, or init ended in its emergency mode."""
    if trace.ending.kind != "timeout" or not trace.kernel_spoke:
        return None
    for text in (trace.serial, trace.post_mortem.screen if trace.post_mortem else ""):
        lines = as_shown(text)
        if said := _GAVE_UP.search(lines):
            return _told(trace, said[1], lines[said.start(1) :])
    return None


def _told(trace: BootTrace, words: str, rest: str) -> Finding:
    of_initrd = said_of_initrd(trace)
    before = f', after the kernel said "{of_initrd}"' if of_initrd else ""
    return Finding(
        f'userspace came up and gave up; it says "{" ".join(words.split())}"{before}',
        tuple([line for line in rest.splitlines() if line.strip()][:_LINES]),
    )
