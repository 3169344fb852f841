"""A question about a recording, answered as JSON: what gdb's words for going back run.

gdb has a Python of its own, and so it is a program, which ends with the process that started it:

    python -m bootharness.debug.backwards TRACE.json QEMU PARENT WORD [ARGUMENT...]
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bootharness.debug.recorded import recording_beside, same_loader
from bootharness.debug.uefi_recorded import answer_uefi
from bootharness.diagnosis import judge
from bootharness.errors import BootHarnessError, UsageError
from bootharness.host.regular import read_regular
from bootharness.host.rights import end_with
from bootharness.recording.kept import Asked
from bootharness.recording.player import Player
from bootharness.report.document import TRACE_BYTES, read_trace
from bootharness.routes.loader import ORIGIN

__all__ = ["answer"]

Answer = dict[str, Any]


def answer(trace_file: Path, qemu: str, word: str, *arguments: str) -> Answer:
    """Return the ``sentence`` that answers a word, and the ``position`` to go to, if there is one.

    Raises BootHarnessError where it cannot be answered.
    """
    trace = read_trace(read_regular(trace_file, most=TRACE_BYTES))
    kept = recording_beside(trace_file, trace, qemu)
    if kept is None:
        raise UsageError(f"{trace_file}: no recording is beside it")
    if kept.reel.by_uefi:
        return answer_uefi(kept, word, *arguments)
    with Player(kept.reel) as player:
        return _WORDS[word](Asked.by(kept, player), *arguments)


def _last_write(asked: Asked, linear: str, position: str, what: str) -> Answer:
    loader = same_loader(asked.kept.trace)
    found = asked.last_write(loader, int(linear), int(position), what)
    return {"sentence": found.sentence, "position": found.position}


def _first_wrong(asked: Asked) -> Answer:
    trace = asked.kept.trace
    cause, loader = judge(trace).cause or "", same_loader(trace)
    found = asked.by_cause(loader, cause)
    origin = asked.origin(loader, cause, found)
    if origin and origin.guilty:
        return {"sentence": origin.sentence, "position": origin.guilty.position}
    if found:
        return {"sentence": found[0].sentence, "position": found[0].position}
    said = origin.sentence if origin else f"{cause or 'a good boot'}: it is about no byte of memory"
    return {"sentence": said, "position": None}


def _call(asked: Asked, number: str) -> Answer:
    return _at(asked, int(number))


def _move(asked: Asked, number: str) -> Answer:
    if why := asked.kept.why_not_at_move(int(number)):
        raise UsageError(why)
    return _at(asked, asked.kept.moves[int(number)])


def _stage1(asked: Asked) -> Answer:
    if not asked.counted.to_entry(asked.kept.reel.end - 1):
        raise UsageError(f"that boot did not come to {ORIGIN:#x}, where a loader begins")
    return {"sentence": "", "position": asked.player.position}


def _handoff(asked: Asked) -> Answer:
    return _at(asked, None)


def _at(asked: Asked, call: int | None) -> Answer:
    """Go to a call, or to the handoff for None."""
    if why := asked.kept.why_not_at(call):
        raise UsageError(why)
    asked.to_call(call)
    return {"sentence": "", "position": asked.player.position}


def _when(asked: Asked, position: str) -> Answer:
    end = asked.kept.reel.end
    where = asked.where(int(position))
    return {"sentence": f"instruction {int(position):,} of {end:,}, {where}", "position": None}


def _moves(asked: Asked, position: str) -> Answer:
    made = asked.made_before(int(position))
    moves = [
        (call.table_hex, (call.registers_in.ecx & 0xFFFF) * 2) for call in made if call.table_hex
    ]
    return {"sentence": "", "position": None, "moves": moves}


_WORDS: dict[str, Callable[..., Answer]] = {
    "last-write": _last_write,
    "first-wrong": _first_wrong,
    "call": _call,
    "move": _move,
    "moves": _moves,
    "stage1": _stage1,
    "handoff": _handoff,
    "when": _when,
}


def main(trace_file: str, qemu: str, parent: str, *words: str) -> None:
    """Write the answer to standard output, or exit with why there is none."""
    end_with(int(parent))
    try:
        sys.stdout.buffer.write(msgspec.json.encode(answer(Path(trace_file), qemu, *words)))
    except BootHarnessError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted")


if __name__ == "__main__":
    main(*sys.argv[1:])
