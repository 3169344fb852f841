"""What a UEFI was to start from a disk that has not come to a kernel, as the disk has it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

from msgspec.structs import replace

from bootharness.errors import CouldNotFindOut, FormatError
from bootharness.formats.disk_tables import flaws_of_tables
from bootharness.formats.fat_files import file_on, files_ending, folder_on
from bootharness.formats.forms import LOOK_BYTES, form_of, is_bzimage
from bootharness.formats.grub_image import configurations_of
from bootharness.formats.pe import flaw_of, machine_of, subsystem_of
from bootharness.routes.medium import Medium
from bootharness.text import count
from bootharness.trace.efi_disk import EfiDisk
from bootharness.trace.efi_program import FOLDER, EfiProgram
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_images import file_of, loads, started

__all__ = ["efi_disk", "efi_programs"]

_MOST = 8
_CONFIGURATION, _MOST_NAMES = "\\grub.cfg", 8
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
            has = sorted({*files_ending(read, _CONFIGURATION)})[:_MOST_NAMES] if looks_for else ()
            found.append(replace(_program(path, program), looks_for=looks_for, has=tuple(has)))
    return tuple(found)


def efi_disk(medium: Medium) -> EfiDisk | None:
    """Return what a disk has for a UEFI, None where it is none, or cannot be read."""
    disk = medium.disk
    if disk is None or disk.shape.kind != "disk":
        return None
    with suppress(OSError, CouldNotFindOut, FormatError):
        read = disk.content.read
        flaws = flaws_of_tables(read, disk.sectors, disk.shape.sector_bytes)
        programs = []
        for path in islice(files_ending(read, _PROGRAM), _MOST):
            if (program := file_on(read, path)) is not None:
                programs.append(_program(path, program))
        return EfiDisk(flaws, tuple(programs))
    return None


def _program(path: str, content: bytes) -> EfiProgram:
    machine = machine_of(content)
    if not machine:
        return EfiProgram(path, "", _what_else(content))
    return EfiProgram(path, machine, subsystem_of(content), flaw=flaw_of(content))


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
