"""How the files are signed that a UEFI with Secure Boot, or shim, was to start."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from bootharness.errors import CouldNotFindOut, FormatError
from bootharness.formats.fat_files import file_on
from bootharness.routes.kernel_on_disk import kernel_among
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
        kernel = medium.kernel
        if kernel is None:
            spans = spans_read(calls, medium.disk.sectors)
            among = kernel_among(medium.disk, spans, folder, lambda _: True)
            kernel = among[1] if among else None
        if kernel and kernel.efi_stub and kernel.file_bytes <= _MOST_KERNEL_BYTES:
            whole = kernel.content.read(0, kernel.file_bytes)
            with suppress(FormatError):
                found.append(signed_file(kernel.source, whole, keys, is_kernel=True))
        return tuple(found)
    return ()


def _programs(calls: Sequence[UefiCall]) -> Iterator[str]:
    """Yield the names of the programs that were read, and of those that were not loaded."""
    for call in calls:
        if call.service == "Read" and not call.failed and call.path.lower().endswith(".efi"):
            yield call.path
        elif call.service == "LoadImage" and call.failed and "\\" in call.path:
            yield call.path[call.path.index("\\") :]
