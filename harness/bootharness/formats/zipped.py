"""What is kept compressed by zlib, unpacked as far as there is room for it."""

import zlib

from bootharness.errors import FormatError

__all__ = ["unzipped"]


def unzipped(packed: bytes, *, most: int) -> bytes:
    """Return what was compressed. Raises FormatError where it is damaged, or where it has more
    than so many bytes: a megabyte can stand for a gigabyte."""
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed, most)
    except (zlib.error, TypeError) as error:
        raise FormatError(f"damaged: {error}") from error
    if unpacking.unconsumed_tail:
        raise FormatError(f"more than {most:,} bytes when it is unpacked")
    if not unpacking.eof:
        raise FormatError("damaged: its end is missing")
    return content
