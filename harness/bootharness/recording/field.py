"""A value that was wrong: where it lay, what it should have been, and what it had rightly been
before."""

from msgspec import Struct

from bootharness.recording.effects import Byte

__all__ = ["Field"]


class Field(Struct, frozen=True):
    """A value in memory or in registers at a BIOS call or, for None, at the handoff.

    ``right`` are values that it had before and that were right; ``since`` is the call from which on
    it is enough to look, None for the loader's first instruction.
    """

    what: str
    where: tuple[Byte, ...]
    call: int | None
    wanted: int | None = None
    right: frozenset[int] = frozenset()
    since: int | None = None
    known: frozenset[int] = frozenset()
    """Addresses at which a field of the setup header lies, which a loader rightly reads."""
    untouched: bool = False
    """Whether no loader has to write there at all."""
    borders: frozenset[int] = frozenset()
    """Where the parts begin and end of the structure that it lies in: no store lies across one."""
    fresh: bool = False
    """Whether it must be made for the kernel: what it was before the last BIOS call served the
    loader itself."""
    most: int | None = None
    """The largest that is right, where more than one is."""
    offset: int | None = None
    """Of what lies in a segment, where in it; None for what is found otherwise."""
    from_header: bool = False
    """Whether the kernel's header says it: a number in the loader's own code was meant for
    something else."""
