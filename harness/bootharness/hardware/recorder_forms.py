"""The recorder for a real machine, in the two forms in which it is brought there.

As a boot program from the network it leaves the disk as it is. In the MBR it has its own place on
the disk and a way back:

    LBA 0   our 440 bytes; disk signature and partitions stay the disk's
        1   the recorder, 4 sectors
        5   the true MBR
        6   free, as before: the first partition begins behind it
"""

from bootharness.errors import UsageError
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.host.assembler import assemble_flat, shipped

__all__ = ["FASTEST_BAUD", "boot_program", "divisor", "gap_needed", "installed", "removed"]

FASTEST_BAUD = 115_200
_RESIDENT_BYTES = 2048
_RESIDENT_LBA = 1
_TRUE_LBA = _RESIDENT_LBA + _RESIDENT_BYTES // SECTOR_BYTES
_CODE_BYTES = 440

gap_needed = (_TRUE_LBA + 1) * SECTOR_BYTES
"""How much of a disk's beginning the form in the MBR takes, in bytes."""


def boot_program(baud: int = FASTEST_BAUD) -> bytes:
    """Return the boot program that records, and starts the first hard disk.

    Raises UsageError for a baud rate that a PC's UART does not have.
    """
    front = assemble_flat(shipped("mbr/resident_nbp.asm"), RESIDENT_BYTES=_RESIDENT_BYTES)
    return front + _resident(baud, true_lba=0)


def installed(beginning: bytes, baud: int = FASTEST_BAUD) -> bytes:
    """Return the first `gap_needed` bytes of a disk with the recorder in front of its MBR.

    ``beginning`` are those that it has. Raises UsageError where their place is not free.
    """
    head = beginning[:gap_needed]
    mbr, gap = head[:SECTOR_BYTES], head[SECTOR_BYTES:]
    if len(head) < gap_needed or mbr[-2:] != b"\x55\xaa":
        raise UsageError("the disk has no MBR: nothing to record")
    if _is_ours(mbr):
        raise UsageError("the recorder is in the MBR already")
    first = min(_partitions(mbr), default=_TRUE_LBA + 1)
    if first <= _TRUE_LBA:
        raise UsageError(
            f"a partition begins at LBA {first}, and the recorder takes all up to LBA {_TRUE_LBA}: "
            "use the boot program from the network, which leaves the disk as it is"
        )
    if any(gap):
        raise UsageError(
            "something lies between the MBR and the first partition, as a part of GRUB does: use "
            "the boot program from the network, which leaves the disk as it is"
        )
    code = _front()
    return code + mbr[_CODE_BYTES:] + _resident(baud, true_lba=_TRUE_LBA) + mbr


def removed(beginning: bytes) -> bytes:
    """Return the first `gap_needed` bytes of a disk as they were before `installed`.

    What has been written to the partition table since then stays. Raises UsageError where there
    is no recorder.
    """
    head = beginning[:gap_needed]
    if len(head) < gap_needed or not _is_ours(head):
        raise UsageError("the recorder is not in this disk's MBR")
    true_mbr = head[_TRUE_LBA * SECTOR_BYTES :]
    mbr = true_mbr[:_CODE_BYTES] + head[_CODE_BYTES:SECTOR_BYTES]
    return mbr + bytes(gap_needed - SECTOR_BYTES)


def _front() -> bytes:
    return assemble_flat(
        shipped("mbr/resident_mbr.asm"), RESIDENT_BYTES=_RESIDENT_BYTES, RESIDENT_LBA=_RESIDENT_LBA
    )


def divisor(baud: int) -> int:
    """Return what a PC's UART divides its clock by. Raises UsageError for a rate that it has
    not."""
    divided, rest = divmod(FASTEST_BAUD, baud) if baud > 0 else (0, 1)
    if rest or not 0 < divided < 1 << 16:
        raise UsageError(
            f"{baud} baud: a PC's serial port has {FASTEST_BAUD} and what it divides into, as "
            "57600, 38400, 19200 and 9600"
        )
    return divided


def _resident(baud: int, *, true_lba: int) -> bytes:
    return assemble_flat(
        shipped("mbr/resident.asm"),
        DIVISOR=divisor(baud),
        TRUE_LBA=true_lba,
        RESIDENT_BYTES=_RESIDENT_BYTES,
    )


def _is_ours(mbr: bytes) -> bool:
    return mbr[:_CODE_BYTES] == _front()


def _partitions(mbr: bytes) -> list[int]:
    """Return where partitions begin."""
    entries = (mbr[at : at + 16] for at in range(0x1BE, 0x1FE, 16))
    return [int.from_bytes(entry[8:12], "little") for entry in entries if entry[4]]
