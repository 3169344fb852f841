"""A VGA text screen: characters of code page 437 and their attributes, two bytes each."""

from msgspec import Struct

__all__ = ["TEXT_BYTES", "TEXT_MEMORY", "TextMode"]

TEXT_MEMORY = 0xB8000
"""Where colour text modes have their memory, physical."""
TEXT_BYTES = 0x8000
"""How much memory there is; what is shown begins anywhere in it, for scrolling."""

_GRAPHICS = 0x01
_MEMORY_MAP = 0x0C
_CONTROL_CODES = "".join(map(chr, range(0x20)))
_GLYPHS = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
_SHOWN = str.maketrans(_CONTROL_CODES + "\x7f", _GLYPHS + "⌂")


class TextMode(Struct, frozen=True):
    """What of the memory is shown: the first character, and how many in a row, in how many rows.

    ``stride`` is how many characters lie between the beginnings of two rows.
    """

    start: int
    columns: int
    rows: int
    stride: int

    @classmethod
    def of(cls, graphics_misc: int, crtc: dict[int, int]) -> "TextMode | None":
        """Return the mode that the registers set, None when it is none of colour text.

        ``graphics_misc`` is graphics register 06h, ``crtc`` the registers of the CRT
        controller by their index (IBM VGA; FreeVGA, "CRT Controller Registers").
        """
        if graphics_misc & _GRAPHICS or graphics_misc & _MEMORY_MAP != _MEMORY_MAP:
            return None
        lines = crtc[0x12] | (crtc[0x07] & 0x02) << 7 | (crtc[0x07] & 0x40) << 3
        return cls(
            start=crtc[0x0C] << 8 | crtc[0x0D],
            columns=crtc[0x01] + 1,
            rows=(lines + 1) // ((crtc[0x09] & 0x1F) + 1),
            stride=crtc[0x13] * 2,
        )

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """What of the memory is shown, in order, each as address and size in bytes."""
        first, size = self.start * 2 % TEXT_BYTES, min(self.rows * self.stride * 2, TEXT_BYTES)
        straight = min(size, TEXT_BYTES - first)
        return (TEXT_MEMORY + first, straight), (TEXT_MEMORY, size - straight)

    def text(self, memory: bytes) -> str:
        """Return the text in those pieces, without the spaces and empty rows at its end."""
        shown = memory[::2].decode("cp437").translate(_SHOWN)
        rows = [shown[row * self.stride :][: self.columns].rstrip() for row in range(self.rows)]
        return "\n".join(rows).rstrip("\n")
