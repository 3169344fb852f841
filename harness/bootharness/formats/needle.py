"""A needle: an area of a screen that is looked for on other screens, and how like one it is.

It is a PNG file. One that `bootharness needle` has cut holds where it was, how far from there it
may be, and how like it a screen has to be; any other is looked for everywhere. What is transparent
in it may be anything.
"""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from bootharness.errors import FormatError
from bootharness.formats.picture import Area, Picture, pixels_of, png_of
from bootharness.text import plainly

if TYPE_CHECKING:
    import numpy

__all__ = ["MARGIN", "MATCH", "Likeness", "Needle", "needle_of", "new_needle"]

MARGIN = 50
"""How far a needle may be from where it was, in pixels."""
MATCH = 95.0
"""How like it a screen has to be, in percent."""
_LEAST_SIDE = 8
# of 255: less is what nobody sees
_LEAST_CONTRAST = 2.0

_Pixels = Annotated[int, Meta(ge=0, le=1 << 14)]


class _Told(Struct, frozen=True, forbid_unknown_fields=True):
    """What a file says of its needle."""

    x: _Pixels
    y: _Pixels
    margin: _Pixels
    match: Annotated[float, Meta(gt=0, le=100)]


class Likeness(Struct, frozen=True):
    """How like a needle an area of a screen is."""

    area: Area
    """The area that is most like it."""
    percent: float
    """100 for the same pixels, 0 for an area without any of its contrast, or another picture."""


class Needle(Struct, frozen=True):
    """An area that is looked for: where it was, None for anywhere, how many pixels it may be from
    there, and how many percent of likeness do."""

    picture: Picture
    at: tuple[int, int] | None = None
    margin: int = MARGIN
    match: float = MATCH

    def on(self, screen: Picture) -> Likeness | None:
        """Return the area of a screen that is most like it, None where it is larger than that."""
        wide, high = self.picture.width, self.picture.height
        right, bottom = screen.width - wide, screen.height - high
        if right < 0 or bottom < 0:
            return None
        x0, y0, x1, y1 = 0, 0, right, bottom
        if self.at:
            x, y = self.at
            here = self._there(screen, x, y) if x <= right and y <= bottom else None
            if self.found(here):
                return here
            x0, x1 = min(max(x - self.margin, 0), right), min(x + self.margin, right)
            y0, y1 = min(max(y - self.margin, 0), bottom), min(y + self.margin, bottom)
        window = screen.pixels[y0 : y1 + high, x0 : x1 + wide]
        best_y, best_x = _nearest(window, self.picture)
        return self._there(screen, x0 + best_x, y0 + best_y)

    def found(self, likeness: Likeness | None) -> bool:
        """Return whether an area is like enough."""
        return likeness is not None and likeness.percent >= self.match

    def _there(self, screen: Picture, x: int, y: int) -> Likeness:
        import numpy

        area = Area(x, y, self.picture.width, self.picture.height)
        wanted = self.picture.pixels.astype(numpy.float64)
        away = (screen.cut(area).pixels - wanted) ** 2
        if self.picture.seen is not None:
            away = away[self.picture.seen]
        percent = 100 * (1 - float(away.sum()) / _contrast(self.picture))
        return Likeness(area, round(max(percent, 0.0), 2))


def _contrast(picture: Picture) -> float:
    """Return how far, squared, the pixels that count are from their mean, in sum."""
    import numpy

    counted = picture.pixels.reshape(-1, 3) if picture.seen is None else (
        picture.pixels[picture.seen])  # fmt: skip
    if not len(counted):
        return 0.0
    return float(((counted - counted.mean(axis=0, dtype=numpy.float64)) ** 2).sum())


def _nearest(
    window: "numpy.ndarray[Any, numpy.dtype[numpy.uint8]]", needle: Picture
) -> tuple[int, int]:
    """Return where in a window the pixels of a needle are least far away: row and column.

    What is far, squared and in sum, is (i - n)^2 = i^2 - 2in + n^2 at each place, and the sums at
    all places are convolutions.
    """
    import numpy
    from numpy.fft import irfft2, rfft2

    size = window.shape[:2]
    seen = numpy.ones(needle.pixels.shape[:2]) if needle.seen is None else needle.seen
    colours = window.astype(numpy.float64)
    counted = rfft2(seen.astype(numpy.float64), size).conj()
    away = rfft2((colours**2).sum(axis=2)) * counted
    for colour in range(3):
        wanted = needle.pixels[:, :, colour] * seen
        away -= 2 * rfft2(colours[:, :, colour]) * rfft2(wanted, size).conj()
    far = irfft2(away, size)
    rows, columns = size[0] - needle.height + 1, size[1] - needle.width + 1
    row, column = numpy.unravel_index(int(far[:rows, :columns].argmin()), (rows, columns))
    return int(row), int(column)


def needle_of(content: bytes) -> Needle:
    """Return the needle in a PNG file. Raises FormatError for what is none."""
    picture = pixels_of(content, "PNG")
    _check(picture)
    if not picture.told:
        return Needle(picture)
    try:
        told = msgspec.json.decode(picture.told, type=_Told)
    except msgspec.MsgspecError as error:
        raise FormatError(f"what it holds of its place cannot be read: {plainly(error)}") from error
    return Needle(picture, (told.x, told.y), told.margin, told.match)


def new_needle(screen: Picture, area: Area, *, margin: int = MARGIN, match: float = MATCH) -> bytes:
    """Cut a needle out of a screen and return its file. Raises UsageError for an area that the
    screen does not have, FormatError for one that tells nothing."""
    picture = screen.cut(area)
    _check(picture)
    told = msgspec.json.encode(_Told(area.x, area.y, margin, match))
    return png_of(picture, told.decode())


def _check(picture: Picture) -> None:
    """Raise FormatError for what would be found anywhere."""
    if min(picture.width, picture.height) < _LEAST_SIDE:
        raise FormatError(
            f"{picture.width}x{picture.height} pixels would be found by chance: take at least "
            f"{_LEAST_SIDE}x{_LEAST_SIDE}"
        )
    counted = picture.width * picture.height if picture.seen is None else picture.seen.sum()
    if _contrast(picture) < _LEAST_CONTRAST**2 * 3 * counted or not counted:
        raise FormatError(
            "it is all of one colour, and would be found anywhere: take an area with something in "
            "it"
        )
