"""How far a played boot has come, told by the recorder: which of its records was the last.

Its time stamps follow the instructions that the guest has executed, 8 ticks of the time stamp
counter to one (`SHIFT`), except where the CPU was halted.
"""

from msgspec import Struct

from bootharness.errors import MachineLost
from bootharness.formats.record import Decoder, Record
from bootharness.machine.rom import return_addresses
from bootharness.recording.manifest import Anchor
from bootharness.recording.operands import Cpu
from bootharness.recording.player import Player
from bootharness.routes.loader import ORIGIN

__all__ = ["Counted", "Records"]

_INSTRUCTIONS_A_TICK = 32
_NEAR, _FURTHER = 64, 8
_TRIES, _GUESSES = 80, 6
_FAR = ((100_000_000, 62_000_000), (1_500_000, 1_100_000))
"""How far a far place is, and how far before it a bookmark is left: before the windows in which is
looked for a write. A million is played again in 30 ms, and to keep the machine takes 80."""
_BOOKMARKS = 8
_DWORD = 0xFFFFFFFF


class Records(Struct, frozen=True):
    """The recorder's log of a recorded boot, and where one of its records was begun."""

    every: tuple[Record, ...]
    returns: frozenset[int]

    @classmethod
    def of(cls, log: bytes, rom: bytes) -> "Records":
        """Return the records of a log, by the ROM that has written it."""
        returns = return_addresses(rom)
        return cls(tuple(Decoder(returns=returns).feed(log)), returns)

    def number_of(self, record: Record) -> int | None:
        """Return which one it is of a record that was sent again."""
        low = record.ticks & 0xFFFFFFFF
        for number, each in enumerate(self.every):
            if each.ticks & 0xFFFFFFFF == low and _same(each, record):
                return number
        return None


def _same(one: Record, other: Record) -> bool:
    return (one.tag, one.number, one.registers) == (other.tag, other.number, other.registers)


class Counted:
    """A player, and how many records there are before where it stands."""

    def __init__(self, player: Player, records: Records) -> None:
        self._player = player
        self._records = records
        self._count = 0
        self._bookmarks = {0: 0}
        self._entry: int | None = None
        self.heard = b""
        """All that the recorder has sent since the player began to play."""

    def count(self) -> int:
        """Return how many records have been begun where the player stands.

        Going back it plays from a bookmark again, so what it has sent last tells.
        """
        decoder, taken = Decoder(returns=self._records.returns), self._taken()
        # without records the log is a UEFI's, which has others
        fresh = decoder.feed(taken) if self._records.every else []
        if fresh:
            number = self._records.number_of(fresh[-1])
            if number is None:
                raise MachineLost("the recording is not played as it was recorded")
            self._count = number + 1 + bool(decoder.pending)
        return self._count

    def _taken(self) -> bytes:
        fresh = self._player.recorded()
        self.heard += fresh
        return fresh

    def go_to(self, wanted: int, anchor: Anchor) -> None:
        """Go to where a record is begun to be sent, by its number. Raises MachineLost where it is
        not found."""
        every = self._records.every
        low, high, before = 0, self._player.reel.end, _NEAR
        number, position = anchor.record, anchor.position
        for attempt in range(_TRIES):
            ahead = (every[wanted].ticks - every[number].ticks) * _INSTRUCTIONS_A_TICK
            guess = min(max(position + ahead - before, low), high - 1)
            if attempt > _GUESSES and attempt % 2:  # of a CPU that was halted again and again
                guess = (low + high) // 2
            self.seek(guess)
            count = self.count()
            if count > wanted:
                # a CPU that was halted on the way: its clock went on, and the record is before
                # this. A last one that was begun and not ended is none of the log's
                number = min(count, len(every)) - 1
                high, position, before = guess, guess, before * _FURTHER
                continue
            while count <= wanted and wanted - count < _NEAR:
                if not self._next(anchor.sender):
                    break
                if count == wanted:
                    if self._sends(wanted):
                        return
                    break
                count += 1
            low, number, position = guess + 1, max(count - 1, 0), self._player.position
        raise MachineLost(f"record {wanted} is not found in the recording")

    def _sends(self, wanted: int) -> bool:
        """Whether it is this record that is about to be sent, by the registers."""
        values, registers = Cpu.parse(self._player.registers()).values, self._records.every[wanted]
        names = ("ebx", "ecx", "edx", "esi", "edi")
        return all(
            values.get(name, 0) & _DWORD == getattr(registers.registers, name) for name in names
        )

    def seek(self, position: int) -> None:
        """Have the player go to a position, from a bookmark where it lies behind; some are left on
        the way to a far one."""
        for far, short_of in _FAR if self._player.reel.goes_on else ():
            near = self._bookmark_before(position)
            if position - near > far and len(self._bookmarks) <= _BOOKMARKS:
                self._plain_seek(position - short_of)
                self._bookmark()
        self._plain_seek(position)

    def to_entry(self, until: int) -> bool:
        """Go to the loader's first instruction; return whether that is before a position."""
        if self._entry is None:
            self.seek(0)
            self._player.stub.stop_at(ORIGIN)
            self._player.go(until)
            self._player.stub.clear()
            if self._player.position >= until:
                return False
            self._entry = self._player.position
            self._bookmark()
        if self._entry < until:
            self.seek(self._entry)
        return self._entry < until

    def _plain_seek(self, position: int) -> None:
        if position < self._player.position or not self._player.reel.goes_on:
            self._taken()
            self._count = self._bookmarks[self._bookmark_before(position)]
        self._player.seek(position)

    def _bookmark(self) -> None:
        if self._player.bookmark():
            self._bookmarks[self._player.position] = self.count()

    def _bookmark_before(self, position: int) -> int:
        return max(each for each in self._bookmarks if each <= position)

    def _next(self, sender: int) -> bool:
        stub = self._player.stub
        if self._player.cpu().linear == sender:
            stub.step()
        stub.stop_at(sender)
        self._player.go()
        stub.clear()
        return self._player.position < self._player.reel.end - 1
