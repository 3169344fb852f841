"""Causes in what a UEFI was asked for, and what it answered, before a kernel ended its boot
services."""

from bootharness.diagnosis.verdict import Finding
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.uefi_calls import UefiCall

__all__ = ["boot_file_missing", "boot_manager_left", "image_refused", "no_file_system"]

_FILE = "\\"
_NAMES = 12
_LOOKED_FOR = frozenset((
    "\\efi\\systemd\\drivers", "\\efi\\linux", "\\system\\library\\coreservices\\boot.efi",
    "\\efi\\microsoft\\boot\\bcd", "\\efi\\microsoft\\boot\\bootmgfw.efi", "\\shellx64.efi",
    "\\loader\\keys", "\\loader\\random-seed", "\\efi\\boot\\fbx64.efi", "\\efi\\boot\\options.csv",
    "\\efi\\boot\\mmx64.efi",
))  # fmt: skip
"""What boot managers look for on every disk, and do without."""
_FOLDER = "\\efi\\boot\\"
_REFUSALS = {
    "Unsupported": "it is no EFI program for this machine (x64)",
    "Load Error": "it is no EFI program, or cut short",
    "Access Denied": "Secure Boot does not accept its signature",
    "Security Violation": "Secure Boot does not accept its signature",
    "Out of Resources": "there is not enough memory for it",
    "Volume Corrupt": "its file system is damaged",
    "Device Error": "the disk could not be read",
}


def no_file_system(trace: BootTrace) -> Finding | None:
    """A UEFI found nothing on the disk that it can read files from."""
    if not _before_a_kernel(trace) or _file_systems(trace):
        return None
    disks = [call for call in trace.uefi_calls if call.text == "BlockIo"]
    if not disks:
        return None
    return Finding(
        "a UEFI finds no file system on the disk: it reads FAT, and of a CD the El Torito image "
        "for EFI",
        tuple(f"disk {call.path}, {(call.lba or 0) + 1:,} blocks of {call.bytes:,} bytes"
              for call in disks),
    )  # fmt: skip


def boot_file_missing(trace: BootTrace) -> Finding | None:
    """A disk for which a UEFI has no boot entry lacks the file that is started then."""
    if not _before_a_kernel(trace) or not _file_systems(trace) or _started(trace):
        return None
    asked = [call for call in trace.uefi_calls if _is_boot_file(call)]
    if not asked or any(not call.failed for call in asked):
        return None
    last = asked[-1]
    return Finding(
        f"there is no {last.path} on the disk ({last.error}), which a UEFI starts of a disk for "
        "which it has no boot entry",
        tuple(f"Open {call.path}: {call.error}" for call in asked),
    )


def image_refused(trace: BootTrace) -> Finding | None:
    """The firmware did not load an image that it was to start."""
    if not _before_a_kernel(trace):
        return None
    refused = _refused(trace)
    if not refused:
        return None
    path, error, by = refused[-1]
    if trace.signed_files and error in ("Access Denied", "Security Violation"):
        return None  # of which the signatures are told
    why = _REFUSALS.get(error, "")
    told = ": ".join(filter(None, (error, why)))
    return Finding(
        f"the firmware does not load {path}{by}: {told}",
        tuple(f"LoadImage {call.path}: {call.error}" for call in _loads(trace) if call.failed),
    )


def boot_manager_left(trace: BootTrace) -> Finding | None:
    """What the firmware had started came back, or had the machine reset, without a kernel."""
    started = _started(trace)
    if not _before_a_kernel(trace) or not started:
        return None
    last = started[-1]
    calls = trace.uefi_calls[trace.uefi_calls.index(last) :]
    reset = next((call for call in calls if call.service == "ResetSystem"), None)
    left = next(
        (call for call in calls
         if call.service in ("image returned", "Exit") and call.subject == last.subject), None
    )  # fmt: skip
    if reset is None and left is None:
        return None
    name = _file_of(last.path)
    how = "had the machine reset (ResetSystem)"
    if left:
        error = f" ({left.error})" if left.failed else ""
        how = f"gave up and went back to the firmware{error}"
    missing = _asked_in_vain(trace, last)
    names = ", ".join(missing[-_NAMES:])
    some = f": of what it asked for there was no {names}" if missing else ""
    return Finding(f"{name} {how}{some}", tuple(f"not there: {each}" for each in missing))


def _before_a_kernel(trace: BootTrace) -> bool:
    """Whether it is the boot of a disk by a UEFI that has not come to a kernel."""
    if trace.network or not trace.uefi_calls or trace.uefi_handoff:
        return False
    return trace.ending.kind != "reached" and not trace.kernel_runs


def _file_systems(trace: BootTrace) -> list[UefiCall]:
    return [call for call in trace.uefi_calls if call.text == "SimpleFileSystem"]


def _started(trace: BootTrace) -> list[UefiCall]:
    """The images that were started from files."""
    return [call for call in trace.uefi_calls
            if call.service == "StartImage" and _FILE in call.path]  # fmt: skip


def _loads(trace: BootTrace) -> list[UefiCall]:
    return [call for call in trace.uefi_calls
            if call.service == "LoadImage" and _FILE in call.path]  # fmt: skip


def _is_boot_file(call: UefiCall) -> bool:
    name = call.path.lower()
    return call.service == "Open" and name.startswith(_FOLDER) and name.endswith(".efi")


def _file_of(path: str) -> str:
    """Return the name of the file in a device path."""
    return path[path.index(_FILE) :]


def _refused(trace: BootTrace) -> list[tuple[str, str, str]]:
    """The images that were not loaded: name, error, for whom; what the firmware has looked at and
    not even tried to load, too."""
    found, images = [], _started(trace)
    for call in _loads(trace):
        if call.failed:
            by = next((_file_of(each.path) for each in images if call.caller in each.lies), None)
            found.append((_file_of(call.path), call.error, f", for {by}" if by else ""))
    read = [call for call in trace.uefi_calls if _is_boot_file(call) and not call.failed]
    if read and not images and not found:
        found.append((read[-1].path, "Unsupported", ""))
    return found


def _asked_in_vain(trace: BootTrace, image: UefiCall) -> list[str]:
    """Return the files that an image asked for and that were not there, each once."""
    names = [call.path for call in trace.uefi_calls
             if call.service == "Open" and call.failed and call.caller in image.lies]  # fmt: skip
    return [name for name in dict.fromkeys(names) if name.lower() not in _LOOKED_FOR]
