"""Causes in what became of a program that a UEFI had started, before a kernel ended its boot
services."""

import re
from collections.abc import Sequence

from bootharness.diagnosis.hangs import how, hung, samples_of
from bootharness.diagnosis.screens import boot_manager_error, boot_menu_waits
from bootharness.diagnosis.uefi import before_a_kernel, built_wrong, is_folder
from bootharness.diagnosis.verdict import Finding
from bootharness.text import address, as_shown, count
from bootharness.trace.boot_managers import complaint_of, last_lines, waits
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.machine_facts import CpuSample
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_images import (
    asked_by,
    file_of,
    image_at,
    left,
    said_by,
    started,
)
from bootharness.trace.uefi_shell import rests_in_shell

__all__ = ["boot_manager_left", "image_hangs", "out_of_memory", "unpacking_failed"]

_NAMES = 12
_BOX_LINES = 3
_LOOKED_FOR = frozenset((
    "\\efi\\systemd\\drivers", "\\efi\\linux", "\\system\\library\\coreservices\\boot.efi",
    "\\efi\\microsoft\\boot\\bcd", "\\efi\\microsoft\\boot\\bootmgfw.efi", "\\shellx64.efi",
    "\\loader\\keys", "\\loader\\random-seed", "\\efi\\boot\\fbx64.efi", "\\efi\\boot\\options.csv",
    "\\efi\\boot\\mmx64.efi", "\\loader\\credentials",
))  # fmt: skip
"""What boot managers look for on every disk, and do without."""
# shim, fallback.c
_FALLBACK, _LIST = "\\fbx64.efi", ".csv"
_ADDED = ".extra.d"
"""A folder of additions to a unified kernel image, which few have."""
# Linux, drivers/firmware/efi/libstub/x86-stub.c
_NOT_UNPACKED = re.compile(r"Decompression failed: [^\r\n]{1,200}|Failed to decompress kernel")
_NO_MEMORY = "Out of Resources"
_ENTRIES = "\\loader\\entries"
_ENTRY = re.compile(r"\\loader\\entries\\.+\.conf|\\efi\\linux\\.+\.efi")
_SETUP_ASKED_FOR = "OsIndications"


def unpacking_failed(trace: BootTrace) -> Finding | None:
    """A kernel's stub could not unpack the kernel."""
    calls = trace.uefi_calls if before_a_kernel(trace) else ()
    for image in reversed(started(calls, from_memory=True)):
        said = said_by(calls, image)
        if found := _NOT_UNPACKED.search(said):
            which = file_of(image.path) if "\\" in image.path else "that was loaded from memory"
            return Finding(
                f'the kernel {which} could not unpack itself; its stub says "{found[0].strip()}"'
                f"{built_wrong(trace)}",
                tuple(said.splitlines()[-_NAMES:]),
            )
    return None


def out_of_memory(trace: BootTrace) -> Finding | None:
    """What was to be loaded, or had been started, did not get the memory that it asked for."""
    if not before_a_kernel(trace):
        return None
    calls = trace.uefi_calls
    memory = f" in a machine of {trace.machine.memory_bytes >> 20} MiB" if trace.machine else ""
    wanted = [each for each in calls if each.service == "AllocatePages" and each.failed]
    most = max((each.wanted for each in wanted), default=0)
    for call in reversed(calls):
        name = file_of(call.path)
        image = next((each for each in started(calls) if each.subject == call.subject), None)
        if call.service == "LoadImage" and _opened_and_not_read(calls, call):
            if is_folder(trace, name):
                return None
            what, why = f"{name} was not loaded", "the firmware opened it and did not read it"
        elif call.error != _NO_MEMORY:
            continue
        elif call.service in ("LoadImage", "Read") and name:
            what, why = f"{name} was not loaded", call.error
        elif call.service in ("image returned", "Exit") and image is not None:
            what, why = f"{file_of(image.path)} gave up", call.error
        else:
            continue
        for_what = f" of {count(most, 'byte')}" if most else ""
        return Finding(
            f"{what}, for there was no memory{for_what}{memory} ({why})",
            tuple(f"AllocatePages {count(each.wanted, 'byte')}: {each.error}"
                  for each in wanted[-_NAMES:]),
        )  # fmt: skip
    return None


def _opened_and_not_read(calls: Sequence[UefiCall], load: UefiCall) -> bool:
    """Whether the firmware found a file that it was to load, and did not come to read it: it asks
    for memory in between, and without any it says that there is no such file (edk2,
    GetFileBufferByFilePath)."""
    at = calls.index(load)
    before = calls[at - 1] if at else None
    return (
        load.error == "Not Found"
        and before is not None
        and before.service == "Open"
        and not before.failed
        and bool(before.path)
        and load.path.lower().endswith(before.path.lower())
    )


def boot_manager_left(trace: BootTrace) -> Finding | None:
    """What the firmware had started came back, or had the machine reset, without a kernel."""
    calls = trace.uefi_calls
    images = started(calls)
    if not before_a_kernel(trace) or not images:
        return None
    last = images[-1]
    own = calls[calls.index(last) :]
    reset = next((call for call in own if call.service == "ResetSystem"), None)
    came_back = left(calls, last)
    if reset is None and came_back is None:
        return None
    how_so = "had the machine reset (ResetSystem)"
    if came_back:
        error = f" ({came_back.error})" if came_back.failed else ""
        how_so = f"gave up and went back to the firmware{error}"
    elif any(call.service == "SetVariable" and call.path == _SETUP_ASKED_FOR for call in own):
        how_so = (
            "had the machine reset into the firmware's setup (OsIndications), as one does that has "
            f"nothing to boot{_of_its_entries(own)}"
        )
    how_so += _by_fallback(_meanwhile(calls, last))
    missing = _asked_in_vain(trace, last)
    names = ", ".join(missing[-_NAMES:])
    some = f": of what it asked for there was no {names}" if missing else ""
    return Finding(
        f"{file_of(last.path)} {how_so}{some}{_words(trace, last)}",
        tuple(f"not there: {each}" for each in missing),
    )


def image_hangs(trace: BootTrace) -> Finding | None:
    """What the firmware had started neither comes back nor gets on, and no kernel begins."""
    calls = trace.uefi_calls
    if not hung(trace) or not before_a_kernel(trace) or rests_in_shell(calls):
        return None
    if boot_manager_error(trace) or boot_menu_waits(trace):
        return None
    running = [call for call in started(calls) if left(calls, call) is None]
    if not running:
        return None
    last, inside = running[-1], ""
    look = _telling(trace)
    at = look.linear if look else 0
    if (own := image_at(calls, at)) and at:
        inside = f", at offset {address(at - own.address)} of {file_of(own.path)}"
    asked = asked_by(calls, last)
    if not inside and at and asked and trace.ending.kind == "idle":
        inside = ", outside of it, as one is that has the firmware wait for a key or a time"
    then = "it asked nothing of the firmware"
    if asked:
        then = f"the last that it asked for was {asked[-1].service} {asked[-1].path}".rstrip()
    return Finding(
        f"{file_of(last.path)} was started and {how(trace, look)}{inside}; it has neither come "
        f"back nor ended the boot services, and {then}{_words(trace, last)}",
        samples_of(trace),
    )


def _telling(trace: BootTrace) -> CpuSample | None:
    """Return the look at the CPU that tells where an image hangs: the last, or the last in an image
    where as many fell into one, for some fall into the firmware's timer interrupt."""
    within = [each for each in trace.samples if image_at(trace.uefi_calls, each.linear)]
    told = within if len(within) * 2 >= len(trace.samples) else trace.samples
    return told[-1] if told else None


def _words(trace: BootTrace, image: UefiCall) -> str:
    """Return what an image complained of, or else asked of a person, or else said last."""
    calls = trace.uefi_calls
    said = as_shown(said_by(calls, image))
    if words := complaint_of(said):
        return f'; it says "{words}"'
    # shim starts programs by itself, of which nobody knows where they lie
    texts = [call.text for call in _meanwhile(calls, image) if call.service == "OutputString"
             and (call.caller in image.lies or image_at(calls, call.caller) is None)]  # fmt: skip
    if asked := [text for text in texts if waits(text)]:
        return f'; it asked a person "{asked[-1].strip()}"'
    if last := last_lines(said, 1):
        return f'; it said last "{last}"'
    last = last_lines(as_shown("\n".join(texts)), _BOX_LINES)
    return f'; what was written last is "{last}"' if last else ""


def _of_its_entries(calls: Sequence[UefiCall]) -> str:
    """Say which entries a boot manager found that it made nothing of (The Boot Loader
    Specification, types 1 and 2)."""
    opened = [call.path for call in calls if call.service == "Open" and not call.failed]
    lower = {path.lower(): path for path in opened}
    read = [path for name, path in lower.items() if _ENTRY.fullmatch(name)]
    if read:
        return f" (it can use none of {', '.join(read[:_NAMES])})"
    folder = lower.get(_ENTRIES)
    return f" ({folder} has no file whose name ends in .conf)" if folder else ""


def _by_fallback(calls: Sequence[UefiCall]) -> str:
    """Say what shim's fallback found, which makes boot entries of the lists in the folders of \\EFI
    and looks for them without asking for each; empty where it did not run."""
    read = [call.path for call in calls if call.service == "Open" and not call.failed]
    own = next((name for name in read if name.lower().endswith(_FALLBACK)), None)
    if own is None:
        return ""
    lists = [name for name in read[read.index(own) :] if name.lower().endswith(_LIST)]
    if not lists:
        return f", by its fallback ({own}), which found no list of programs (BOOTX64.CSV)"
    return f", by its fallback ({own}), which went by {lists[-1]}"


def _asked_in_vain(trace: BootTrace, image: UefiCall) -> list[str]:
    """Return the files that an image asked for and that were not there, each once; where it asked
    for none itself, those that were asked for as long as it ran, by whom it had started in its own
    way."""
    calls = trace.uefi_calls
    return _missing(asked_by(calls, image)) or _missing(_meanwhile(calls, image))


def _missing(calls: Sequence[UefiCall]) -> list[str]:
    names = [call.path for call in calls if call.service == "Open" and call.failed]
    return [name for name in dict.fromkeys(names)
            if name.lower() not in _LOOKED_FOR and not name.endswith(_ADDED)]  # fmt: skip


def _meanwhile(calls: Sequence[UefiCall], image: UefiCall) -> Sequence[UefiCall]:
    """Return the calls from when an image was started to when it came back."""
    gone = left(calls, image)
    return calls[calls.index(image) : calls.index(gone) if gone else len(calls)]
