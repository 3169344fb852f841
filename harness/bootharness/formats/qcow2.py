"""An empty qcow2 image, to be laid over another: what a guest writes goes into it.

QEMU, docs/interop/qcow2.rst: version 3, clusters of 64 KiB, references counted in 16 bits.
"""

import struct

__all__ = ["QCOW2_MAGIC", "empty_overlay"]

QCOW2_MAGIC = b"QFI\xfb"
_CLUSTER_BITS = 16
_CLUSTER = 1 << _CLUSTER_BITS
_ENTRY_BYTES = 8
_PER_L1_ENTRY = _CLUSTER * (_CLUSTER // _ENTRY_BYTES)
# magic, version, backing file: offset, bytes; cluster bits, size, encryption, L1 table: entries,
# offset; reference table: offset, clusters; snapshots: number, offset; features: incompatible,
# compatible, to be cleared; width of a reference count as a power of two, bytes of this
_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQII")
_REFERENCES_WIDE = 4


def empty_overlay(size: int) -> bytes:
    """Return an image of ``size`` bytes, rounded up to sectors, that has nothing of its own.

        0       header
        1       reference table: where the block of counts is
        2       reference counts: one for each cluster that is here
        3 ...   L1 table, empty

    It names no backing file: who opens it says what lies below.
    """
    size = -(-size // 512) * 512
    entries = max(-(-size // _PER_L1_ENTRY), 1)
    l1_clusters = -(-entries * _ENTRY_BYTES // _CLUSTER)
    header = _HEADER.pack(
        QCOW2_MAGIC, 3, 0, 0, _CLUSTER_BITS, size, 0, entries, 3 * _CLUSTER,
        _CLUSTER, 1, 0, 0, 0, 0, 0, _REFERENCES_WIDE, _HEADER.size,
    )  # fmt: skip
    references = struct.pack(">Q", 2 * _CLUSTER)
    counts = b"\0\1" * (3 + l1_clusters)
    parts = (header, references, counts, bytes(l1_clusters * _CLUSTER))
    return b"".join(part.ljust(_CLUSTER, b"\0") for part in parts)
