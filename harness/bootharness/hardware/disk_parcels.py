"""What mbr/disk_writer.asm fetches: the order that says what disk it is for, then a whole image.

A file each, by hexadecimal numbers: the order; for each run of up to 64 sectors a head of 512
bytes, and the sectors themselves unless they are all zeros; and a head of no sectors. Zeros are
written too, so that the disk is the image.
"""

import struct
from collections.abc import Callable, Iterator

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.formats.mbr import SECTOR_BYTES

__all__ = ["CHUNK_SECTORS", "DiskOrder", "parcels", "question", "sums"]

CHUNK_SECTORS = 64
_SERIAL_BYTES = 20
_SIGNATURE_DIGITS = 8
# by numbers of four digits
_MOST_SECTORS = 0xFFF0 * CHUNK_SECTORS
_DWORDS = 1 << 32
_NO_DISKS = (1 << 64) - 1


class DiskOrder(Struct, frozen=True):
    """The one disk that may be written: known by its MBR's ``signature``, 0 where that does not
    count, or by its ``serial`` number, as an ATA disk says it, empty where that does not count."""

    signature: int = 0
    serial: str = ""

    @classmethod
    def named(cls, word: str) -> "DiskOrder":
        """Return the order for what a person calls a disk.

        Eight hexadecimal digits are a signature and may be a serial number, other words are a
        serial number. Raises UsageError for what names no disk.
        """
        serial = word.strip()
        if not serial or len(serial) > _SERIAL_BYTES or not (
            serial.isascii() and serial.isprintable()
        ):  # fmt: skip
            raise UsageError(
                f"{word!r} is neither the signature of a disk, 8 hexadecimal digits, nor a serial "
                f"number of up to {_SERIAL_BYTES} letters"
            )
        if len(serial) != _SIGNATURE_DIGITS:
            return cls(serial=serial)
        try:
            signature = int(serial, 16)
        except ValueError:
            return cls(serial=serial)
        if not signature:
            raise UsageError(
                f"{word}: every disk without a signature has this one: give the serial number"
            )
        return cls(signature, serial)


def parcels(order: DiskOrder, read: Callable[[int, int], bytes], sectors: int) -> dict[str, bytes]:
    """Return the files for an image that has so many sectors of 512 bytes, by their names.

    ``read`` gives bytes of it from an LBA on. Raises UsageError for one that is too large.
    """
    if sectors > _MOST_SECTORS:
        raise UsageError(
            f"the image has {sectors:,} sectors, and at most {_MOST_SECTORS:,} are written"
        )
    contents = [_order(order, sectors)]
    for lba, data in _chunks(read, sectors):
        zeros = not any(data)
        head = _head(lba, len(data) // SECTOR_BYTES, zeros, sums(b"" if zeros else data))
        contents.append(head if zeros else head + data)
    contents.append(_head(sectors, 0, False, (0, 0)))
    return {f"{number:04X}": each for number, each in enumerate(contents)}


def question() -> dict[str, bytes]:
    """Return the files for an order that no disk is: what there is is told, and none is written."""
    return {"0000": _order(DiskOrder(), _NO_DISKS)}


def _order(order: DiskOrder, sectors: int) -> bytes:
    serial = order.serial.encode().ljust(_SERIAL_BYTES) if order.serial else b""
    return struct.pack("<20sIQ", serial, order.signature, sectors)


def _head(lba: int, sectors: int, zeros: bool, both: tuple[int, int]) -> bytes:
    return struct.pack("<QHHII", lba, sectors, zeros, *both).ljust(SECTOR_BYTES, b"\0")


def sums(data: bytes) -> tuple[int, int]:
    """Return the sum of little-endian dwords, and the sum of what that was after each."""
    one = two = 0
    for (dword,) in struct.iter_unpack("<I", data):
        one += dword
        two += one
    return one % _DWORDS, two % _DWORDS


def _chunks(read: Callable[[int, int], bytes], sectors: int) -> Iterator[tuple[int, bytes]]:
    for lba in range(0, sectors, CHUNK_SECTORS):
        size = min(CHUNK_SECTORS, sectors - lba) * SECTOR_BYTES
        yield lba, read(lba, size).ljust(size, b"\0")
