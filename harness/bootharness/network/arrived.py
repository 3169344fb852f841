"""The files that came over the wire from servers that are not ours, as they came; it is bounded."""

import hashlib
import threading
from contextlib import suppress
from pathlib import Path

from bootharness.formats.forms import LOOK_BYTES

__all__ = ["Arrived", "ArrivedDisk", "ArrivedFile"]

_PIECE_BYTES = 1 << 18
_MOST_BYTES = 4 << 30
"""Of all files; a boot brings about a tenth of that."""
_LARGEST_DISK, _MOST_SPANS = 1 << 41, 10_000


class ArrivedFile:
    """One transfer's bytes: how many, their digest, the first of them, and all in a file."""

    def __init__(self, arrived: "Arrived", path: Path) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self.done = False
        self.whole = True
        """Whether all of it is in the file."""
        self._head = bytearray()
        self._arrived = arrived
        self._path = path
        self._piece = bytearray()

    def add(self, data: bytes) -> None:
        """Take what comes next."""
        self.size += len(data)
        self.digest.update(data)
        if len(self._head) < LOOK_BYTES:
            self._head += data[: LOOK_BYTES - len(self._head)]
        if not self._arrived.has_room(len(data)):
            self.whole = False
        if self.whole:
            with self._arrived.lock:
                self._piece += data
                if len(self._piece) >= _PIECE_BYTES:
                    self._write()

    @property
    def head(self) -> bytes:
        """How it begins, empty as long as that is not known."""
        return bytes(self._head) if self.done or len(self._head) >= LOOK_BYTES else b""

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self.size)
        if stop <= len(self._head):
            return bytes(self._head[start:stop])
        path = self.path()
        if path is None:
            return b""
        with path.open("rb") as file:
            file.seek(start)
            return file.read(max(stop - start, 0))

    def path(self) -> Path | None:
        """Return where it lies, None where not all that came is there."""
        with self._arrived.lock:
            self._write()
        return self._path if self.whole and self.size else None

    def _write(self) -> None:
        if not self._piece:
            return
        try:
            with self._path.open("ab") as file:
                file.write(self._piece)
        except OSError:  # a full disk
            self.whole = False
        self._piece.clear()


class ArrivedDisk:
    """A disk of which a part came: what was read of it lies in a file where it lies on the disk."""

    def __init__(self, arrived: "Arrived", name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.spans: list[range] = []
        """What came, in bytes from the beginning of the disk, in the order in which it came."""
        self._arrived = arrived

    def write(self, at: int, data: bytes) -> None:
        """Take what came of a place."""
        if at + len(data) > _LARGEST_DISK or not self._arrived.has_room(len(data)):
            return
        if self.spans and self.spans[-1].stop == at:
            self.spans[-1] = range(self.spans[-1].start, at + len(data))
        elif len(self.spans) < _MOST_SPANS:
            self.spans.append(range(at, at + len(data)))
        with suppress(OSError), self.path.open("r+b") as file:  # a full disk
            file.seek(at)
            file.write(data)


class Arrived:
    """All files of one boot, by the names that they were asked for by; kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self.lock = threading.Lock()
        self._folder = folder
        self._files: dict[str, list[ArrivedFile]] = {}
        self.disks: list[ArrivedDisk] = []
        self._number = 0
        self._bytes = 0

    def begin(self, name: str) -> ArrivedFile:
        """Return where the bytes of a new transfer go."""
        self._number += 1
        found = ArrivedFile(self, self._folder / f"arrived-{self._number}")
        self._files.setdefault(name, []).append(found)
        return found

    def begin_disk(self, name: str) -> ArrivedDisk:
        """Return where the blocks of a disk go."""
        path = self._folder / f"disk-{len(self.disks) + 1}"
        path.touch()
        self.disks.append(ArrivedDisk(self, name, path))
        return self.disks[-1]

    def has_room(self, size: int) -> bool:
        """Count bytes, and return whether they are to be kept."""
        if self._bytes + size > _MOST_BYTES:
            return False
        self._bytes += size
        return True

    def find(self, name: str) -> str | None:
        """Return the name if a file of that name came."""
        return name if self._last(name) else None

    def open(self, name: str) -> ArrivedFile | None:
        """Return what came of a file, None where it is not known yet how it begins."""
        last = self._last(name)
        return last if last and last.head else None

    def path(self, name: str) -> Path | None:
        """Return where a file lies, None where none came, or not all of it is there."""
        last = self._last(name)
        return last.path() if last else None

    def why_not(self, _name: str) -> str:
        """Return nothing: only the server knows."""
        return ""

    def _last(self, name: str) -> ArrivedFile | None:
        """Return the last transfer that brought something: some ask for the size first."""
        return next((each for each in reversed(self._files.get(name, [])) if each.size), None)
