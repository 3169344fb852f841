"""A kernel that its file system has in pieces: which of what was read make it up."""

from collections.abc import Iterable, Iterator

from bootharness.kernels.content import Source

__all__ = ["pieces"]

_UNIT = 512
"""No file system begins a piece of a file within so many bytes."""
_MOST_PIECES = 4096
_BLOCK = 1 << 16


def pieces(
    disk: Source, start: int, in_memory: bytes, read: Iterable[range]
) -> tuple[range, ...] | None:
    """Return the ranges of a disk, in bytes, that what lies in memory was read from, in order.

    The first begins at ``start``; each further one where its beginning was ``read``, in bytes, and
    no piece is taken for one that differs in a byte. None where they do not make up all of it.
    """
    found: list[range] = []
    done, at, known = 0, start, _Places(disk, read, most=4 * len(in_memory) + (16 << 20))
    while len(found) < _MOST_PIECES:
        size = _alike(disk, at, in_memory, done)
        if size:
            found.append(range(at, at + size))
            done += size
        if done >= len(in_memory):
            return tuple(found)
        following = _following(known, in_memory, done)
        if following is None or following == at + size:
            return None
        at = following
    return None


def _following(known: "_Places", in_memory: bytes, done: int) -> int | None:
    """Return where on the disk the next piece may begin: zeros are everywhere, so what comes behind
    them in memory tells, if anything does."""
    for anchor in range(done, len(in_memory), _UNIT):
        unit = in_memory[anchor : anchor + _UNIT]
        if len(set(unit)) > 1:
            place = known.of(unit)
            return None if place is None or place < anchor - done else place - (anchor - done)
    return None


class _Places:
    """Where on a disk lies what was read, by content; of the same content the first."""

    def __init__(self, disk: Source, read: Iterable[range], most: int) -> None:
        self._disk, self._read, self._most = disk, read, most
        self._at: dict[bytes, int] | None = None

    def of(self, unit: bytes) -> int | None:
        if self._at is None:
            self._at = {}
            for place, content in self._units():
                self._at.setdefault(content, place)
        whole = self._at.get(unit)
        if whole is not None or len(unit) == _UNIT:
            return whole
        return next((at for each, at in self._at.items() if each.startswith(unit)), None)

    def _units(self) -> Iterator[tuple[int, bytes]]:
        left = self._most
        for span in self._read:
            left -= len(span)
            if left < 0:
                return
            content = self._disk.read(span.start, len(span))
            for at in range(0, len(content), _UNIT):
                yield span.start + at, content[at : at + _UNIT]


def _alike(disk: Source, at: int, in_memory: bytes, done: int) -> int:
    """Return how many bytes from a place on are those in memory, in whole units or to the end."""
    size = 0
    while done + size < len(in_memory):
        wanted = in_memory[done + size : done + size + _BLOCK]
        seen = disk.read(at + size, len(wanted))
        if seen == wanted:
            size += len(wanted)
            continue
        for unit in range(0, len(wanted), _UNIT):
            if seen[unit : unit + _UNIT] != wanted[unit : unit + _UNIT]:
                return size + unit
        break
    return size
