"""Where the CPU is, from QEMU's own dump of its registers."""

import re

from bootharness.trace.machine_facts import CpuSample

__all__ = ["parse_registers"]

_GENERAL = re.compile(r"\b(?:[ER][A-D]X|[ER][SD]I|[ER][SB]P|R8 |R9 |R1\d)=[0-9a-f]+")
_PE, _PG, _LMA = 1 << 0, 1 << 31, 1 << 10


def parse_registers(dump: str, seconds: float) -> CpuSample:
    """Parse the output of the monitor's ``info registers``.

    While the machine runs under TCG the instruction pointer is that of some moment ago; the
    mode is right.
    """
    pointer = int(_field(dump, r"[RE]IP=([0-9a-f]+)"), 16)
    segment = re.search(r"^CS =([0-9a-f]+) ([0-9a-f]+) ", dump, re.MULTILINE)
    selector, base = (int(part, 16) for part in segment.groups()) if segment else (0, 0)
    control = int(_field(dump, r"CR0=([0-9a-f]+)"), 16)
    extended = int(_field(dump, r"EFER=([0-9a-f]+)"), 16)
    flags = int(_field(dump, r"[RE]FL=([0-9a-f]+)"), 16)
    if not control & _PE:
        mode = "real"
    else:
        mode = "long" if extended & _LMA else "paged" if control & _PG else "protected"
    return CpuSample(
        seconds=seconds,
        linear=base + pointer,
        cs=selector,
        ip=pointer,
        mode=mode,
        halted=_field(dump, r"HLT=([01])") == "1",
        interrupts=bool(flags & 0x200),
        general=" ".join(_GENERAL.findall(dump)),
    )


def _field(dump: str, pattern: str) -> str:
    found = re.search(pattern, dump)
    return found[1] if found else "0"
