"""Pictures of screens, and areas cut out of them: files to pixels and back, with bounds.

Who made a file is not known: what it says of its size is looked at before anything is unpacked.
"""

import re
import warnings
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, Self

from msgspec import Struct

from bootharness.errors import FormatError, ToolMissing, UsageError

if TYPE_CHECKING:
    import numpy
    from PIL.Image import Image

__all__ = ["MOST_BYTES", "Area", "Picture", "enlarged", "has_libraries", "pixels_of", "png_of"]

MOST_BYTES = 1 << 26
"""Of a file; a picture of a screen that is not compressed has some millions."""
_MOST_PIXELS = 1 << 23
_AREA = re.compile(r"(\d{1,6}),(\d{1,6}),(\d{1,6})x(\d{1,6})")
_KEY = "bootharness"
# what a PNG holds besides its pixels is a few words
_MOST_TOLD = 1000
_ALPHA_SEEN = 128


class Area(Struct, frozen=True):
    """An area of a screen in pixels, from its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def parse(cls, given: str) -> Self:
        """Read an area as a person writes it. Raises UsageError, saying what can be written."""
        found = _AREA.fullmatch(given)
        if not found:
            raise UsageError(f"area {given!r}: it is X,Y,WxH in pixels, as 40,120,300x60")
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        return f"{self.width}x{self.height} at {self.x},{self.y}"


class Picture(Struct, frozen=True):
    """Pixels of three colours, row by row; ``seen`` is which of them count, None for all. ``told``
    is what we wrote into its file, empty where we did not."""

    pixels: "numpy.ndarray[Any, numpy.dtype[numpy.uint8]]"
    seen: "numpy.ndarray[Any, numpy.dtype[numpy.bool_]] | None" = None
    told: str = ""

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[0])

    @property
    def blank(self) -> bool:
        """Whether it is all of one colour."""
        return bool((self.pixels == self.pixels[:1, :1]).all())

    def same(self, other: "Picture") -> bool:
        """Return whether another has the same pixels."""
        mine, others = self.pixels, other.pixels
        return mine.shape == others.shape and bool((mine == others).all())

    def cut(self, area: Area) -> Self:
        """Return an area of it. Raises UsageError for one that it does not have."""
        if area.x + area.width > self.width or area.y + area.height > self.height:
            raise UsageError(
                f"area {area}: it goes beyond the screen, which is {self.width}x{self.height}"
            )
        rows = self.pixels[area.y : area.y + area.height]
        return type(self)(rows[:, area.x : area.x + area.width])


def has_libraries() -> bool:
    """Return whether what reads and compares pictures is installed."""
    return all(find_spec(name) for name in ("numpy", "PIL"))


def _check_libraries() -> None:
    if not has_libraries():
        raise ToolMissing(
            "pictures are compared by numpy and pillow, which are not installed: "
            "`pip install 'bootharness[screens]'` brings them"
        )


def pixels_of(content: bytes, *kinds: Literal["PNG", "PPM"]) -> Picture:
    """Return the picture in a file of one of these kinds. Raises FormatError for what is none, or
    too large, ToolMissing where what reads them is not installed."""
    _check_libraries()
    from PIL import Image, UnidentifiedImageError

    names = " or ".join(kinds)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a size that is refused below
            image = Image.open(BytesIO(content), formats=kinds)
            if image.width * image.height > _MOST_PIXELS:
                raise FormatError(
                    f"a picture of {image.width}x{image.height} pixels, and no screen has more "
                    f"than {_MOST_PIXELS:,}"
                )
            return _picture(image)
    except FormatError:
        raise
    except Image.DecompressionBombError as error:
        raise FormatError(f"no screen is so large: {error}") from error
    except UnidentifiedImageError:
        raise FormatError(f"not a {names}") from None
    except Exception as error:  # its readers raise whatever comes to their minds
        raise FormatError(f"a {names} that cannot be read: {error}") from error


def _picture(image: "Image") -> Picture:
    import numpy

    told = str(image.info.get(_KEY, ""))[: _MOST_TOLD + 1]
    if "A" not in image.mode and "transparency" not in image.info:
        return Picture(numpy.asarray(image.convert("RGB")), told=told)
    pixels = numpy.asarray(image.convert("RGBA"))
    seen = pixels[:, :, 3] >= _ALPHA_SEEN
    return Picture(pixels[:, :, :3], None if seen.all() else seen, told)


def enlarged(picture: Picture, times: int) -> Picture:
    """Return a picture so many times as wide and as high, smoothed."""
    import numpy
    from PIL import Image

    size = (picture.width * times, picture.height * times)
    return Picture(numpy.asarray(Image.fromarray(picture.pixels).resize(size)))


def png_of(picture: Picture, told: str = "") -> bytes:
    """Return a picture as a PNG file, with words of ours in it."""
    _check_libraries()
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    words, content = PngInfo(), BytesIO()
    if told:
        words.add_text(_KEY, told)
    Image.fromarray(picture.pixels).save(content, "PNG", pnginfo=words)
    return content.getvalue()
