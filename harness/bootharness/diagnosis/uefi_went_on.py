"""What a UEFI goes on to, or a boot manager, when it does not come to a kernel."""

import re

from bootharness.diagnosis.uefi import before_a_kernel
from bootharness.diagnosis.verdict import Finding
from bootharness.text import count
from bootharness.trace.boot_managers import complaint_of, waits_for_ever
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_images import file_of, left, started
from bootharness.trace.uefi_shell import STARTUP_SCRIPT, rests_in_shell, script_of

__all__ = ["exit_refused", "exits_retried", "fell_back", "no_grub_configuration", "shell_waits"]

_EXIT = "ExitBootServices"
# edk2, ShellPkg and MdeModulePkg (UiApp)
_SHELL = "FVFILE(7C04A583-9E3E-4F1C-AD65-E05268D0B4D1)"
_MENU = "FVFILE(462CAA21-7614-4503-836E-8AB6F4662331)"
_CARD = "MAC("
_OF_CONFIGURATIONS = re.compile(r"/\.disk/|/boot/|grub\.cfg|cmdpath")
_END = 2000
_OWN_SHELL = "its own shell"
_ENDINGS = {"guest-reset": "had the machine reset", "guest-shutdown": "switched the machine off"}
"""What a shell's script does, by the kind of the boot's end."""


def fell_back(trace: BootTrace) -> Finding | None:
    """The firmware went on to something of its own: its shell, its menu, the network."""
    if not before_a_kernel(trace):
        return None
    calls = trace.uefi_calls
    images = [call for call in calls if call.service == "StartImage"]
    own = images[-1] if images else None
    what = _of_the_firmware(own.path) if own else ""
    if own is None or not what:
        return None
    before = [file_of(call.path) for call in started(calls[: calls.index(own)])]
    tried = f"after {before[-1]}" if before else "having started nothing from the disk"
    if what == _OWN_SHELL:
        what += _of_the_script(trace)
    elif script := script_of(calls):
        tried = f"after {_OWN_SHELL}, which ran {script.path},"
    return Finding(f"{tried} the firmware went on to {what}", (f"StartImage {own.path}",))


def shell_waits(trace: BootTrace) -> Finding | None:
    """A UEFI shell that was started from the disk waits at its prompt, or in its script."""
    calls = trace.uefi_calls
    if not before_a_kernel(trace) or not rests_in_shell(calls) or fell_back(trace):
        return None
    running = [call for call in started(calls) if left(calls, call) is None]
    if not running:
        return None
    then = _of_the_script(trace).removeprefix(", which")
    return Finding(f"the UEFI shell ({file_of(running[-1].path)}){then}")


def no_grub_configuration(trace: BootTrace) -> Finding | None:
    """A GRUB waits at its prompt, and none of the configurations that it looks for is there."""
    if not before_a_kernel(trace):
        return None
    calls = trace.uefi_calls
    gone = {file_of(call.path).lower() for call in started(calls) if left(calls, call)}
    # shim starts one without a word
    grub = next((each for each in reversed(trace.efi_programs)
                 if each.looks_for and each.path.lower() not in gone), None)  # fmt: skip
    screen = trace.post_mortem.screen if trace.post_mortem else ""
    said = screen if screen.strip() else trace.serial[-_END:]
    if grub is None or not waits_for_ever(said):
        return None
    there = {name.lower() for name in grub.has}
    if any(name.lower() in there for name in grub.looks_for):
        return None
    complaint = complaint_of(said)
    if complaint and not _OF_CONFIGURATIONS.search(complaint):
        return None
    has = f"it has {', '.join(grub.has)}" if grub.has else "it has no grub.cfg at all"
    return Finding(
        f"GRUB ({grub.path}) found no configuration and waits at its prompt: it looks for "
        f"{_listed(grub.looks_for)}; of what a UEFI reads on the disk {has}",
        (f'it says "{complaint}"',) if complaint else (),
    )


def exit_refused(trace: BootTrace) -> Finding | None:
    """A kernel asked for the end of the boot services, and the firmware refused it each time."""
    refused = _refused(trace)
    if not refused or not before_a_kernel(trace):
        return None
    by = [call for call in started(trace.uefi_calls, from_memory=True)
          if refused[-1].caller in call.lies]  # fmt: skip
    who = f", asked by {file_of(by[-1].path)}" if by and by[-1].path else ""
    return Finding(
        f"the firmware did not end the boot services{who}, in {count(len(refused), 'attempt')} "
        f"({refused[-1].error}): so it is where the memory map has changed since it was asked for",
        tuple(f"{_EXIT} at {call.seconds:.3f} s: {call.error}" for call in refused),
    )


def exits_retried(trace: BootTrace) -> str | None:
    """The end of the boot services was refused, and came in a further attempt."""
    refused = _refused(trace)
    if not refused or trace.uefi_handoff is None:
        return None
    return (
        f"the boot services ended in attempt {len(refused) + 1}: {_EXIT} returned "
        f"{refused[-1].error} before, as it does where the memory map has changed since it was "
        "asked for"
    )


def _of_the_script(trace: BootTrace) -> str:
    """Say of a shell what became of its script, and what it said last; "" where it does neither
    run one nor wait."""
    calls, waits = trace.uefi_calls, rests_in_shell(trace.uefi_calls)
    script = script_of(calls)
    if script is None:
        asked = any(call.service == "Open" and call.path.lower().endswith(STARTUP_SCRIPT)
                    for call in calls)  # fmt: skip
        none = f", for there is no {STARTUP_SCRIPT}" if asked else ""
        return f", which waits for a person{none}" if waits else ""
    said = f'; it says last "{script.said}"' if script.said else ""
    if waits:
        where = "in" if script.waits else "after"
        return f", which waits for a person {where} {script.path}{said}"
    how = _ENDINGS.get(trace.ending.kind, f"was not through with it{trace.ended_after}")
    return f", which ran {script.path} and {how}{said}"


def _refused(trace: BootTrace) -> list[UefiCall]:
    return [call for call in trace.uefi_calls if call.service == _EXIT and call.failed]


def _of_the_firmware(path: str) -> str:
    upper = path.upper()
    names = {_SHELL: _OWN_SHELL, _MENU: "its own menu", _CARD: "the network"}
    return next((name for sign, name in names.items() if sign in upper), "")


def _listed(names: tuple[str, ...]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
