"""Causes in what a loader tells a kernel at its 32-bit entry: no setup code asks the BIOS there."""

import re
from math import inf

from bootharness.diagnosis.verdict import Finding
from bootharness.text import address, count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.handoff import BootParams

__all__ = ["boot_params_wrong", "no_memory_map", "not_zeroed"]

_MIB = 1 << 20
_MOST_ENTRIES = 128
_BOOT_CS = 0x10
_MAP_LINES = 8
_USABLE = re.compile(r"BIOS-(\w{1,5}): \[mem 0x([0-9a-f]{16})-0x([0-9a-f]{16})\] usable\b")


def boot_params_wrong(trace: BootTrace) -> Finding | None:
    """What the loader has left in boot_params is not what boot.rst, "32-bit Boot Protocol", wants.

    Where the entry was not seen, the kernel itself tells which memory it believes in.
    """
    if trace.handoff and trace.handoff.boot_params:
        return _as_seen(trace, trace.handoff.boot_params)
    return _as_told(trace)


def _as_seen(trace: BootTrace, params: BootParams) -> Finding | None:
    assert trace.handoff
    registers = trace.handoff.registers
    if trace.handoff.header is None:
        wrong = f"ESI is 0x{registers.esi:08x}, and no setup header is there"
    elif params.e820_entries > _MOST_ENTRIES:
        wrong = f"e820_entries is {params.e820_entries}, and the table has {_MOST_ENTRIES}"
    elif not params.e820_entries and not params.alt_mem_k and not params.ext_mem_k:
        wrong = "it has no memory map: e820_entries, alt_mem_k and ext_mem_k are 0"
    elif not params.e820_entries and params.alt_mem_k << 10 > _memory(trace):
        wrong = (
            f"alt_mem_k is 0x{params.alt_mem_k:x}, {params.alt_mem_k >> 10:,} MiB of memory, and "
            f"the machine has {_memory(trace) // _MIB:,} MiB"
        )
    elif registers.cs != _BOOT_CS:
        wrong = f"CS is 0x{registers.cs:02x}; wanted is 0x10, with DS, ES and SS 0x18"
    elif registers.interrupts:
        wrong = "interrupts are on; wanted is IF=0"
    else:
        return None
    return Finding(
        f"the kernel was entered at its 32-bit entry with boot_params that are not right: {wrong}",
        (
            f"boot_params at {address(registers.esi)}: e820_entries {params.e820_entries}, "
            f"alt_mem_k 0x{params.alt_mem_k:x}, ext_mem_k 0x{params.ext_mem_k:x}",
        ),
    )


def not_zeroed(trace: BootTrace) -> str | None:
    """The kernel file's own bytes in boot_params; newer kernels mend most of it themselves."""
    params = trace.handoff.boot_params if trace.handoff else None
    if params is None or not params.as_in_file:
        return None
    return (
        f"boot_params was not zeroed: {count(params.as_in_file, 'byte')} outside of the setup "
        "header are those of the kernel's file, and only a newer kernel mends that"
    )


def _memory(trace: BootTrace) -> float:
    return trace.machine.memory_bytes if trace.machine else inf


def _as_told(trace: BootTrace) -> Finding | None:
    usable = _usable(trace)
    if not usable:
        return None
    believed, memory = sum(last + 1 - first for _, first, last in usable), _memory(trace)
    if believed <= memory:
        return None
    return Finding(
        f"the kernel was told of {believed // _MIB:,} MiB of memory, and the machine has "
        f"{memory // _MIB:,} MiB: who enters the kernel at its 32-bit entry fills in "
        "boot_params, the rest of it zeros",
        tuple(line for line in trace.serial.splitlines() if _USABLE.search(line))[:_MAP_LINES],
    )


def no_memory_map(trace: BootTrace) -> str | None:
    """A kernel that has the BIOS's memory map from nobody."""
    by = {source for source, _, _ in _usable(trace)}
    if not by or "e820" in by or boot_params_wrong(trace):
        return None
    return (
        f"the kernel knows its memory only by {', '.join(sorted(by))}: boot_params has no E820 "
        "map, and without one reserved memory may be taken for free"
    )


def _usable(trace: BootTrace) -> list[tuple[str, int, int]]:
    """Return what a kernel that was entered unseen says is usable: by whom, first, last."""
    seen = trace.handoff is not None and trace.handoff.boot_params is None
    if seen or trace.network or not trace.reached("banner"):
        return []
    return [
        (by, int(first, 16), int(last, 16)) for by, first, last in _USABLE.findall(trace.serial)
    ]
