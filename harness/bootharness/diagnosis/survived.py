"""What went wrong and was got over, or was asked for and not done: said, and no cause."""

import re

from bootharness.diagnosis.failed_reads import retried
from bootharness.diagnosis.screens import survived
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.plan import BootPlan
from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace

__all__ = [
    "attached_otherwise",
    "boot_manager_went_on",
    "never_asked",
    "read_again",
    "video_mode_not_set",
]

_VGA = re.compile(r"(?:^|\s)vga=(\S+)")
_MODES = {"normal": 0xFFFF, "extended": 0xFFFE, "ext": 0xFFFE, "ask": 0xFFFD}
"""(boot protocol, "Special Command Line Options": vga=)"""


def boot_manager_went_on(trace: BootTrace) -> str | None:
    """A boot manager complained, and entered a kernel all the same."""
    said = survived(trace)
    return f'the boot manager said "{said}", and went on' if said else None


def never_asked(trace: BootTrace) -> str | None:
    """Something was to be typed, and its pattern never came."""
    if len(trace.sent) == len(trace.send):
        return None
    pattern, _, text = trace.send[len(trace.sent)].partition("=>")
    return f"{pattern!r} never came, so {text!r} was not typed"


def read_again(trace: BootTrace) -> str | None:
    """A disk read failed, and then succeeded."""
    found = retried(trace)
    if not found:
        return None
    first = found[0]
    more = f"; so it was with {count(len(found) - 1, 'more read')}" if len(found) > 1 else ""
    return (
        f"the disk read of {first.what} failed with {first.why}, and succeeded in attempt "
        f"{first.attempts}{more}"
    )


def attached_otherwise(trace: BootTrace) -> str | None:
    """A disk of large sectors is attached by what SeaBIOS can boot it from, whatever is usual."""
    disk, machine = trace.disk, trace.machine
    by = machine.disk_interface if machine else None
    usual = by is None or by == BootPlan().machine.disk_interface
    if usual or disk is None or disk.kind != "disk" or disk.sector_bytes == SECTOR_BYTES:
        return None
    return (
        f"the disk is attached by {by}: it has sectors of {disk.sector_bytes:,} bytes, and SeaBIOS "
        "boots such a disk by nothing else"
    )


def video_mode_not_set(trace: BootTrace) -> str | None:
    """vga= is for the loader, and it has not told the kernel."""
    handoff = trace.handoff
    if handoff is None or handoff.header is None or trace.kernel is None:
        return None
    found = _VGA.search(handoff.cmdline or "")
    mode = _mode(found[1]) if found else None
    if not found or mode is None or handoff.header.vid_mode == mode:
        return None
    return (
        f"vga={found[1]} on the command line is for the loader, which was to set vid_mode to "
        f"0x{mode:04x} and left it at 0x{handoff.header.vid_mode:04x}: the kernel does not see it"
    )


def _mode(text: str) -> int | None:
    if text in _MODES:
        return _MODES[text]
    try:
        return int(text, 0)
    except ValueError:
        return None
