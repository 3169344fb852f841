"""Disk images in containers: which driver of QEMU's opens one, and which other files it names.

What an image names is somebody else's choice of a file of ours; so it is looked for in the
headers, before anything opens the image.
"""

import re
import struct
from collections.abc import Callable

from bootharness.formats.forms import Form

__all__ = ["BACKED", "DRIVERS", "ENCRYPTED", "qcow2_tables_end", "refused_for"]

DRIVERS = {
    "a qcow2 image": "qcow2",
    "a QED image": "qed",
    "a VMDK image": "vmdk",
    "a VDI image": "vdi",
    "a VHDX image": "vhdx",
    "a VHD image": "vpc",
    "a Parallels image": "parallels",
}
"""QEMU's drivers, by the names of forms."""

BACKED = ("qcow2", "qed", "vmdk")
"""Drivers that would open the file that an image names as its backing, unless they are told not
to."""
ENCRYPTED = "is encrypted"
_Read = Callable[[int, int], bytes]

# version, backing file: offset and length, - , encryption; from version 3 on: what must be known
_QCOW2 = struct.Struct(">4sIQI12xI")
_QCOW2_FEATURES_AT = 72
# cluster bits; the L1 table: entries, offset; an entry has the offset of an L2 table, of a cluster
_QCOW2_L1 = struct.Struct(">20xI12xIQ")
_QCOW2_OFFSET = 0x00FFFFFFFFFFFE00
_QCOW2_L1_ENTRIES = 1 << 22
_QCOW2_DATA_FILE = 1 << 2
_QED_FEATURES_AT, _QED_BACKING = 16, 1
_QED_NAME_AT = 56
_VHD_TYPE_AT, _VHD_DIFFERENCING = 60, 4
_VMDK = struct.Struct("<4sIIQQQQ")
"""magic, version, flags, capacity, grain, descriptor: first sector, sectors"""
_VMDK_SECTOR = 512
_DESCRIPTOR_BYTES = 1 << 16
_NAME_BYTES = 1023
_PARENT = re.compile(rb'^\s*parentFileNameHint\s*=\s*"([^"\n]*)"', re.MULTILINE | re.IGNORECASE)


def refused_for(form: Form, read: _Read) -> str | None:
    """Return what of an image in a container is not opened, as in "it ...", None for all of it.

    ``read`` gives bytes of the file by their offset and number.
    """
    looked = _LOOKED_AT.get(DRIVERS.get(form.name, ""))
    return looked(read) if looked else None


def _qcow2(read: _Read) -> str | None:
    head = read(0, 104)
    if len(head) < _QCOW2.size:
        return None  # QEMU says so
    _, version, at, length, encrypted = _QCOW2.unpack_from(head)
    if at:
        return f"names a backing file, {_shown(read(at, min(length, _NAME_BYTES)))}"
    features = int.from_bytes(head[_QCOW2_FEATURES_AT : _QCOW2_FEATURES_AT + 8], "big")
    if version > 2 and features & _QCOW2_DATA_FILE:
        return "has its data in another file"
    return ENCRYPTED if encrypted else None


def qcow2_tables_end(read: _Read) -> int:
    """Return where in a qcow2 file the last of its tables ends, in bytes (docs/interop/qcow2.txt of
    QEMU); 0 where that cannot be."""
    head = read(0, _QCOW2_L1.size)
    if len(head) < _QCOW2_L1.size:
        return 0
    bits, entries, at = _QCOW2_L1.unpack(head)
    if not 9 <= bits <= 21 or entries > _QCOW2_L1_ENTRIES:
        return 0
    size = 8 * entries
    table = read(at, size)
    entries_read = struct.iter_unpack(">Q", table[: len(table) // 8 * 8])
    ends = ((each & _QCOW2_OFFSET) + (1 << bits) for (each,) in entries_read if each)
    return int(max(at + size, max(ends, default=0)))


def _qed(read: _Read) -> str | None:
    head = read(0, 64)
    if not int.from_bytes(head[_QED_FEATURES_AT : _QED_FEATURES_AT + 8], "little") & _QED_BACKING:
        return None
    at, length = (
        int.from_bytes(head[start : start + 4], "little")
        for start in (_QED_NAME_AT, _QED_NAME_AT + 4)
    )
    return f"names a backing file, {_shown(read(at, min(length, _NAME_BYTES)))}"


def _vhd(read: _Read) -> str | None:
    kind = int.from_bytes(read(_VHD_TYPE_AT, 4), "big")
    return "is a difference to another file" if kind == _VHD_DIFFERENCING else None


def _vmdk(read: _Read) -> str | None:
    head = read(0, _VMDK.size)
    if len(head) < _VMDK.size or not head.startswith(b"KDMV"):
        return None
    _, _, _, capacity, _, at, sectors = _VMDK.unpack(head)
    if not capacity:
        return "has its data in other files"
    said = read(at * _VMDK_SECTOR, min(sectors * _VMDK_SECTOR, _DESCRIPTOR_BYTES)) if at else b""
    parent = _PARENT.search(said)
    return f"names a parent, {_shown(parent[1])}" if parent else None


_LOOKED_AT = {"qcow2": _qcow2, "qed": _qed, "vpc": _vhd, "vmdk": _vmdk}


def _shown(name: bytes) -> str:
    text = name.decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)
