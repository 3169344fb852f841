"""Where in a recording each BIOS call is made: it is played once, and stopped at each. Of a
UEFI's calls that is in the recording."""

from collections.abc import Iterator

from bootharness.errors import MachineLost
from bootharness.formats.bioscall import BiosCall
from bootharness.host.deadline import Deadline
from bootharness.recording.calls import Counted
from bootharness.recording.kept import KeptRecording
from bootharness.recording.operands import Cpu
from bootharness.recording.player import Player
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.uefi_calls import UefiCall

__all__ = ["positions"]

_MOST_S = 60.0
_INT_BYTES = 2
_BEFORE_RECORD = 64
"""The recorder sends its record so few instructions behind the INT that it hooks."""


def positions(kept: KeptRecording, trace: BootTrace) -> dict[int, int]:
    """Return how many instructions had been executed before each BIOS call of a trace, or when each
    of a UEFI's was answered, by its number, as far as the recorded boot made the same ones; empty
    where its loader made none.

    Those that come too late to be found in a minute are left out. Raises CouldNotFindOut where the
    recording is not played.
    """
    if kept.reel.by_uefi:
        return dict(_answered(kept, trace.uefi_calls))
    if kept.anchor is None:
        return {}
    sent = _stops(kept, kept.anchor.sender)
    found = {}
    for number, (call, span) in enumerate(zip(trace.bios_calls, kept.spans.every, strict=False)):
        if _made_by(call) != _made_by(span.call):
            break
        if span.called in sent:
            found[number] = sent[span.called]
    return found


def _answered(kept: KeptRecording, calls: tuple[UefiCall, ...]) -> Iterator[tuple[int, int]]:
    made = zip(calls, kept.trace.uefi_calls, kept.called_at, strict=False)
    for number, (call, recorded, at) in enumerate(made):
        if (call.service, call.path) != (recorded.service, recorded.path):
            return
        yield number, at


def _made_by(call: BiosCall) -> tuple[int, int, int, int]:
    return call.number, call.function, call.registers_in.cs, call.registers_in.ip


def _site(call: BiosCall) -> int:
    return call.registers_in.cs * 16 + call.registers_in.ip - _INT_BYTES


def _stops(kept: KeptRecording, sender: int) -> dict[int, int]:
    """Return the position of the INT before each record, by the record's number."""
    sites = {_site(span.call) for span in kept.spans.every}
    found: dict[int, int] = {}
    deadline = Deadline.after(_MOST_S)
    with Player(kept.reel) as player:
        counted = Counted(player, kept.records)
        for linear in {sender, *sites}:
            player.stub.stop_at(linear)
        last, record = 0, -1
        player.go()
        while player.position < kept.reel.end - 1 and not deadline.expired:
            if Cpu.real(player.stub.registers()).linear == sender:
                record = counted.count() if record < 0 else record + 1
                here = player.position
                found[record] = last if here - last <= _BEFORE_RECORD else here
            else:
                last = player.position
            player.stub.step()
            player.go()
        if not deadline.expired and counted.count() < record:
            raise MachineLost("the recording is not played as it was recorded")
    return found
