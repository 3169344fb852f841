"""Causes in what a UEFI found on a disk to start, before it started anything."""

import re
from collections.abc import Sequence

from bootharness.diagnosis.verdict import Finding
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.efi_program import FOLDER, EfiProgram
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_images import asked_by, file_of, left, loads, started
from bootharness.trace.uefi_shell import script_of

__all__ = [
    "before_a_kernel", "boot_file_missing", "built_wrong", "image_refused", "is_folder",
    "no_file_system",
]  # fmt: skip

_BOOT_FILE = re.compile(r"\\efi\\boot\\boot[a-z0-9]{2,12}\.efi")
_X64 = "x64"
_TOLD = 3
_REFUSALS = {
    "Unsupported": "it is no EFI program for this machine (x64), or not a whole one",
    "Load Error": "it is no EFI program, or cut short",
    "Access Denied": "Secure Boot does not accept its signature",
    "Security Violation": "Secure Boot does not accept its signature",
    "Volume Corrupt": "its file system is damaged",
    "Device Error": "the disk could not be read",
    "End of File": "its file system is damaged: the file ends before its size",
}
_UNREAD = ("Volume Corrupt", "Device Error", "End of File")
"""Of these what the file has is not to blame, if that could be read at all."""
_NOT_STARTED = "Unsupported"
"""What comes of a program for an i386, which is loaded and not started."""


def no_file_system(trace: BootTrace) -> Finding | None:
    """A UEFI found nothing on the disk that it can read files from."""
    if not before_a_kernel(trace) or _file_systems(trace):
        return None
    disks = [call for call in trace.uefi_calls if call.text == "BlockIo"]
    if not disks:
        return None
    flaws = trace.efi_disk.flaws if trace.efi_disk else ()
    why = "; ".join(flaws[:_TOLD]) or "it reads FAT, and of a CD the El Torito image for EFI"
    return Finding(
        f"a UEFI finds no file system on the disk: {why}",
        tuple(f"disk {call.path}, {(call.lba or 0) + 1:,} blocks of {call.bytes:,} bytes"
              for call in disks),
    )  # fmt: skip


def boot_file_missing(trace: BootTrace) -> Finding | None:
    """A disk for which a UEFI has no boot entry lacks the file that is started then, and a shell's
    script as well."""
    if not before_a_kernel(trace) or not _file_systems(trace) or started(trace.uefi_calls):
        return None
    asked = [call for call in trace.uefi_calls if _is_boot_file(call)]
    if not asked or any(not call.failed for call in asked) or script_of(trace.uefi_calls):
        return None
    last = asked[-1]
    return Finding(
        f"there is no {last.path} on the disk ({last.error}), which a UEFI starts of a disk for "
        f"which it has no boot entry{_has(trace)}",
        tuple(f"Open {call.path}: {call.error}" for call in asked),
    )


def _has(trace: BootTrace) -> str:
    """Return which programs a disk has instead, as the end of a sentence."""
    if trace.efi_disk is None:
        return ""
    programs = [each for each in trace.efi_disk.programs if each.machine]
    if not programs:
        return ", and no other program of a UEFI"
    told = [f"{each.path} for {each.machine}" for each in programs[:_TOLD]]
    more = len(programs) - len(told)
    return f"; it has {', '.join(told)}{f' and {more} more' if more else ''}"


def image_refused(trace: BootTrace) -> Finding | None:
    """The firmware did not load an image that it was to start, or did not start it."""
    if not before_a_kernel(trace):
        return None
    refused = _refused(trace)
    if not refused:
        return None
    path, error, by = refused[-1]
    if trace.signed_files and error in ("Access Denied", "Security Violation"):
        return None  # of which the signatures are told
    flaw = "" if error in _UNREAD else _flaw_of(trace, path)
    why = _what_it_is(trace, path) or flaw or _REFUSALS.get(error, "")
    told = ": ".join(filter(None, (error, why)))
    return Finding(
        f"the firmware does not load {path}{by}: {told}",
        tuple(f"LoadImage {call.path}: {call.error}"
              for call in loads(trace.uefi_calls) if call.failed),
    )  # fmt: skip


def before_a_kernel(trace: BootTrace) -> bool:
    """Whether it is the boot of a disk by a UEFI that has not come to a kernel."""
    if trace.network or not trace.uefi_calls or trace.uefi_handoff:
        return False
    return trace.ending.kind != "reached" and not trace.kernel_runs


def _file_systems(trace: BootTrace) -> list[UefiCall]:
    return [call for call in trace.uefi_calls if call.text == "SimpleFileSystem"]


def _is_boot_file(call: UefiCall) -> bool:
    return call.service == "Open" and bool(_BOOT_FILE.fullmatch(call.path.lower()))


def _what_it_is(trace: BootTrace, path: str) -> str:
    """Say what is wrong with a program itself, empty where its file shows nothing."""
    own = _on_disk(trace, path)
    if own is None:
        return ""
    if not own.machine:
        return f"it is {own.kind}" if own.kind else ""
    if own.machine != _X64:
        return f"it is a program for {own.machine}, and the firmware is one for {_X64}"
    if own.kind and own.kind != "application":
        return f"it is a {own.kind}, and a UEFI boots only an application"
    return ""


def _flaw_of(trace: BootTrace, path: str) -> str:
    own = _on_disk(trace, path)
    return own.flaw if own else ""


def is_folder(trace: BootTrace, path: str) -> bool:
    """Whether the disk has a folder of the name of a program."""
    own = _on_disk(trace, path)
    return own is not None and own.kind == FOLDER


def built_wrong(trace: BootTrace) -> str:
    """Say which program of a disk has sections that cannot be, as the end of a sentence; empty
    where none has."""
    flawed = next((each for each in trace.efi_programs if each.flaw), None)
    return f"; {flawed.path} is built wrong: {flawed.flaw}" if flawed else ""


def _on_disk(trace: BootTrace, path: str) -> EfiProgram | None:
    return next((each for each in trace.efi_programs if each.path.lower() == path.lower()), None)


def _unread(calls: Sequence[UefiCall], load: UefiCall) -> str:
    """Return why a file could not be read that was to be loaded, empty where it was: of that
    LoadImage only says that there is none."""
    before = calls[calls.index(load) - 1]
    same = before.service == "Read" and load.path.lower().endswith(before.path.lower())
    return before.error if same else ""


def _refused(trace: BootTrace) -> list[tuple[str, str, str]]:
    """The images that were not loaded: name, error, for whom; what the firmware has looked at and
    not even tried to load, too, and what it has loaded and not started."""
    calls = trace.uefi_calls
    found, images = [], started(calls)
    for call in loads(calls):
        if call.failed:
            by = next((file_of(each.path) for each in images if call.caller in each.lies), None)
            error = _unread(calls, call) or call.error
            found.append((file_of(call.path), error, f", for {by}" if by else ""))
    read = [call for call in calls if _is_boot_file(call) and not call.failed]
    if read and not images and not found:
        found.append((read[-1].path, "Unsupported", ""))
    last = images[-1] if images else None
    came_back = left(calls, last) if last else None
    if last and came_back and came_back.error == _NOT_STARTED and not asked_by(calls, last):
        found.append((file_of(last.path), _NOT_STARTED, ""))
    return found
