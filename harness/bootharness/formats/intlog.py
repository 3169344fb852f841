"""QEMU's log of interrupts (`-d int,cpu_reset`): the exceptions that ended in a triple fault."""

import re
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from bootharness.text import address, seg_off

__all__ = ["GuestException", "triple_fault"]

_RAISED = re.compile(r"check_exception old: 0x([0-9a-f]+) new 0x([0-9a-f]+)")
_DELIVERED = re.compile(
    r" *\d+: v=([0-9a-f]+) e=([0-9a-f]+) i=([01]) cpl=\d "
    r"IP=([0-9a-f]+):([0-9a-f]+) pc=([0-9a-f]+) .*?(?:CR2=([0-9a-f]+))?$"
)
_NONE = 0xFFFFFFFF
_PAGE_FAULT = 14
# what comes between two exceptions that have nothing to do with each other
_ELSEWHERE = ("SMM: ", "Servicing hardware INT", "CPU Reset")
_NAMES = {
    0: "#DE divide error",
    1: "#DB debug",
    2: "NMI",
    3: "#BP breakpoint",
    4: "#OF overflow",
    5: "#BR bound range exceeded",
    6: "#UD invalid opcode",
    7: "#NM no coprocessor",
    8: "#DF double fault",
    10: "#TS invalid TSS",
    11: "#NP segment not present",
    12: "#SS stack fault",
    13: "#GP general protection",
    14: "#PF page fault",
    16: "#MF x87 error",
    17: "#AC alignment check",
    18: "#MC machine check",
    19: "#XM SIMD error",
}
_WITH_ERROR_CODE = (8, 10, 11, 12, 13, 14, 17)


class GuestException(Struct, frozen=True):
    """An exception, or the program's own INT, on the way to a triple fault.

    ``during`` is the vector that was being delivered when this one was raised. CS:IP, the
    linear address and the error code are None where QEMU does not log them: in real mode,
    and of the last one, which is never delivered. ``accessed`` is the address of a page fault.
    """

    vector: int
    during: int | None = None
    software: bool = False
    error_code: int | None = None
    cs: int | None = None
    ip: int | None = None
    linear: int | None = None
    accessed: int | None = None

    def __str__(self) -> str:
        """Write it in one line."""
        name = f"INT {self.vector:02x}h" if self.software else _name(self.vector)
        if self.error_code is not None and not self.software:
            name += f", error code 0x{self.error_code:04x}"
        if self.accessed is not None:
            name += f", of address {address(self.accessed)}"
        if self.during is not None:
            name += f", while {_name(self.during)} was being delivered"
        if self.cs is not None and self.ip is not None and self.linear is not None:
            name += f", at {seg_off(self.cs, self.ip)}, linear {address(self.linear)}"
        return name


def triple_fault(lines: Iterable[str]) -> tuple[GuestException, ...]:
    """Return the exceptions of the last triple fault in a log, in order; none without one.

    The log may begin anywhere: of a long one the end will do.
    """
    chain: list[GuestException] = []
    found: tuple[GuestException, ...] = ()
    for line in lines:
        if raised := _RAISED.match(line):
            before, vector = (int(part, 16) for part in raised.groups())
            if before == _NONE:
                chain = [each for each in chain[-1:] if each.cs is not None]
            chain.append(GuestException(vector, None if before == _NONE else before))
        elif delivered := _DELIVERED.match(line.rstrip()):
            chain = _delivered(chain, delivered)
        elif line.startswith(_ELSEWHERE):
            chain = []
        elif line.startswith("Triple fault"):
            found, chain = tuple(chain), []
    return found


def _delivered(chain: list[GuestException], line: re.Match[str]) -> list[GuestException]:
    """Add what the log knows of an exception once the CPU looks for its handler.

    Exceptions on the way to the same handler have the same CS:IP. The program's own INT is
    not announced before, nor is an invalid opcode.
    """
    vector, code, cs, ip, linear = (int(line[group], 16) for group in (1, 2, 4, 5, 6))
    raised = chain.pop() if chain and chain[-1].cs is None else GuestException(vector)
    before = [each for each in chain if (each.cs, each.ip) == (cs, ip)]
    # two exceptions make a double fault, whose own error code is always 0
    own = vector == raised.vector
    return [
        *before,
        replace(
            raised,
            during=before[-1].vector if before and raised.during is None else raised.during,
            software=line[3] == "1",
            error_code=code if own and vector in _WITH_ERROR_CODE else None,
            accessed=int(line[7], 16) if line[7] and own and vector == _PAGE_FAULT else None,
            cs=cs,
            ip=ip,
            linear=linear,
        ),
    ]


def _name(vector: int) -> str:
    return _NAMES.get(vector, f"exception 0x{vector:02x}")
