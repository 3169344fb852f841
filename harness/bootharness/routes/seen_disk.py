"""The kernels on a disk that was read over the network."""

from collections.abc import Iterator
from contextlib import suppress

from bootharness.errors import BootHarnessError, FormatError
from bootharness.formats.bzimage import SetupHeader
from bootharness.kernels.image import KernelImage
from bootharness.network.arrived import ArrivedDisk

__all__ = ["kernels_on"]

_UNIT = 512
_SIGN, _SIGN_AT = b"HdrS", 0x202
_HEAD_BYTES = 4096
_LARGEST_PAYLOAD = 1 << 28
_MOST_KERNELS = 16
_PIECE_BYTES = 1 << 20


def kernels_on(disk: ArrivedDisk) -> Iterator[KernelImage]:
    """Yield what was read of a disk that begins as a kernel does, and lies there in one piece; the
    bytes of each are written to a file of its own."""
    with suppress(OSError), disk.path.open("rb") as file:
        for number, at in enumerate(_places(disk)):
            if number >= _MOST_KERNELS:
                return
            file.seek(at)
            try:
                header = SetupHeader.parse(file.read(_HEAD_BYTES))
            except FormatError:
                continue
            if header.payload_bytes > _LARGEST_PAYLOAD:
                continue
            file.seek(at)
            own = disk.path.with_name(f"{disk.path.name}-at-{at // _UNIT}")
            own.write_bytes(file.read(header.real_mode_bytes + header.payload_bytes))
            with suppress(BootHarnessError):
                yield KernelImage.read(own, source=f"{disk.name} at LBA {at // _UNIT}")


def _places(disk: ArrivedDisk) -> Iterator[int]:
    """Yield where on a disk a kernel may begin, in bytes."""
    seen: set[int] = set()
    with disk.path.open("rb") as file:
        for span in list(disk.spans):
            for start in range(span.start, span.stop, _PIECE_BYTES):
                file.seek(start)
                piece = file.read(min(_PIECE_BYTES, span.stop - start) + _UNIT)
                for at in _signs(piece):
                    place = start + at - _SIGN_AT
                    if place >= 0 and place % _UNIT == 0 and place not in seen:
                        seen.add(place)
                        yield place


def _signs(piece: bytes) -> Iterator[int]:
    at = piece.find(_SIGN)
    while at >= 0:
        yield at
        at = piece.find(_SIGN, at + 1)
