"""How a fault is written, in one line: what kind it is, and behind a colon what is said of it."""

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, ClassVar

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.text import hint

__all__ = ["FaultList", "read_fault", "write_fault"]


def read_fault(
    what: str, text: str, kinds: Mapping[str, tuple[str, ...]], types: Mapping[str, type]
) -> tuple[str, dict[str, Any]]:
    """Return a fault's kind and what is said of it, by name; ``types`` are those of the values.

    Raises UsageError, saying what can be written.
    """
    kind, _, rest = text.partition(":")
    if kind not in kinds:
        raise UsageError(f"{what} {kind!r}: {hint(kind, kinds)}")
    values: dict[str, Any] = {}
    for part in rest.split(",") if rest else []:
        name, _, value = part.partition("=")
        if name not in kinds[kind]:
            known = ", ".join(kinds[kind]) or "nothing"
            raise UsageError(f"{what} {text!r}: of {kind} can be said: {known}")
        try:
            values[name] = types[name](value)
        except ValueError:
            raise UsageError(f"{what} {text!r}: {name} {value!r} is no number") from None
    numbers = [value for value in values.values() if not isinstance(value, str)]
    if any(value < 0 or not isfinite(value) for value in numbers):
        raise UsageError(f"{what} {text!r}: a number in it is negative or has no end")
    return kind, values


def write_fault(kind: str, said: Iterable[tuple[str, Any]]) -> str:
    """Write a fault as `read_fault` reads it."""
    parts = ",".join(f"{name}={_number(value)}" for name, value in said)
    return f"{kind}:{parts}" if parts else kind


def _number(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


class FaultList(Struct, frozen=True):
    """The faults of one thing; ``what`` is what they are called, ``example`` how one is written."""

    what: ClassVar[str]
    example: ClassVar[str]
    all: tuple[Any, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.all)

    def __contains__(self, kind: object) -> bool:
        return any(fault.kind == kind for fault in self.all)

    def __str__(self) -> str:
        return " ".join(map(str, self.all))
