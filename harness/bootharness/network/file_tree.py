"""The files of a folder that somebody brought, served as they stand.

Every name is looked up when it is asked for, so that a folder of any size costs nothing; a name or
a link that leads out of the folder leads nowhere.
"""

import os
import stat
from itertools import islice
from pathlib import Path

from bootharness.errors import UsageError
from bootharness.kernels.content import File

__all__ = ["FileTree"]

_NAMES = 10_000
"""Of a folder so many are looked at for one that differs only in its case."""
_NAME_BYTES = 4096
_AT_ONCE_BYTES = 1 << 18


class FileTree:
    """A folder. Raises UsageError for what is none."""

    def __init__(self, root: Path) -> None:
        try:
            self.root = root.resolve(strict=True)
            is_folder = self.root.is_dir()
        except OSError as error:
            raise UsageError(f"{root}: {error.strerror}") from error
        if not is_folder:
            raise UsageError(f"{root}: not a folder, and the folder of a boot server is wanted")

    def find(self, name: str) -> str | None:
        """Return the name of a file within the folder, None where there is no such file.

        It may begin with a slash, as if the folder were the root of all.
        """
        found = _within(name)
        return found if found and self.path(found) else None

    def open(self, name: str) -> "_Opened | None":
        """Return what is in a file that was found, None where it is gone or cannot be read."""
        path = self.path(name)
        try:
            return _Opened(path) if path else None
        except OSError:
            return None

    def why_not(self, name: str) -> str:
        """Say what is there in place of a file that was not found, empty where nothing is."""
        found = _within(name)
        if found is None:
            return "leads out of the folder"
        try:
            place = self.root / found
            if place.is_symlink() or place.exists():
                return self._not_served(place)
            # a boot program that was written for another system may have other separators
            slashed = _within(found.replace("\\", "/"))
            for folder in Path(slashed or found).parents:
                if (self.root / folder).is_file():
                    return f"but {folder} is a file, and no folder"
            if slashed and (other := self._other_case(self.root / slashed)):
                return f"but there is {other}"
        except OSError as error:
            return error.strerror or ""
        return ""

    def path(self, name: str) -> Path | None:
        """Return where a file of the folder is, None where it is none."""
        try:
            place = (self.root / name).resolve(strict=True)
            regular = stat.S_ISREG(place.stat().st_mode) and os.access(place, os.R_OK)
        except (OSError, RuntimeError, ValueError):
            return None
        return place if regular and place.is_relative_to(self.root) else None

    def _not_served(self, place: Path) -> str:
        try:
            inside = place.resolve(strict=True).is_relative_to(self.root)
        except (OSError, RuntimeError):
            return "is a link that leads nowhere"
        if not inside:
            return "is a link that leads out of the folder"
        if place.is_dir():
            return "is a folder"
        return "cannot be read" if place.is_file() else "is no regular file"

    def _other_case(self, place: Path) -> str:
        """Return a name that differs only in its case, empty where there is none."""
        at = self.root
        for part in place.relative_to(self.root).parts:
            there = part if (at / part).exists() else ""
            names = () if there else _names(at)
            there = there or next((each for each in names if each.lower() == part.lower()), "")
            if not there:
                return ""
            at /= there
        return str(at.relative_to(self.root))


class _Opened:
    """A file that is open as long as somebody holds this object. It is read in large pieces: who
    serves it asks for it block by block."""

    def __init__(self, path: Path) -> None:
        self._file = File(path)
        self._size = os.fstat(self._file.fd).st_size
        self._at = 0
        self._read = memoryview(b"")

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes | memoryview:
        start, stop, _ = part.indices(self._size)
        size = max(stop - start, 0)
        if size > _AT_ONCE_BYTES:
            return os.pread(self._file.fd, size, start)
        within = start - self._at
        if within < 0 or within + size > len(self._read):
            self._at, within = start, 0
            self._read = memoryview(os.pread(self._file.fd, _AT_ONCE_BYTES, start))
        return self._read[within : within + size]


def _within(name: str) -> str | None:
    """Return a name from the folder on, None where it leads out of it."""
    if "\0" in name or len(name) > _NAME_BYTES:
        return None
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in islice(entries, _NAMES)]
