"""Needles: areas of screens, where they are found again, and files that are none."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from PIL import Image

from bootharness.errors import FormatError, UsageError
from bootharness.formats.needle import Needle, needle_of, new_needle
from bootharness.formats.picture import Area, Picture, pixels_of, png_of

AREA = Area(40, 30, 60, 20)


def noise(width: int = 200, height: int = 120, seed: int = 1) -> Any:
    made = numpy.random.default_rng(seed).integers(0, 256, (height, width, 3))
    return made.astype(numpy.uint8)


def screen(**about: Any) -> Picture:
    return Picture(noise(**about))


def text_screen(letter: int = 0xAA) -> Picture:
    """A few bars on black, as letters are."""
    pixels = numpy.zeros((120, 200, 3), numpy.uint8)
    pixels[34:46, 44:96:4] = letter
    return Picture(pixels)


def needle(of: Picture, **about: Any) -> Needle:
    return replace(needle_of(new_needle(of, AREA)), **about)


def png(width: int, height: int, rows: bytes = b"", *chunks: tuple[bytes, bytes]) -> bytes:
    """Write a PNG that says what it likes, grey with a byte a pixel."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    every = ((b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in every
    )


def test_needle_is_found_where_it_was_and_holds_its_place() -> None:
    found = needle_of(new_needle(screen(), AREA, margin=7, match=90))
    assert (found.at, found.margin, found.match) == ((40, 30), 7, 90)
    likeness = found.on(screen())
    assert likeness
    assert (likeness.area, likeness.percent) == (AREA, 100)


@pytest.mark.parametrize(("away", "margin", "found"), [(10, 10, True), (11, 10, False)])
def test_needle_may_be_as_far_away_as_its_margin(away: int, margin: int, found: bool) -> None:
    moved = Picture(numpy.roll(screen().pixels, (-away, away), (0, 1)))
    looked_for = needle(screen(), margin=margin)
    assert looked_for.found(looked_for.on(moved)) is found


def test_needle_without_a_place_is_found_anywhere() -> None:
    moved = Picture(numpy.roll(screen().pixels, (61, 97), (0, 1)))
    plain = needle_of(png_of(screen().cut(AREA)))
    likeness = plain.on(moved)
    assert plain.at is None
    assert likeness
    assert (likeness.area.x, likeness.area.y, likeness.percent) == (137, 91, 100)


def test_a_few_other_pixels_do_no_harm_and_other_words_do() -> None:
    looked_for = needle(text_screen())
    blinks = text_screen().pixels.copy()
    blinks[44:46, 44:47] = 0xAA
    assert looked_for.found(looked_for.on(Picture(blinks)))
    other = text_screen().pixels.copy()
    other[34:46, 44:56] = 0
    likeness = looked_for.on(Picture(other))
    assert likeness
    assert not looked_for.found(likeness)
    assert 60 < likeness.percent < 90


@pytest.mark.parametrize(
    "shown",
    [
        Picture(text_screen().pixels // 2),  # greyed out
        Picture(255 - text_screen().pixels),  # the bar of a menu is elsewhere
        Picture(text_screen().pixels * numpy.array([1, 0, 0], numpy.uint8)),  # red
        Picture(numpy.zeros((120, 200, 3), numpy.uint8)),
        screen(seed=2),
    ],
)
def test_what_looks_otherwise_is_not_found(shown: Picture) -> None:
    looked_for = needle(text_screen(), margin=200)
    assert not looked_for.found(looked_for.on(shown))


def test_transparent_pixels_may_be_anything() -> None:
    opaque = numpy.full((20, 60, 1), 255, numpy.uint8)
    opaque[:, 20:40] = 0
    content = BytesIO()
    area = screen().cut(AREA).pixels
    Image.fromarray(numpy.concatenate((area, opaque), axis=2)).save(content, "PNG")
    changed = screen().pixels.copy()
    changed[30:50, 60:80] = 7
    changed = numpy.roll(changed, (9, 50), (0, 1))
    looked_for = needle_of(content.getvalue())
    likeness = looked_for.on(Picture(changed))
    assert likeness
    assert (likeness.area.x, likeness.area.y, likeness.percent) == (90, 39, 100)
    assert not needle(screen(), at=None).found(needle(screen(), at=None).on(Picture(changed)))


@given(st.integers(0, 2**32 - 1), st.integers(8, 30), st.integers(8, 30))
def test_nearest_place_is_the_one_that_trying_all_finds(seed: int, width: int, height: int) -> None:
    pixels = noise(31, 31, seed).astype(float)
    wanted = noise(width, height, seed + 1)
    far = {
        (x, y): ((pixels[y : y + height, x : x + width] - wanted) ** 2).sum()
        for y in range(32 - height)
        for x in range(32 - width)
    }
    likeness = Needle(Picture(wanted)).on(Picture(pixels.astype(numpy.uint8)))
    assert likeness
    assert far[likeness.area.x, likeness.area.y] == min(far.values())


def test_a_screen_that_is_smaller_does_not_have_it() -> None:
    assert needle(screen()).on(screen(width=59)) is None
    assert needle(screen()).on(screen(height=19)) is None


def test_place_beyond_a_smaller_screen_is_looked_for_at_its_edge() -> None:
    moved = screen().pixels[25:50, 35:100]
    likeness = needle(screen()).on(Picture(moved))
    assert likeness
    assert (likeness.area.x, likeness.area.y, likeness.percent) == (5, 5, 100)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a PNG"),
        (b"GIF89a", "not a PNG"),
        (b"P6 8 8 255 " + bytes(192), "not a PNG"),
        (png(100_000, 100_000), "no screen is so large|no screen has more"),
        (png(4096, 4096), "4096x4096 pixels, and no screen has more than 8,388,608"),
        (png(16, 16, b"\0" * 3), "cannot be read"),
        (png(16, 16, bytes(17 * 16)), "all of one colour"),
        (png(7, 16, bytes(8 * 16)), "found by chance"),
        (png(16, 16, bytes(range(256)) + bytes(16))[:-30], "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_needle_is_told_in_a_sentence(content: bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        needle_of(content)


@pytest.mark.parametrize(
    "told",
    ["x", "{}", '{"x":-1,"y":0,"margin":1,"match":9}', '{"x":1,"y":0,"margin":1,"match":101}',
     '{"x":1,"y":0,"margin":1,"match":9,"run":"rm"}', "[" * 999, "9" * 5000],
)  # fmt: skip
def test_what_a_stranger_says_of_its_place_is_checked(told: str) -> None:
    with pytest.raises(FormatError, match="of its place cannot be read"):
        needle_of(png_of(screen().cut(AREA), told))


def test_words_that_unpack_to_much_are_not_unpacked() -> None:
    bomb = b"bootharness\0\0" + zlib.compress(bytes(1 << 26))
    with pytest.raises(FormatError, match="cannot be read"):
        needle_of(png(16, 16, bytes(17 * 16), (b"zTXt", bomb)))


@given(st.binary(max_size=400))
def test_bytes_of_anybody_are_a_needle_or_a_sentence(content: bytes) -> None:
    good = png_of(screen().cut(AREA))
    for tried in (content, good[:8] + content, good[: len(content) * 7] + content):
        try:
            needle_of(tried)
        except FormatError as error:
            assert str(error)


def test_area_that_the_screen_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match=r"60x20 at 150,30: it goes beyond .* 200x120"):
        new_needle(screen(), Area(150, 30, 60, 20))


@pytest.mark.parametrize(
    "given_area", ["", "1,2", "1,2,3x", "-1,2,3x4", "1,2,3x4,5", "1,2,99999999x4"]
)
def test_what_is_no_area_is_told(given_area: str) -> None:
    with pytest.raises(UsageError, match="X,Y,WxH"):
        Area.parse(given_area)


def test_picture_of_an_old_qemu_is_read() -> None:
    ppm = b"P6\n2 1\n255\n" + bytes((1, 2, 3, 4, 5, 6))
    assert pixels_of(ppm, "PNG", "PPM").pixels.tolist() == [[[1, 2, 3], [4, 5, 6]]]
