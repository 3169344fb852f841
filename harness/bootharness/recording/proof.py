"""A recording that was just made, played once: it is kept only where it is the same boot."""

import re

from bootharness.errors import MachineLost
from bootharness.machine.rom import sender
from bootharness.machine.tape import TapeEnd
from bootharness.recording.calls import Counted, Records
from bootharness.recording.manifest import ROM, Anchor
from bootharness.recording.player import Player
from bootharness.recording.switched_off import switched_off
from bootharness.routes.loader import ORIGIN

__all__ = ["prove"]

_DISK_VECTOR = 0x13 * 4
_CODE_BYTES = 16
_MISSED = 100_000
"""A disk that waits for ever does so soon before the end: the loader that wrote to where no memory
is has not gone on."""
_FAULTED = re.compile(r"CR2=[0-9a-f]+")


def prove(player: Player, log: bytes, end: TapeEnd) -> Anchor | None:
    """Play a recorded boot, which stands at its beginning, to its end, and return by what its
    records are found. One that has switched itself off ends where it does that, and one that QEMU
    does not play quite to its end where that stands still.

    ``log`` is what its recorder had written.
    Raises MachineLost where it is another boot.
    """
    rom = (player.workspace.path / ROM).read_bytes()
    counted = Counted(player, Records.of(b"" if player.reel.by_uefi else log, rom))
    by_disk = not (player.reel.source.frames or player.reel.by_uefi)
    anchor = _anchor(player, counted, rom) if by_disk else None
    player.stub.clear()
    played, last = player.play(), player.position
    almost = not played and end.position - last < _MISSED and not end.off
    if last != end.position and not (end.off or almost):
        raise MachineLost(
            f"the recording ends after {end.position:,} instructions, and played after {last:,}"
        )
    counted.count()
    if counted.heard != log:
        raise MachineLost("the recorder's log of the recording and of playing it are not the same")
    if end.off:
        player.end_at(switched_off(player))
    elif almost:
        player.end_at(last)
    elif _compared(player.registers()) != _compared(end.registers):
        raise MachineLost("the registers at the end of the recording and of playing it differ")
    return _anchor_of_program(player, counted, rom) if player.reel.source.frames else anchor


def _compared(registers: str) -> str:
    """Return registers without what a fault sets that ended the recording: played, it is about to
    be raised."""
    return _FAULTED.sub("", registers)


def _anchor(player: Player, counted: Counted, rom: bytes) -> Anchor | None:
    """Stop at the first record that is sent behind the loader's entry."""
    offset = sender(rom)
    if offset is None:
        raise MachineLost("the recorder's ROM is not as it was made")
    player.stub.stop_at(ORIGIN)
    player.go()
    player.stub.clear()
    if player.cpu().linear != ORIGIN:
        return None
    at = _sender(player, rom, offset)
    return None if at is None else _next(player, counted, at)


def _anchor_of_program(player: Player, counted: Counted, rom: bytes) -> Anchor | None:
    """Stop at the first record of all: what a card's ROM loads may lie anywhere."""
    offset = sender(rom)
    counted.seek(player.reel.end - 1)
    at = None if offset is None else _sender(player, rom, offset)
    if at is None:
        return None
    counted.seek(0)
    return _next(player, counted, at)


def _sender(player: Player, rom: bytes, offset: int) -> int | None:
    """Return where the code lies that sends records, None where the recorder is not there."""
    vector = player.stub.memory(_DISK_VECTOR, 4)
    at = int.from_bytes(vector[2:], "little") * 16 + offset
    return at if player.stub.memory(at, _CODE_BYTES) == rom[offset:][:_CODE_BYTES] else None


def _next(player: Player, counted: Counted, at: int) -> Anchor | None:
    player.stub.stop_at(at)
    player.go()
    if player.cpu().linear != at:
        return None
    return Anchor(counted.count(), player.position, at)
