"""How the files are signed that a UEFI with Secure Boot, or shim, was to start."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from bootharness.errors import CouldNotFindOut, FormatError
from bootharness.formats.authenticode import bytes_with_signatures
from bootharness.formats.fat_files import file_on
from bootharness.routes.disk import DiskImage
from bootharness.routes.kernel_on_disk import kernel_among, of_file
from bootharness.routes.medium import Medium
from bootharness.trace.signed_file import SignedFile
from bootharness.trace.uefi_calls import UefiCall, spans_read

__all__ = ["signed_files"]

_MOST = 8
_MOST_KERNEL_BYTES = 1 << 28


def signed_files(medium: Medium, calls: Sequence[UefiCall], folder: Path) -> tuple[SignedFile, ...]:
    """Return how what was to be started from a disk is signed: programs that were read, and the
    kernel. What cannot be read is left out."""
    from bootharness.machine.secure_boot_keys import keys_in, signed_file  # as few boots need it

    if not medium.device.secure or medium.disk is None:
        return ()
    with suppress(OSError, CouldNotFindOut, FormatError):
        keys = keys_in(medium.device.secure)
        content = medium.disk.content
        found = []
        for path in list(dict.fromkeys(_programs(calls)))[-_MOST:]:
            program = file_on(content.read, path)
            with suppress(FormatError):
                found += [signed_file(path, program, keys)] if program else []
        with suppress(FormatError):
            source, kernel = _kernel(medium, medium.disk, calls, folder)
            found += [signed_file(source, kernel, keys, is_kernel=True)] if kernel else []
        return tuple(found)
    return ()


def _kernel(
    medium: Medium, disk: DiskImage, calls: Sequence[UefiCall], folder: Path
) -> tuple[str, bytes]:
    """Return where the kernel is from, and what is in it: nothing if there is none. Raises
    FormatError for what is no program, or ends before its signatures do."""
    if (kernel := medium.kernel) is not None:
        size = kernel.file_bytes if kernel.efi_stub else 0
        return kernel.source, kernel.content.read(0, size) if size <= _MOST_KERNEL_BYTES else b""
    among = kernel_among(disk, spans_read(calls, disk.sectors), folder, lambda _: True)
    if among is None or not among[1].efi_stub:
        return "", b""
    lba, kernel = among
    head = kernel.content.read(0, kernel.file_bytes)
    # its own header does not count what it is signed with, which lies behind
    size = max(len(head), min(bytes_with_signatures(head), _MOST_KERNEL_BYTES))
    whole = of_file(disk, lba, size)
    if len(whole) < size:
        raise FormatError(f"{kernel.source} ends before its signatures do")
    return kernel.source, whole


def _programs(calls: Sequence[UefiCall]) -> Iterator[str]:
    """Yield the names of the programs that were read, and of those that were not loaded."""
    for call in calls:
        if call.service == "Read" and not call.failed and call.path.lower().endswith(".efi"):
            yield call.path
        elif call.service == "LoadImage" and call.failed and "\\" in call.path:
            yield call.path[call.path.index("\\") :]
