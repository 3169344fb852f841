"""What a recording of the boot has told, played backwards."""

from msgspec import Struct

__all__ = ["LastWrite", "Made", "Origin", "Recorded"]


class LastWrite(Struct, frozen=True):
    """Who wrote a byte of memory last, before a position of the recorded boot.

    ``by`` is ``loader``, ``bios``, ``device`` (for a BIOS that reads a disk by DMA), ``other``, or
    ``nobody`` since the machine was started.
    """

    what: str
    """What the byte is, in words."""
    address: int
    """Of the byte, linear."""
    value: int
    """What is in it."""
    by: str
    """Who wrote it."""
    sentence: str
    """All of it in words."""
    position: int | None = None
    """How many instructions had been executed when it was written, None where a device wrote it or
    nobody did."""
    writer: int | None = None
    """The linear address of the instruction that wrote it."""
    instruction: str = ""
    """That instruction."""
    source: str = ""
    """Its file, line and text, where the loader's source is known."""
    call: int | None = None
    """The BIOS call in which it was written, by its number in ``bios_calls``; None outside."""


class Made(Struct, frozen=True):
    """An instruction of the loader that a value went through."""

    position: int
    """How many instructions had been executed before it."""
    address: int
    """Of the instruction, linear."""
    instruction: str
    """That instruction."""
    source: str = ""
    """Its file, line and text, where the loader's source is known."""


class Origin(Struct, frozen=True):
    """Where a value came from that was wrong: followed back through the loader's instructions."""

    what: str
    """What the value is, in words; empty where there was no time to look."""
    sentence: str
    """All of it in words."""
    through: tuple[Made, ...] = ()
    """The instructions that it went through, from the last to the first."""
    guilty: Made | None = None
    """The one that made it wrong, None where no instruction did, or where nobody knows which."""


class Recorded(Struct, frozen=True):
    """The recording of a boot that was kept, in the folder ``recording`` beside the trace."""

    instructions: int
    """How many it has."""
    seconds: float
    """How long it took to record them."""
    answers: tuple[LastWrite, ...] = ()
    """What was asked of it by itself."""
    origin: Origin | None = None
    """Where the value came from that the cause is about."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What it has told, for a report."""
        origin = self.origin
        told = origin is not None and (origin.guilty is not None or not origin.what)
        followed = (origin.sentence,) if origin and told else ()
        return (*(each.sentence for each in self.answers), *followed)
