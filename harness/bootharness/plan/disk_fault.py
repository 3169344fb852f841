"""What can be made to go wrong with the disk that is booted from, each declared in one line.

    error:lba=10000             that sector cannot be read
    error:lba=10000,times=2     it cannot be read twice, and then it can
    slow:rate=1000000           so many bytes a second; slow:iops=50 so many reads
    vanish:after=read:100       from then on no read succeeds; after=move:100 is a block move
    cut:bytes=5000000           the disk has only so many
    hang:lba=10000              that sector's read is not answered for 15 s, and then it fails
    flip:lba=10000,byte=7       the lowest bit of a byte of that sector is the other one

Sectors are the drive's own: of 2,048 bytes on a CD, of 4,096 on a disk that has such. A fault that
could never act is refused: nobody would notice that it did nothing.
"""

import re
from collections.abc import Iterable
from typing import ClassVar, Self

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.plan.fault_line import FaultList, read_fault, write_fault

__all__ = ["DISK_FAULTS", "DiskFault", "DiskFaults"]

DISK_FAULTS: dict[str, tuple[str, ...]] = {
    "error": ("lba", "times"),
    "slow": ("rate", "iops"),
    "vanish": ("after",),
    "cut": ("bytes",),
    "hang": ("lba",),
    "flip": ("lba", "byte"),
}
"""The faults and what can be said about each."""

_TYPES = {"lba": int, "times": int, "rate": float, "iops": float, "after": str, "bytes": int,
          "byte": int}  # fmt: skip
_SEEN = ("setup-entered", "protected-mode", "banner")
_COUNTED = re.compile(r"(?:read|move):([1-9][0-9]{0,8})")
_LEAST_RATE, _LEAST_IOPS = 512, 0.1
"""Whoever wants it slower wants no disk."""
_SECTOR_BYTES = 512


class DiskFault(Struct, frozen=True):
    """One fault. ``rate`` is bytes a second and ``iops`` reads a second; ``times`` 0 is always.

    ``after`` is ``read:N`` or ``move:N``, the Nth of the boot, or a milestone.
    """

    kind: str
    lba: int | None = None
    times: int = 0
    rate: float = 0.0
    iops: float = 0.0
    after: str = ""
    bytes: int | None = None
    byte: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a fault as a person writes it. Raises UsageError, saying what can be written."""
        kind, values = read_fault(DiskFaults.what, text, DISK_FAULTS, _TYPES)
        fault, wrong = cls(kind, **values), ""
        if "lba" in DISK_FAULTS[kind] and fault.lba is None:
            wrong = f"say which sector: {kind}:lba=N"
        elif values.get("times") == 0:
            wrong = "times counts from 1"
        elif kind == "slow" and len(values) != 1:
            wrong = "say how slow: slow:rate=BYTES or slow:iops=READS, a second"
        elif kind == "slow" and fault.rate < _LEAST_RATE and not fault.iops >= _LEAST_IOPS:
            wrong = f"the least is rate={_LEAST_RATE} or iops={_LEAST_IOPS}"
        elif kind == "vanish" and not (fault.after in _SEEN or _COUNTED.fullmatch(fault.after)):
            wrong = f"say when: after=read:N, after=move:N, or one of {', '.join(_SEEN)}"
        elif kind == "cut" and fault.bytes is None:
            wrong = "say how much is left: cut:bytes=N"
        if wrong:
            raise UsageError(f"{DiskFaults.what} {text!r}: {wrong}")
        return fault

    def __str__(self) -> str:
        usual = DiskFault(self.kind)
        return write_fault(
            self.kind,
            (
                (name, value)
                for name in DISK_FAULTS[self.kind]
                if (value := getattr(self, name)) != getattr(usual, name) or name == "byte"
            ),
        )

    @property
    def reads(self) -> int:
        """After how many reads it vanishes, 0 where it is after something else."""
        what, _, number = self.after.partition(":")
        return int(number) if what == "read" else 0

    def check(self, what: str, *, sectors: int, sector_bytes: int, size: int, least: int) -> None:
        """Raise UsageError for what cannot act on ``what``, a drive of so many sectors on an image
        of ``size`` bytes, of which it needs ``least``."""
        about = f"{DiskFaults.what} {self}: {what}"
        if self.lba is not None and self.lba >= sectors:
            raise UsageError(f"{about} has {sectors:,} sectors of {sector_bytes:,} bytes")
        if self.kind == "flip" and self.byte >= sector_bytes:
            raise UsageError(f"{about} has sectors of {sector_bytes:,} bytes")
        if self.bytes is not None and self.bytes >= size:
            raise UsageError(f"{about} has only {size:,} bytes")
        if self.bytes is not None and self.bytes < least:
            raise UsageError(f"{about} needs at least {least:,} bytes to be one")


class DiskFaults(FaultList, frozen=True):
    """The faults of the disk that is booted from."""

    what: ClassVar[str] = "disk fault"
    example: ClassVar[str] = "error:lba=100"
    all: tuple[DiskFault, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read faults as a person writes them. Raises UsageError."""
        return cls(tuple(DiskFault.parse(text) for text in texts))

    @property
    def left_bytes(self) -> int | None:
        """How much of the image is left, in bytes; None for all."""
        return min((each.bytes for each in self.all if each.bytes is not None), default=None)

    def slowest_s(self, size: int) -> float:
        """Return for how long reading all of an image once, sector by sector, would take by these
        faults, in seconds: what they cost a boot at the most."""
        cost = 0.0
        for fault in self.all:
            if fault.kind == "slow":
                cost += size / fault.rate if fault.rate else size / _SECTOR_BYTES / fault.iops
        return cost
