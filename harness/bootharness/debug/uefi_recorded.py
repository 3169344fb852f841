"""The recording of a boot by a UEFI: its places, and the words that gdb asks about it."""

import re
from typing import Any

from bootharness.debug.place import POSITION_TEXT, Place
from bootharness.errors import UsageError
from bootharness.recording.calls import Counted
from bootharness.recording.kept import KeptRecording
from bootharness.recording.player import Player
from bootharness.recording.uefi_last_write import uefi_last_write
from bootharness.report.uefi_calls import call_words
from bootharness.text import count
from bootharness.trace.backwards import LastWrite
from bootharness.trace.uefi_images import file_of

__all__ = ["UEFI_RECORDED_PLACES", "answer_uefi", "place_in"]

UEFI_RECORDED_PLACES = ("call:N", "POSITION", "image:NAME", "exit-boot-services", "firmware")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{1,16}")
_NO_WORDS = (
    "a boot by a UEFI makes no BIOS calls and no block moves, and its code is not read as a "
    "loader's is: `back-to call N', `back-to POSITION' and `last-write ADDRESS' go back in it"
)


def place_in(kept: KeptRecording, at: str | None) -> Place:
    """Return where to stop first, before the last instruction where nobody says. Raises UsageError
    for a place that the recording does not have."""
    if at is None:
        return Place(str(kept.reel.end - 1), (f"back-to {kept.reel.end - 1}",))
    if _ADDRESS.fullmatch(at):
        return Place(at, (f"until-address {at}",))
    try:
        return Place(at, (f"back-to {_position(kept, at)}",))
    except UsageError as error:
        raise UsageError(f"--at {at}: {error}") from None


def _position(kept: KeptRecording, at: str) -> int:
    kind, _, name = at.partition(":")
    if POSITION_TEXT.fullmatch(at):
        position = int(at.replace(",", ""))
        if why := kept.why_not_so_far(position):
            raise UsageError(why)
        return position
    if kind == "call" and name.isdecimal():
        return _call(kept, int(name))
    if kind == "image" and name:
        return _image(kept, name)
    if at == "exit-boot-services":
        return _exit(kept)
    if at == "firmware":
        return 0
    raise UsageError(f"in a UEFI's recording it is {', '.join(UEFI_RECORDED_PLACES)}, or 0xADDRESS")


def _call(kept: KeptRecording, number: int) -> int:
    if number >= len(kept.called_at):
        made = count(len(kept.called_at), "call")
        raise UsageError(f"the UEFI of that boot was asked for {made}, the first is 0")
    return kept.called_at[number]


def _image(kept: KeptRecording, name: str) -> int:
    names = []
    for position, call in zip(kept.called_at, kept.trace.uefi_calls, strict=False):
        if call.service == "StartImage":
            names.append(file_of(call.path))
            if names[-1].lower().endswith(name.lower()):
                return position
    raise UsageError(f"that boot started no such image; it started {', '.join(names) or 'none'}")


def _exit(kept: KeptRecording) -> int:
    for position, call in zip(kept.called_at, kept.trace.uefi_calls, strict=False):
        if call.service == "ExitBootServices" and not call.failed:
            return position
    raise UsageError("that boot did not end the boot services")


def answer_uefi(kept: KeptRecording, word: str, *arguments: str) -> dict[str, Any]:
    """Return the ``sentence`` that answers a word of gdb's, and the ``position`` to go to, if there
    is one. Raises BootHarnessError where it cannot be answered."""
    match word, *arguments:
        case "call", number:
            return {"sentence": "", "position": _call(kept, int(number))}
        case "image", name:
            return {"sentence": "", "position": _image(kept, name)}
        case "exit-boot-services", _:
            return {"sentence": "", "position": _exit(kept)}
        case "calls", position:
            return {"sentence": "", "position": None, "calls": _before(kept, int(position))}
        case "when", position:
            return {"sentence": _when(kept, int(position)), "position": None}
        case "last-write", linear, position, what:
            found = _last_write(kept, int(linear), int(position), what)
            return {"sentence": found.sentence, "position": found.position}
        case _:
            raise UsageError(_NO_WORDS)


def _last_write(kept: KeptRecording, linear: int, position: int, what: str) -> LastWrite:
    calls = list(zip(kept.called_at, kept.trace.uefi_calls, strict=False))
    with Player(kept.reel) as player:
        counted = Counted(player, kept.records)
        counted.seek(position)
        if not player.has_memory(linear):
            raise UsageError(f"{what}: that machine has no memory there")
        return uefi_last_write(player, counted, calls, linear, what)


def _before(kept: KeptRecording, position: int) -> list[tuple[int, int, str]]:
    """Return the calls that were answered by then: number, position, words."""
    made = zip(kept.called_at, call_words(kept.trace), strict=False)
    return [
        (number, at, " ".join(f"{call.service} {words}".split()))
        for number, (at, (call, words)) in enumerate(made)
        if at <= position
    ]


def _when(kept: KeptRecording, position: int) -> str:
    where, before = f"instruction {position:,} of {kept.reel.end:,}", _before(kept, position)
    if not before:
        return f"{where}, before any call"
    number, _, words = before[-1]
    return f"{where}, behind call {number}, {words}"
