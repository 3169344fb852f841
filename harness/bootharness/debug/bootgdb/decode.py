"""Bytes and registers as text, in the words that bootharness uses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

TABLE_BYTES = 48
ENTRIES = ("null", "gdt", "source", "destination", "cs", "ss")
_MODES = {16: "16-bit", 32: "32-bit", 64: "64-bit"}


@dataclass(frozen=True)
class CpuRegisters:
    """The registers as QEMU's monitor writes them, by their 32-bit or 64-bit names in lower case.

    ``bases`` are the segments' bases, ``bits`` is the width of the code.
    """

    values: dict[str, int]
    bases: dict[str, int]
    bits: int
    mode: str

    @classmethod
    def parse(cls, text: str) -> CpuRegisters:
        """Parse the output of ``info registers``."""
        values = {
            name.strip().lower(): int(value, 16)
            for name, value in re.findall(r"\b([A-Z][A-Z0-9]{1,3} ?)=([0-9a-f]+)", text)
        }
        bases = {
            name.lower(): int(base, 16)
            for name, base in re.findall(r"^([C-GS]S) =[0-9a-f]+ ([0-9a-f]+)", text, re.MULTILINE)
        }
        width = re.search(r"^CS =.* CS(16|32|64)", text, re.MULTILINE)
        protected = values.get("cr0", 0) & 1
        long = values.get("efer", 0) & 0x400
        return cls(
            values=values,
            bases=bases,
            bits=int(width.group(1)) if protected and width else 16,
            mode="long" if long else "protected" if protected else "real",
        )

    def __getitem__(self, name: str) -> int:
        """Return a register; ``eax`` is the lower half of RAX where there is one."""
        if name in self.values:
            return self.values[name]
        return self.values.get("r" + name[1:], 0) & 0xFFFFFFFF

    @property
    def ip(self) -> int:
        """The instruction pointer."""
        return self.values.get("rip", self.values.get("eip", 0))

    @property
    def linear(self) -> int:
        """The linear address of the next instruction."""
        return self.bases["cs"] + self.ip

    @property
    def flat(self) -> bool:
        """Whether the instruction pointer is the linear address, as gdb believes it always is."""
        return not self.bases["cs"]

    def address(self, segment: str, offset: str) -> int:
        """Return the linear address of a segment and a 16-bit register."""
        return self.bases[segment] + (self[offset] & 0xFFFF)

    @property
    def width(self) -> str:
        """The width of the code and the mode in words: ``16-bit real mode``."""
        return f"{_MODES[self.bits]} code, {self.mode} mode"

    def place(self) -> str:
        """Write CS:IP as the mode has it."""
        if self.mode == "real":
            return f"{self['cs']:04x}:{self.ip:04x}"
        return f"0x{self.ip:x}"


def descriptor(raw: bytes) -> str:
    """Write a segment descriptor (Intel SDM Vol. 3A, 3.4.5)."""
    low, high = int.from_bytes(raw[:4], "little"), int.from_bytes(raw[4:], "little")
    limit = low & 0xFFFF | high & 0xF0000
    access = high >> 8 & 0xFF
    kind = ",".join(_kind(access)) if access or base_of(raw) or limit else "null"
    return f"base=0x{base_of(raw):06x} limit=0x{limit:04x} {kind}"


def base_of(raw: bytes) -> int:
    """Return a descriptor's base: bits 0 to 23 in bytes 2 to 4, 24 to 31 in byte 7."""
    return int.from_bytes(raw[2:5], "little") | raw[7] << 24


def _kind(access: int) -> list[str]:
    kind = access & 0xF
    if not access & 0x10:
        words = [f"system-{kind:x}"]
    elif kind & 8:
        words = ["code", "rx" if kind & 2 else "x"]
    else:
        words = ["data", "rw" if kind & 2 else "r"]
    if access & 0x10 and kind & 1:
        words.append("accessed")
    if not access & 0x80:
        words.append("not-present")
    if access >> 5 & 3:
        words.append(f"ring{access >> 5 & 3}")
    return words


def flags(value: int, names: dict[str, str]) -> str:
    """Write a bit field by the names of its bits, unknown ones as hex."""
    known = {int(bit): name for bit, name in names.items()}
    words = [name for bit, name in known.items() if value & bit]
    rest = value & ~sum(known)
    return "|".join([*words, *([hex(rest)] if rest else [])]) or "0"


def arguments(number: int, registers: CpuRegisters, extra: bytes) -> str:
    """Write what a BIOS call is given; ``extra`` is its disk address packet or table."""
    function = registers["eax"] >> 8 & 0xFF
    if number == 0x15 and function == 0x87:
        source, destination = base_of(extra[0x10:0x18]), base_of(extra[0x18:0x20])
        count = (registers["ecx"] & 0xFFFF) * 2
        return f"(0x{source:06x} -> 0x{destination:06x}, {count} bytes)"
    if extra:
        sectors, offset, segment = (
            int.from_bytes(extra[at : at + 2], "little") for at in (2, 4, 6)
        )
        lba = int.from_bytes(extra[8:16], "little")
        drive = registers["edx"] & 0xFF
        return f"(drive 0x{drive:02x}, LBA {lba}, {sectors} sectors, to {segment:04x}:{offset:04x})"
    if (number, function) == (0x10, 0x0E):
        return f"({chr(registers['eax'] & 0xFF)!r})"
    named = (f"{name}=0x{registers[name]:x}" for name in ("eax", "ebx", "ecx", "edx"))
    return f"({', '.join(named)})"


def result(number: int, registers: CpuRegisters, names: dict[str, Any]) -> str:
    """Write what a BIOS call has returned: CF and AH, and what they mean."""
    status = registers["eax"] >> 8 & 0xFF
    if number not in (0x13, 0x15) or not registers["efl"] & 1:
        return "ok"
    meaning = names[f"{number:02x}"].get(str(status), f"status 0x{status:02x}")
    return f"CF=1 AH={status:02x}h {meaning}"
