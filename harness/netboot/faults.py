"""What can be made to go wrong on the wire, each declared in one line.

    no-offer                              no DHCP offer is made
    corrupt:file=vmlinuz,block=100        one byte of a block is another
    loss:rate=0.01,seed=7                 one frame in a hundred is lost, the same ones each time

A fault that concerns a file means the kernel unless it names another.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self

from harness.errors import UsageError

__all__ = ["FAULTS", "KERNEL_FILE", "Fault", "Faults"]

KERNEL_FILE = "vmlinuz"

FAULTS: dict[str, tuple[str, ...]] = {
    "no-offer": (),
    "no-ack": (),
    "nak": (),
    "no-filename": (),
    "wrong-next-server": (),
    "link-down": ("file", "block", "seconds"),
    "missing": ("file",),
    "drop": ("file", "block"),
    "duplicate": ("file", "block"),
    "delay": ("file", "block", "seconds"),
    "corrupt": ("file", "block"),
    "stall": ("file", "block"),
    "short": ("file", "bytes"),
    "wrong-tsize": ("file", "bytes"),
    "no-oack": ("file",),
    "http-status": ("file", "status"),
    "http-stall": ("file", "bytes"),
    "http-truncated": ("file", "bytes"),
    "http-reset": ("file", "bytes"),
    "http-refused": (),
    "slow": ("file", "rate"),
    "loss": ("rate", "seed"),
    "nbp-hang": (),
    "script-error": (),
}
"""The faults and what can be said about each."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``block`` counts from 1, ``rate`` is bytes per second or frames lost of all.

    ``seconds`` is how late a block is, or for how long the link is down, 0 for ever.
    """

    kind: str
    file: str = KERNEL_FILE
    block: int = 100
    bytes: int = 1_000_000
    seconds: float = 0.0
    status: int = 404
    rate: float = 0.0
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a fault as a person writes it. Raises UsageError, saying what can be written."""
        kind, _, rest = text.partition(":")
        if kind not in FAULTS:
            raise UsageError(f"network fault {kind!r}: known are {', '.join(FAULTS)}")
        values: dict[str, str | int | float] = {}
        types = {each.name: each.type for each in fields(cls)}
        for part in rest.split(",") if rest else []:
            name, _, value = part.partition("=")
            if name not in FAULTS[kind]:
                known = ", ".join(FAULTS[kind]) or "nothing"
                raise UsageError(f"network fault {text!r}: of {kind} can be said: {known}")
            try:
                values[name] = {str: str, int: int, float: float}[types[name]](value)  # type: ignore[index]
            except ValueError:
                raise UsageError(f"network fault {text!r}: {name} {value!r} is no number") from None
        fault = cls(kind, **{**_DEFAULTS.get(kind, {}), **values})  # type: ignore[arg-type]
        if min(fault.block, fault.bytes, fault.seconds, fault.rate) < 0:
            raise UsageError(f"network fault {text!r}: no number in it can be negative")
        return fault

    def __str__(self) -> str:
        said = ",".join(f"{name}={getattr(self, name)}" for name in FAULTS[self.kind])
        return f"{self.kind}:{said}" if said else self.kind


_DEFAULTS: dict[str, dict[str, int | float | str]] = {
    "delay": {"seconds": 0.5},
    "link-down": {"file": "", "block": 0},
    "slow": {"rate": 5_000_000.0},
    "loss": {"rate": 0.002, "seed": 1},
}


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of one network."""

    all: tuple[Fault, ...] = ()

    def __contains__(self, kind: str) -> bool:
        return any(fault.kind == kind for fault in self.all)

    def of(self, *kinds: str, file: str | None = None) -> list[Fault]:
        """Return the faults of these kinds, those of one file if it is given."""
        return [
            fault
            for fault in self.all
            if fault.kind in kinds and (file is None or fault.file == file)
        ]

    def __str__(self) -> str:
        return " ".join(map(str, self.all))

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read faults as a person writes them. Raises UsageError."""
        return cls(tuple(Fault.parse(text) for text in texts))
