"""A UEFI shell, the firmware's or one from the disk: what it runs, and whether it waits."""

import re
from collections.abc import Sequence

from msgspec import Struct

from bootharness.text import as_shown
from bootharness.trace.boot_managers import last_lines
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_images import said_by

__all__ = ["STARTUP_SCRIPT", "ShellScript", "rests_in_shell", "script_of"]

STARTUP_SCRIPT = "startup.nsh"
"""What a shell runs first (UEFI shell specification 2.2, 3.1.2)."""
_PROMPT = re.compile(r"\s*(?:Shell|FS\d+:[^>\r\n]{0,200})> $")
# edk2, ShellPkg: the command `pause`, and a page that is full
_PAUSE = re.compile(r"\s*(?i:enter 'q' to quit|press enter to continue or 'q' break)")


class ShellScript(Struct, frozen=True):
    """A shell's script that was found: its path, the last line that it wrote, "" of none, and
    whether it ``waits`` for a key."""

    path: str
    said: str
    waits: bool


def rests_in_shell(calls: Sequence[UefiCall]) -> bool:
    """Return whether a UEFI has come to its shell, which has no script, or is through with it, or
    has one that pauses, and waits for a person: it has written its prompt (UEFI shell
    specification 2.2, 3.3)."""
    last = calls[-1] if calls else None
    if last is None or last.service != "OutputString":
        return False
    return bool(_PROMPT.match(last.text) or _PAUSE.match(last.text))


def script_of(calls: Sequence[UefiCall]) -> ShellScript | None:
    """Return the script that a shell runs, or is through with; None of none."""
    opened = next((call for call in calls if call.service == "Open" and not call.failed
                   and call.path.lower().endswith(STARTUP_SCRIPT)), None)  # fmt: skip
    if opened is None:
        return None
    at = calls.index(opened)
    shell = next((call for call in reversed(calls[:at]) if call.service == "StartImage"), None)
    if shell is None:
        return None
    words = said_by([shell, *calls[at:]], shell)  # before it a shell counts down
    said = last_lines(as_shown(_PROMPT.sub("", words)), 1)
    return ShellScript(opened.path, said, bool(_PAUSE.match(said)))
