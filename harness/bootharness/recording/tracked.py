"""A value on its way back through a loader's instructions: where it is, and what it will become."""

from collections.abc import Callable

from msgspec import Struct

from bootharness.recording.effects import Byte, Effect
from bootharness.recording.footsteps import Step

__all__ = ["Tracked", "applied", "wide"]

_REGISTER_BYTES = 4


class Tracked(Struct, frozen=True):
    """Bytes, what should be in them and what was, None where nobody knows, and what is made of
    them in the end."""

    where: tuple[Byte, ...]
    wanted: tuple[int | None, ...]
    found: tuple[int | None, ...]
    ends_as: Callable[[int], int]
    """What the value that is followed becomes with another number in these bytes."""
    goal: int | None
    """What that should be."""
    most: int | None = None
    """Or the largest that it may be."""

    @classmethod
    def of(
        cls, where: tuple[Byte, ...], wanted: int | None, found: int | None, most: int | None = None
    ) -> "Tracked":
        """Return the value that is to be followed."""
        size = len(where)
        return cls(where, _parts(wanted, size), _parts(found, size), int, wanted, most)

    @property
    def wrong(self) -> set[Byte]:
        """The bytes that are not as they should be; all where nobody knows."""
        known = {
            byte
            for byte, wanted, found in zip(self.where, self.wanted, self.found, strict=True)
            if wanted is not None and wanted != found
        }
        return known or set(self.where)

    def is_right(self, number: int | None) -> bool:
        """Return whether a number in these bytes would have made all right."""
        if number is None or (self.goal is None and self.most is None):
            return False
        end = self.ends_as(number)
        return end == self.goal if self.most is None else 0 < end <= self.most

    def with_bytes(self, into: tuple[Byte, ...], number: int) -> int:
        """Return what is in all of it with a number in some bytes of it."""
        parts = {byte: number >> 8 * at & 0xFF for at, byte in enumerate(into)}
        return sum(
            parts.get(byte, found or 0) << 8 * at
            for at, (byte, found) in enumerate(zip(self.where, self.found, strict=True))
        )

    def was_right(self, step: Step, effect: Effect) -> bool:
        """Return whether it was right before an instruction."""
        old = step.value(effect.into)
        return old is not None and self.is_right(self.with_bytes(effect.into, old))

    def number(self, where: tuple[Byte, ...]) -> tuple[int, int]:
        """Return what the low bytes should be, as a number, and its mask."""
        wanted = dict(zip(self.where, self.wanted, strict=True))
        number, bits = 0, 0
        for byte in where:
            one = wanted.get(byte)
            if one is None:
                break
            number, bits = number | one << bits, bits + 8
        return number, (1 << bits) - 1

    def copied(self, step: Step, effect: Effect) -> "Tracked":
        """Return the source of an instruction that copies it."""
        wanted = dict(zip(self.where, self.wanted, strict=True))
        parts = tuple(wanted.get(into) for into in effect.into[: len(effect.source)])
        size = len(effect.source)
        return Tracked(
            effect.source,
            parts,
            _parts(step.value(effect.source), size),
            lambda number: self.ends_as(self.with_bytes(effect.into, number)),
            self.goal,
            self.most,
        )

    def changed(
        self, where: tuple[Byte, ...], wanted: int | None, found: int | None,
        effect: Effect, made: Callable[[int], int],
    ) -> "Tracked":  # fmt: skip
        """Return one of the two values that an instruction makes another of, as ``made`` does."""
        size = len(where)
        return Tracked(
            where,
            _parts(wanted, size),
            _parts(found, size),
            lambda number: self.ends_as(self.with_bytes(effect.into, made(number))),
            self.goal,
            self.most,
        )


def _parts(number: int | None, size: int) -> tuple[int | None, ...]:
    return tuple(None if number is None else number >> 8 * at & 0xFF for at in range(size))


def applied(operator: str, old: int, by: int, size: int) -> int:
    """Return what an instruction makes of so many bytes."""
    mask = (1 << 8 * size) - 1
    return {
        "+": old + by, "-": old - by, "<": old << (by & 0x1F), ">": (old & mask) >> (by & 0x1F),
        "|": old | by, "&": old & by, "^": old ^ by,
    }[operator] & mask  # fmt: skip


def wide(step: Step, where: tuple[Byte, ...], size: int) -> int | None:
    """Return what was in the ``size`` bytes that begin where some do, None where nobody knows."""
    first = where[0]
    if isinstance(first, int):
        return step.value(tuple(range(first, first + size)))
    name, part = first
    if part or size > _REGISTER_BYTES or name not in step.cpu.values:
        return None
    return step.cpu.values[name] & ((1 << 8 * size) - 1)
