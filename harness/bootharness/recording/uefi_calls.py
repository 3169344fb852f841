"""Where in a recording of a UEFI each call is told by the recorder: how many instructions had been
executed by then, found while the recording is proven."""

from pathlib import Path

import msgspec

from bootharness.errors import UsageError
from bootharness.formats.uefi_record import Decoder, Record
from bootharness.host.regular import read_regular
from bootharness.machine.rom import uefi_sender
from bootharness.recording.manifest import CALLS, CALLS_BYTES
from bootharness.recording.player import Player
from bootharness.trace.uefi_calls import SERVICES, CallLog, UefiCall

__all__ = ["called_at", "calls_in", "read_called_at"]


def calls_in(log: bytes) -> tuple[UefiCall, ...]:
    """Return the calls in a recorder's log."""
    calls = CallLog()
    calls.feed(Decoder().feed(log))
    return calls.calls(float)


def called_at(player: Player, log: bytes, rom: bytes) -> tuple[int, ...]:
    """Return the position of each call in a log, as far as they are played like that; the player,
    which stands at its beginning, is left at the last one.

    A call is told when the UEFI has answered it, and an image that is started before it runs.
    """
    records = Decoder().feed(log)
    sender = _sender(records, rom)
    if sender is None:
        return ()
    found = []
    player.stub.stop_at(sender)
    for record in records:
        player.go()
        if player.cpu().linear != sender:
            break
        if record.kind in SERVICES:
            found.append(player.position)
        player.stub.step()
    player.stub.clear()
    return tuple(found)


def _sender(records: list[Record], rom: bytes) -> int | None:
    """Return where the code lies that sends records: the first one tells where the ROM is."""
    offset = uefi_sender(rom)
    if offset is None or not records or records[0].kind != "I":
        return None
    return records[0].values[1] + offset


def read_called_at(folder: Path, end: int) -> tuple[int, ...]:
    """Return the positions that were kept in a recording's folder, which has ``end`` instructions.
    Raises UsageError for what cannot be."""
    path = folder / CALLS
    try:
        found = msgspec.json.decode(read_regular(path, most=CALLS_BYTES), type=tuple[int, ...])
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: not the positions of calls") from error
    if list(found) != sorted(found) or (found and not 0 <= found[0] <= found[-1] <= end):
        raise UsageError(f"{path}: these are positions of no recording")
    return found
