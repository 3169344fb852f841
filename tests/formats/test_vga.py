"""Text screens: scrolled, wrapped, of other sizes, and what is no text."""

import pytest
from msgspec.structs import replace

from bootharness.formats.vga import TEXT_BYTES, TEXT_MEMORY, TextMode

# BIOS mode 3, as SeaBIOS sets it on QEMU's VGA
MISC = 0x0E
CRTC = {0x01: 0x4F, 0x07: 0x1F, 0x09: 0x4F, 0x0C: 0x00, 0x0D: 0x00, 0x12: 0x8F, 0x13: 0x28}
MODE = TextMode(start=0, columns=80, rows=25, stride=80)


def screen(mode: TextMode, *rows: str) -> bytes:
    """The whole memory, with these rows from where the screen begins."""
    memory = bytearray(b" \x07" * (TEXT_BYTES // 2))
    for row, text in enumerate(rows):
        for column, byte in enumerate(text.encode("cp437")):
            at = (mode.start + row * mode.stride + column) * 2 % TEXT_BYTES
            memory[at] = byte
    return bytes(memory)


def shown(mode: TextMode, memory: bytes) -> str:
    pieces = (memory[at - TEXT_MEMORY :][:size] for at, size in mode.pieces)
    return mode.text(b"".join(pieces))


def test_mode_3() -> None:
    assert TextMode.of(MISC, CRTC) == MODE
    assert TextMode.of(MISC, CRTC | {0x09: 0x47}) == replace(MODE, rows=50)
    assert TextMode.of(MISC, CRTC | {0x01: 0x27, 0x13: 0x14}) == TextMode(0, 40, 25, 40)
    assert TextMode.of(MISC, CRTC | {0x0C: 0x12, 0x0D: 0x34}) == replace(MODE, start=0x1234)


@pytest.mark.parametrize("misc", [0x05, 0x0F, 0x02, 0x0A])
def test_graphics_and_monochrome_are_no_text(misc: int) -> None:
    assert TextMode.of(misc, CRTC) is None


@pytest.mark.parametrize("start", [0, 80, 0x3F00, 0x4000 - 80, 0x4000 + 160])
def test_screen_begins_anywhere(start: int) -> None:
    mode = replace(MODE, start=start)
    rows = [f"row {row} ".ljust(79, ".") for row in range(25)]
    assert sum(size for _, size in mode.pieces) == 4000
    assert shown(mode, screen(mode, *rows)).split("\n") == rows


def test_empty_rows_at_the_end_are_left_out() -> None:
    assert shown(MODE, screen(MODE, "one", "", "  three")) == "one\n\n  three"
    assert shown(MODE, screen(MODE)) == ""
    assert shown(MODE, bytes(TEXT_BYTES)) == ""


def test_every_byte_can_be_printed() -> None:
    memory = bytes(byte for code in range(256) for byte in (code, 7)) + bytes(TEXT_BYTES - 512)
    text = shown(MODE, memory)
    assert all(letter.isprintable() or letter in "\n\xa0" for letter in text)
    assert "☺☻♥" in text
    assert "░▒▓│┤" in text
