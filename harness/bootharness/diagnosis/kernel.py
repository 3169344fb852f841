"""Causes that the kernel tells of itself, resets, and what is left when nothing else is known."""

import re

from bootharness.diagnosis.cmdline import cmdline_that_arrived
from bootharness.diagnosis.endings import port_misused, where
from bootharness.diagnosis.hangs import last_call, last_calls
from bootharness.diagnosis.odd_header import memory_lacking, odd_field
from bootharness.diagnosis.verdict import Finding
from bootharness.diagnosis.wire_words import flawed_beside_kernel
from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace

__all__ = [
    "decompress_failed",
    "initramfs_cut",
    "kernel_panic",
    "kernel_reset",
    "no_init",
    "said_of_initrd",
    "timed_out",
]

_NO_INIT = re.compile(r"Unable to mount root fs|No working init found|Requested init .* failed")
# what a kernel says of an initrd or an /init that it cannot use, before it looks elsewhere
_WHY_NO_INIT = re.compile(
    r"(Initramfs unpacking failed: [^\r\n]{1,200}|check access for rdinit=[^\r\n]{1,200}"
    r"|Failed to execute [^\r\n]{1,200}|Cannot open root device \x22(?!\(null\))[^\r\n]{1,200})"
)
_RDINIT = re.compile(r"(?:^|\s)rdinit=(\S{1,100})")
_UNPACKING_FAILED = re.compile(r"Initramfs unpacking failed: [^\r\n]{1,200}")
# what it says when a file did not fit; of junk behind an archive it complains in other words
_CUT = re.compile(
    r"Initramfs unpacking failed: (?:write error|[^\r\n]{0,80}(?:memory|allocate))[^\r\n]{0,80}"
)
# what it says when compressed bytes end too early, or are others (Linux, lib/decompress_*.c)
_DAMAGED = re.compile(
    r"Initramfs unpacking failed: (?:read error|[^\r\n]{0,80}(?:corrupt|truncated))[^\r\n]{0,80}"
)
_RESERVED = re.compile(
    r"Memory: \d{1,12}K/\d{1,12}K available \([^\r\n]{0,300}?, (\d{1,12})K reserved"
)
_USUALLY_RESERVED = 64 << 20
_MARGIN = 4 << 20
_SERIAL_LINES = 12
_PANIC, _PANIC_LINES = "Kernel panic - not syncing", 4
_HANGS = ("halted", "loop", "idle")
_HALTED = ("halted",)


def decompress_failed(trace: BootTrace) -> Finding | None:
    """The kernel's decompressor complains, stops or resets before the kernel proper begins."""
    ending = trace.ending
    if ending.kind == "complaint" and "CPU" not in ending.detail:
        words = " ".join(ending.detail.split())
        return Finding(f'the kernel could not unpack itself; it says "{words}"', _serial(trace))
    if not trace.timed and trace.handoff and (lacking := memory_lacking(trace)):
        return Finding(f"the kernel will not be able to unpack itself: {lacking}")
    by_uefi = trace.uefi_handoff is not None
    if not (by_uefi or trace.reached("protected-mode")) or trace.reached("banner"):
        return None
    if any(sample.in_kernel for sample in trace.samples):
        return None
    if trace.kernel and not trace.kernel.compression and not trace.kernel.header.payload_length:
        return None  # it has nothing to unpack
    if ending.kind == "guest-reset":
        what = f"the guest was reset{where(trace)}"
    elif ending.kind in (_HALTED if by_uefi else _HANGS):
        what = f"it stopped{where(trace)}"
    else:
        return None
    why = memory_lacking(trace) or odd_field(trace)
    behind = "the boot services had ended" if by_uefi else "protected mode"
    return Finding(
        f"the kernel could not unpack itself: {what} after {behind} and before its banner"
        f"{f'; {why}' if why else ''}",
        _serial(trace),
    )


def no_init(trace: BootTrace) -> Finding | None:
    """Userspace was wanted and the kernel found nothing to run."""
    if trace.ending.kind != "panic" or not _NO_INIT.search(trace.ending.detail):
        return None
    said = _WHY_NO_INIT.search(trace.serial)
    why = f'it said "{said[1]}" and ' if said else "it "
    asked = _RDINIT.search(cmdline_that_arrived(trace) or "")
    init = (
        f"{asked[1]} to run, which rdinit= on its command line names" if asked else "/init to run"
    )
    return Finding(
        f"the kernel found no {init}{_of_what_initrd(trace)}; {why}panicked: "
        f'"{trace.ending.detail}"{flawed_beside_kernel(trace)}',
        _before_panic(trace),
    )


def _of_what_initrd(trace: BootTrace) -> str:
    """Say how large the initrd was, or that there was none, where that is known."""
    given = trace.disk.initrd_bytes if trace.disk else None
    size = _initrd_bytes(trace)
    if given is not None or size:
        return f" (the initrd had {count(size or 0, 'byte')})"
    header = trace.handoff.header if trace.handoff else None
    ours = trace.disk is not None and trace.disk.cmdline is not None
    return " (there was no initrd)" if ours or (header and not header.ramdisk_size) else ""


def said_of_initrd(trace: BootTrace) -> str | None:
    """Return what the kernel said of an initrd that it could not unpack."""
    said = _UNPACKING_FAILED.search(trace.serial)
    return said[0] if said else None


def initramfs_cut(trace: BootTrace) -> Finding | None:
    """The kernel could not unpack all of the initrd, whatever it did then."""
    said = _CUT.search(trace.serial)
    if said is None:
        return _initrd_damaged(trace)
    size, memory = _initrd_bytes(trace), trace.machine.memory_bytes if trace.machine else None
    what, needs = "the initrd", ""
    if size:
        what = f"the initrd of {count(size, 'byte')}"
        needs = f"; it needs {_mib(_to_unpack(trace, size))} MiB, more if it is compressed"
        if memory:
            needs += f", and the machine has {memory >> 20:,}"
    return Finding(
        f'files of {what} are missing: the kernel says "{said[0]}"{needs}',
        tuple(line for line in trace.serial.splitlines() if "nitramfs" in line)[:_PANIC_LINES],
    )


def _initrd_damaged(trace: BootTrace) -> Finding | None:
    """Some of the initrd was unpacked, and what came of it was taken for all."""
    said = _DAMAGED.search(trace.serial)
    if said is None or trace.ending.kind != "reached":
        return None
    size = _initrd_bytes(trace)
    what = f"the initrd of {count(size, 'byte')}" if size else "the initrd"
    return Finding(
        f'files of {what} are missing, for it is cut short or damaged: the kernel says "{said[0]}"',
        tuple(line for line in trace.serial.splitlines() if "nitramfs" in line)[:_PANIC_LINES],
    )


def _to_unpack(trace: BootTrace, size: int) -> int:
    """Return the memory, in bytes, that a machine needs to unpack an initrd that is not compressed.

    Its files may fill half of what the kernel has not reserved, which is itself and the initrd.
    """
    told = _RESERVED.search(trace.serial)
    reserved = size + _USUALLY_RESERVED
    if told:
        reserved = int(told[1]) << 10
    return 2 * size + reserved + _MARGIN


def _initrd_bytes(trace: BootTrace) -> int | None:
    if trace.disk and trace.disk.initrd_bytes:
        return trace.disk.initrd_bytes
    if trace.network:
        for file in trace.network.files:
            if trace.network.role(file.name) == "initrd":
                return file.file_bytes
    if trace.handoff is None:
        return None
    if trace.handoff.initrd:
        return trace.handoff.initrd.compared_bytes
    return trace.handoff.header.ramdisk_size if trace.handoff.header else None


def _mib(size: int) -> str:
    return f"{-(-size >> 20):,}"


def kernel_panic(trace: BootTrace) -> Finding | None:
    """The kernel panicked."""
    if trace.ending.kind != "panic" or no_init(trace) or port_misused(trace):
        return None
    return Finding(f'the kernel panicked: "{trace.ending.detail}"', _before_panic(trace))


def kernel_reset(trace: BootTrace) -> Finding | None:
    """The kernel proper had begun, and the guest was reset without a word."""
    began = trace.reached("banner") or any(sample.in_kernel for sample in trace.samples)
    if trace.ending.kind != "guest-reset" or not began:
        return None
    return Finding(
        f"the guest was reset{where(trace)}{trace.ended_after}, by the kernel; "
        f"{trace.last_milestone}",
        _serial(trace),
    )


def timed_out(trace: BootTrace) -> Finding | None:
    """Nothing else is known but that the boot did not get on."""
    how = {
        "idle": "made no progress any more",
        "timeout": "was not finished in time",
    }.get(trace.ending.kind, f"ended ({trace.ending.kind})")
    return Finding(
        f"the boot {how}{trace.ended_after}; {trace.last_milestone}{last_call(trace)}",
        last_calls(trace),
    )


def _serial(trace: BootTrace) -> tuple[str, ...]:
    return tuple(trace.serial.splitlines()[-_SERIAL_LINES:])


def _before_panic(trace: BootTrace) -> tuple[str, ...]:
    """What the kernel said up to its panic; what follows is a call trace."""
    lines = trace.serial.splitlines()
    end = next((at for at, line in enumerate(lines) if _PANIC in line), len(lines)) + 1
    return tuple(lines[max(end - _PANIC_LINES, 0) : end])
