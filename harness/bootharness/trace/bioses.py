"""BIOSes that differ in how they take a block-move table: one that boots, others to predict."""

from typing import Literal

from msgspec import Struct

__all__ = ["BIOSES", "BiosModel"]


class BiosModel(Struct, frozen=True):
    """How a BIOS does INT 15h AH=87h.

    ``high_byte`` is the byte of a descriptor that it takes for bits 24 to 31 of an address,
    None where it has only 24 bits. Its copy loop may ``stop`` on a bad descriptor by a
    ``triple-fault``, by an ``error`` that it returns, or not look (``never``).
    """

    name: str
    title: str
    high_byte: int | None
    stop: Literal["triple-fault", "error", "never"]

    def address(self, descriptor: bytes) -> int:
        """Return the linear address that this BIOS reads from a descriptor's eight bytes."""
        high = descriptor[self.high_byte] << 24 if self.high_byte else 0
        return int.from_bytes(descriptor[2:5], "little") | high


BIOSES = {
    model.name: model
    for model in (
        # SeaBIOS, src/system.c: loads DS and ES from the table itself, with no way back
        BiosModel("seabios", "SeaBIOS: 32-bit descriptors", 7, "triple-fault"),
        # IBM PC/AT Technical Reference, BIOS listing: 80286 descriptors end with byte 5
        BiosModel("286", "a PC/AT: 24-bit descriptors", None, "error"),
        # DOSBox, src/ints/bios.cpp: takes byte 6, where an 80386 has limit and flags
        BiosModel("dosbox", "DOSBox: bits 24-31 from byte 6", 6, "never"),
        # DOSBox-X, src/ints/bios.cpp
        BiosModel("dosbox-x", "DOSBox-X: bits 24-31 from byte 7", 7, "never"),
    )
}
