"""Whom a boot manager has started, where nobody saw a Linux being entered: Xen, another kernel by
multiboot, or a Linux of which nothing was heard."""

import re

from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.machine_facts import CpuSample

__all__ = ["runs_at_the_end", "xen_ends"]

_XEN = "Xen"
_XEN_LINE = re.compile(r"^\(XEN\) ?([^\r\n]{0,200})", re.MULTILINE)
_XEN_ENDS = re.compile(
    r"^\(XEN\) Panic on CPU \d{1,5}:\s{1,4}\(XEN\) (?P<panic>[^\r\n]{1,200})"
    r"|^\(XEN\) (?P<ended>(?:Hardware Dom0|Dom(?:ain )?0) [^\r\n]{0,40}?"
    r"(?:crashed|halted|shutdown|watchdog)[^\r\n]{0,120})",
    re.MULTILINE,
)
# a BIOS, a boot sector and a boot manager of a BIOS do without
_PAGING = ("paged", "long")
# GRUB's own code lies below 1 MiB, its modules at the top of memory, and a multiboot kernel here
_MULTIBOOT = range(0x100000, 0x400000)


def runs_at_the_end(trace: BootTrace) -> str:
    """Return which such kernel ran when the boot ended, to begin a sentence; empty where none is
    known to have."""
    if not trace.managed or trace.handed_off or (trace.kernel_spoke and not xen_ends(trace)):
        return ""
    if _XEN_LINE.search(trace.serial):
        return _XEN
    own = [each for each in trace.samples if not each.in_bios and not each.in_kernel]
    if own and _is_kernel(trace, own[-1]):
        manager = trace.manager or "the boot manager"
        return f"the kernel that {manager} started"
    return ""


def _is_kernel(trace: BootTrace, sample: CpuSample) -> bool:
    if sample.mode in _PAGING:
        return trace.machine is None or trace.machine.firmware != "uefi"  # which has paging itself
    return trace.manager == "GRUB" and sample.mode == "protected" and sample.linear in _MULTIBOOT


def xen_ends(trace: BootTrace) -> re.Match[str] | None:
    """Return where Xen says last why it ends, None where it does not."""
    return next(reversed([*_XEN_ENDS.finditer(trace.serial)]), None)
