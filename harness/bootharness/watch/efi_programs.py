"""What a UEFI was to start from a disk that has not come to a kernel, as the disk has it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from bootharness.errors import CouldNotFindOut, FormatError
from bootharness.formats.fat_files import file_on, files_named, folder_on
from bootharness.formats.forms import LOOK_BYTES, form_of, is_bzimage
from bootharness.formats.grub_image import configurations_of
from bootharness.formats.pe import machine_of, subsystem_of
from bootharness.routes.medium import Medium
from bootharness.text import count
from bootharness.trace.efi_program import FOLDER, EfiProgram
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_images import file_of, loads, started

__all__ = ["efi_programs"]

_MOST = 8
_CONFIGURATION, _MOST_NAMES = "grub.cfg", 8
_PROGRAM = ".efi"


def efi_programs(medium: Medium, calls: Sequence[UefiCall]) -> tuple[EfiProgram, ...]:
    """Return the programs that were opened, loaded or started, the last ones of many. What cannot
    be read is left out."""
    found: list[EfiProgram] = []
    if medium.disk is None:
        return ()
    with suppress(OSError, CouldNotFindOut, FormatError):
        read = medium.disk.content.read
        for path in list(dict.fromkeys(_paths(calls)))[-_MOST:]:
            if (program := file_on(read, path)) is None:
                found += [EfiProgram(path, "", FOLDER)] if folder_on(read, path) else []
                continue
            looks_for = configurations_of(program, path.rpartition("\\")[0])
            has = sorted({*files_named(read, _CONFIGURATION)})[:_MOST_NAMES] if looks_for else ()
            machine = machine_of(program)
            kind = subsystem_of(program) if machine else _what_else(program)
            found.append(EfiProgram(path, machine, kind, looks_for, tuple(has)))
    return tuple(found)


def _what_else(content: bytes) -> str:
    """Return what a file is that is no program of a UEFI; empty where nobody knows."""
    if is_bzimage(content):
        return "a Linux kernel without an EFI stub"
    if content and not any(content):
        return f"{count(len(content), 'zero')} and nothing else"
    form = form_of(content[:LOOK_BYTES])
    return form.name if form else ""


def _paths(calls: Sequence[UefiCall]) -> Iterator[str]:
    for call in calls:
        if call.service == "Open" and not call.failed and call.path.lower().endswith(_PROGRAM):
            yield call.path
    for call in (*loads(calls), *started(calls)):
        yield file_of(call.path)
