"""The fields of a setup header that a loader has not set as it has to."""

from collections.abc import Iterator

from bootharness.formats.bzimage import SetupHeader
from bootharness.trace.boot_trace import BootTrace

__all__ = ["not_set"]


def not_set(header: SetupHeader, trace: BootTrace) -> Iterator[str]:
    """Yield the names of the fields that are as they must not be."""
    disk = trace.disk
    if not header.type_of_loader:
        yield "type_of_loader"
    if header.heap_end_ptr is not None and not header.loadflags & 0x80:
        yield "loadflags"
    elif (header.heap_end_ptr or 0xFFFF) < header.real_mode_bytes - 0x200:
        yield "heap_end_ptr"
    if header.cmd_line_ptr == 0:
        yield "cmd_line_ptr"
    if disk and disk.initrd_bytes is not None:
        if disk.initrd_address not in (None, header.ramdisk_image):
            yield "ramdisk_image"
        if disk.initrd_bytes != header.ramdisk_size:
            yield "ramdisk_size"
