"""What was sent to this computer, kept in the cache by its digest, as much as has room."""

import fcntl
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from bootharness.errors import LaunchFailed
from bootharness.host.cache import cache_dir, published, published_folder
from bootharness.runs.remote.parcel import Entry, Parcel, read_list

__all__ = ["MOST_BYTES", "Store"]

MOST_BYTES = 8 << 30
"""More is kept only while boots are at it."""
_FOLDER = "sent"
_PART, _ID, _LAID_OUT = ".part", ".id", "-"
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Store:
    """The folder of what was sent. Several processes may use it, and computers that share it."""

    def __init__(self) -> None:
        self.folder = cache_dir(_FOLDER).resolve()

    @property
    def id(self) -> str:
        """What tells this store from others, wherever it is seen from."""
        kept = self.folder / _ID
        if not kept.exists():
            with published(kept) as made:
                made.write_text(uuid.uuid4().hex)
        return kept.read_text()

    def has(self, digest: str) -> bool:
        """Return whether a content is here, and is what it was; it was used just now, then."""
        path = self.folder / digest
        try:
            status = path.stat()
            same = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
            if _digest(path, same) != digest:
                return False
            os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))
        except OSError:
            return False
        return True

    def put(self, digest: str, part: str, at: int, piece: bytes, size: int) -> None:
        """Take a piece of a content; with the last one it is here. ``part`` tells apart who sends
        the same at once.

        Raises LaunchFailed where it cannot be kept, or what came is another content.
        """
        path = self.folder / f".{digest[:16]}-{part}{_PART}"
        try:
            if at == 0:
                self._make_room(size)
            with path.open("r+b" if at else "wb") as file:
                file.seek(at)
                file.write(piece)
            if at + len(piece) < size:
                return
            with path.open("rb") as file:
                came = hashlib.file_digest(file, "sha256").hexdigest()
            if came != digest:
                raise LaunchFailed(f"{path}: what came is not what was sent")
            with published(self.folder / digest) as made:
                path.replace(made)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise LaunchFailed(
                f"{self.folder}: what was sent cannot be kept: {error.strerror}; BOOTHARNESS_CACHE "
                "can name another folder"
            ) from error
        except LaunchFailed:
            path.unlink(missing_ok=True)
            raise

    def drop(self, digest: str, part: str) -> None:
        """Remove what came of a content of which no more will come."""
        (self.folder / f".{digest[:16]}-{part}{_PART}").unlink(missing_ok=True)

    @contextmanager
    def taken(self, parcel: Parcel) -> Iterator[tuple[Path, tuple[str, ...]]]:
        """Give the file or the folder that a parcel is, which stays here meanwhile, and the
        digests of what is missing."""
        path = self.folder / f"{parcel.digest}{_LAID_OUT}{parcel.short}"
        entries: list[Entry] = []
        missing = self._lacking([parcel.digest])
        with ExitStack() as stack:
            if parcel.folder and not missing:
                entries = read_list((self.folder / parcel.digest).read_bytes())
                missing = self._lacking(each.digest for each in entries if each.digest)
            if not missing:
                try:
                    if not path.exists():
                        self._lay_out(path, parcel, entries)
                    stack.enter_context(_held(path))
                except FileNotFoundError:  # somebody has made room meanwhile
                    missing = (parcel.digest,)
            yield path / parcel.first, missing

    def _lacking(self, digests: Iterable[str]) -> tuple[str, ...]:
        return tuple(each for each in dict.fromkeys(digests) if not self.has(each))

    def _lay_out(self, path: Path, parcel: Parcel, entries: list[Entry]) -> None:
        if not parcel.folder:
            with published(path) as made:
                made.unlink()
                os.link(self.folder / parcel.digest, made)
            return
        with published_folder(path) as folder:
            for each in entries:
                place = folder / each.name
                place.parent.mkdir(parents=True, exist_ok=True)
                if each.digest:
                    os.link(self.folder / each.digest, place)
                elif each.link:
                    place.symlink_to(each.link)
                else:
                    place.mkdir(exist_ok=True)

    def _make_room(self, size: int) -> None:
        """Remove what nobody holds until there is room for more: first what is laid out, which is
        made again in no time, then the contents that were not used for longest."""
        contents = [each for each in self.folder.iterdir() if _DIGEST.fullmatch(each.name)]
        used = {}
        for path in contents:
            with suppress(FileNotFoundError):
                status = path.stat()
                used[path] = (status.st_atime, status.st_size)
        kept = sum(each for _, each in used.values()) + size
        if kept <= MOST_BYTES:
            return
        for path in self.folder.glob(f"*{_LAID_OUT}*"):
            _remove(path)
        for path, (_, own) in sorted(used.items(), key=lambda each: each[1]):
            if kept <= MOST_BYTES:
                return
            with suppress(FileNotFoundError):
                if path.stat().st_nlink == 1:
                    path.unlink()
                    kept -= own


@lru_cache(maxsize=1024)
def _digest(path: Path, _same: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Keep others from removing a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    """Remove what nobody holds."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        finally:
            os.close(handle)
