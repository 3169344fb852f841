"""The files that a network serves in a test."""

from msgspec.structs import replace

from bootharness.network.files import FileTable
from bootharness.routes.net_image import NetImage

__all__ = ["contents_of", "serving"]


def contents_of(image: NetImage) -> dict[str, bytes]:
    """Return the files of an image, by name."""
    assert isinstance(image.files, FileTable)
    return dict(image.files.contents)


def serving(image: NetImage, name: str, content: bytes) -> NetImage:
    """Return an image with another file."""
    return replace(image, files=FileTable({**contents_of(image), name: content}))
