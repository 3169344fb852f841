"""What the tracer inside gdb has written, as BIOS calls."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from bootharness.formats.bioscall import BiosCall, DiskAddressPacket, Registers
from bootharness.formats.gdt import BlockMoveTable

__all__ = ["INT_BYTES", "REGISTERS", "GdbLog", "int_sites", "registers_from"]

REGISTERS = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp",
             "ds", "es", "ss", "fs", "gs", "cs", "eip", "eflags")  # fmt: skip
INT_BYTES = 2
_INTERRUPTS = (0x10, 0x13, 0x15, 0x16, 0x18, 0x19)


def registers_from(values: dict[str, int]) -> Registers:
    """Return registers by gdb's names for them."""
    given = {name: value & 0xFFFFFFFF for name, value in values.items()}
    given["ip"] = given.pop("eip")
    given["flags"] = given.pop("eflags")
    return Registers(**given)


def int_sites(binary: bytes, origin: int) -> list[tuple[int, int]]:
    """Return where a loader may call the BIOS: (linear address, interrupt) of every INT.

    Bytes in its data that look like an INT are among them; they are never executed.
    """
    return [
        (origin + at, binary[at + 1])
        for at in range(len(binary) - 1)
        if binary[at] == 0xCD and binary[at + 1] in _INTERRUPTS
    ]


class _Line(msgspec.Struct):
    kind: str
    at: float
    name: str = ""
    number: int = 0
    function: int = 0
    registers: dict[str, int] = {}
    called: dict[str, int] | None = None
    extra: str = ""


class GdbLog(Struct):
    """The tracer's log; it grows while the machine runs.

    ``launched`` is when the machine was launched, on the monotonic clock.
    """

    path: Path
    launched: float
    _offset: int = 0
    _calls: list[BiosCall] = field(default_factory=list)

    def size(self) -> int:
        """Return how long the log is, in bytes."""
        return self.path.stat().st_size

    def calls(self) -> tuple[BiosCall, ...]:
        """Return the calls so far."""
        with self.path.open("rb") as file:
            file.seek(self._offset)
            for text in file:
                if not text.endswith(b"\n"):
                    break
                self._offset += len(text)
                line = msgspec.json.decode(text, type=_Line)
                if line.kind != "label":
                    self._calls.append(_call(line, line.at - self.launched))
        return tuple(self._calls)


def _call(line: _Line, at: float) -> BiosCall:
    registers = registers_from(line.registers)
    extra = bytes.fromhex(line.extra)
    values: dict[str, Any] = {}
    if len(extra) == DiskAddressPacket.SIZE:
        values["packet"] = DiskAddressPacket.parse(extra)
    elif len(extra) == BlockMoveTable.SIZE:
        values["table_hex"] = line.extra
    if line.kind == "return":
        # where the call itself was not looked at, all it lacks is AH, and that is known
        called = registers_from(line.called) if line.called else registers
        eax = called.eax & 0xFFFF00FF | line.function << 8
        return BiosCall(
            number=line.number,
            function=line.function,
            registers_in=replace(called, eax=eax, cs=registers.cs, ip=registers.ip),
            registers_out=registers,
            called_at=at,
            returned_at=at,
            **values,
        )
    return BiosCall(
        number=line.number,
        function=registers.ah,
        # as the BIOS sees it, the caller is behind its INT
        registers_in=replace(registers, ip=registers.ip + 2),
        registers_out=None,
        called_at=at,
        returned_at=None,
        **values,
    )
