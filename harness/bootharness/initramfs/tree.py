"""The files of an archive by their names: each once, each in a folder that comes before it."""

import stat
from pathlib import Path, PurePosixPath

from bootharness.errors import UsageError
from bootharness.formats.cpio import CpioEntry
from bootharness.initramfs.host_file import MOST_BYTES, host_file

__all__ = ["Tree"]

_LINKS = 40
_NAME_BYTES = 4095


class Tree:
    """What is to be in an archive. Names are as in the guest, from its root on."""

    def __init__(self) -> None:
        self._entries: dict[str, CpioEntry] = {}
        self._left_out: set[str] = set()
        self._bytes = 0

    @property
    def entries(self) -> tuple[CpioEntry, ...]:
        """The entries, folders before what is in them."""
        return tuple(self._entries.values())

    def __contains__(self, name: str) -> bool:
        return self._plain(name) in self._entries

    def leave_out(self, name: str) -> None:
        """Let nothing have a name from now on, and no tree what is below it."""
        self._left_out.add(self._plain(name))

    def folder(self, name: str, mode: int = 0o755) -> None:
        """Have a folder, and those that it is in."""
        plain = self._plain(name)
        if not plain or plain in self._left_out:
            return
        known = self._entries.get(plain)
        if known is None:
            self._above(plain)
            self._entries[plain] = CpioEntry(plain, stat.S_IFDIR | mode)
        elif not stat.S_ISDIR(known.mode) and not stat.S_ISLNK(known.mode):
            raise UsageError(f"/{plain}: a file has that name, so it can be no folder")

    def file(self, name: str, data: bytes, mode: int = 0o644) -> None:
        """Have a file, unless there is one of the same name."""
        self._put(CpioEntry(self._plain(name), stat.S_IFREG | mode, data))

    def link(self, name: str, target: str) -> None:
        """Have a symbolic link, unless there is something of the same name."""
        self._put(CpioEntry(self._plain(name), stat.S_IFLNK | 0o777, target.encode()))

    def device(self, name: str, major: int, minor: int) -> None:
        """Have a character device."""
        self._put(CpioEntry(self._plain(name), stat.S_IFCHR | 0o600, device=(major, minor)))

    def of_host(self, name: str, path: Path) -> None:
        """Have a file, a link or a folder of the host's with all that is in it. Raises UsageError
        for what is none of these, or cannot be read."""
        if self._plain(name) in self._left_out:
            return
        try:
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                self.link(name, str(path.readlink()))
            elif stat.S_ISDIR(status.st_mode):
                self.folder(name, stat.S_IMODE(status.st_mode))
                for each in sorted(path.iterdir()):
                    self.of_host(f"{name}/{each.name}", each)
            elif stat.S_ISREG(status.st_mode):
                self.file(name, host_file(path), stat.S_IMODE(status.st_mode))
            else:
                raise UsageError(f"{path}: neither a file nor a folder nor a link")
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error

    def program(self, path: Path, data: bytes) -> None:
        """Have a program or a library where the host has it: its links on the way are links here,
        too, for a library is looked for by the name of one."""
        for _ in range(_LINKS):
            above = self._first_link(path)
            if above is None:
                self.file(str(path), data, 0o755)
                return
            target = above.readlink()
            if str(above) not in self:
                self.link(str(above), str(target))
            path = above.parent / target / path.relative_to(above)
            path = Path(*_normal(path))
        raise UsageError(f"{path}: links that lead in a circle")

    @staticmethod
    def _first_link(path: Path) -> Path | None:
        return next((each for each in (*reversed(path.parents), path) if each.is_symlink()), None)

    def _put(self, entry: CpioEntry) -> None:
        known = self._entries.get(entry.name)
        if not entry.name or (known and stat.S_ISDIR(known.mode)):
            raise UsageError(f"/{entry.name}: a folder has that name, so it can be no file")
        if known or entry.name in self._left_out:
            return
        self._bytes += len(entry.data)
        if self._bytes > MOST_BYTES:
            raise UsageError(f"/{entry.name}: with it, it is more than an initrd's 2 GiB")
        self._above(entry.name)
        self._entries[entry.name] = entry

    def _above(self, plain: str) -> None:
        parent = str(PurePosixPath(plain).parent)
        if parent != ".":
            self.folder(parent)

    @staticmethod
    def _plain(name: str) -> str:
        parts = PurePosixPath("/", name).parts[1:]
        if ".." in parts or "\0" in name or len(name.encode()) > _NAME_BYTES:
            raise UsageError(f"{name!r}: a name in an archive has no .. and at most 4,095 bytes")
        return "/".join(parts)


def _normal(path: Path) -> list[str]:
    parts: list[str] = []
    for part in path.parts:
        if part != "..":
            parts.append(part)
        elif len(parts) > 1:
            parts.pop()
    return parts
