"""Block moves as an 80286 does them."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["MOVES_OF_64_KIB", "MOVES_OF_A_286"]

MOVES_OF_A_286 = Behaviour(
    name="move-286",
    title="block moves with 24-bit descriptors, which are checked",
    standing="allowed",
    source="PC/AT Technical Reference, INT 15h AH=87h; tried with 16 MiB of memory",
    ways=lambda _: [
        Way("block moves of a PC/AT", "sets up descriptors that an 80286 refuses", Quirks(),
            bios="286", memory_mib=16)
    ],
)  # fmt: skip

MOVES_OF_64_KIB = Behaviour(
    name="move-64k",
    title="at most 64 KiB a block move",
    standing="allowed",
    source="Ralf Brown's list, INT 15h AH=87h: CX is at most 8000h words",
    ways=lambda _: [
        Way("at most 8000h words a block move", "moves more than 8000h words at once",
            Quirks(most_words=0x8000))
    ],
)  # fmt: skip
