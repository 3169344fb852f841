"""What the harness calls or reads and others have made: programs, and files of packages."""

import re
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from bootharness.errors import ToolMissing

__all__ = ["DEBIAN_KEYRING", "GDB", "QEMU_32", "QEMU_64", "Tool"]

_ANSWER_S = 10
_VERSION = re.compile(r"\d+\.\d[\w.~+-]*")


class Tool(Struct, frozen=True):
    """A program by its name, or a file with its whole path.

    ``package`` is Debian's that brings it, ``oldest`` the first version that does. ``version``
    and ``trial`` are words that a program is called with: to say its version, and to show that
    it can do what is ``wanted`` of it.
    """

    name: str
    package: str
    oldest: tuple[int, ...] = ()
    version: tuple[str, ...] = ("--version",)
    trial: tuple[str, ...] = ()
    wanted: str = ""

    @property
    def short(self) -> str:
        """Its name without a folder."""
        return Path(self.name).name

    @property
    def here(self) -> bool:
        """Whether it is installed."""
        return Path(self.name).exists() if "/" in self.name else bool(shutil.which(self.name))

    def missing(self) -> ToolMissing:
        """Return the error that says what to install."""
        return ToolMissing(f"{self.name} is not installed: {self.remedy} brings it")

    @property
    def remedy(self) -> str:
        """The command that installs it."""
        return f"`apt-get install {self.package}`"

    def check(self) -> None:
        """Raise ToolMissing where it is not here."""
        if not self.here:
            raise self.missing()

    def said_version(self) -> str | None:
        """Return the version that a program says, None where it says none."""
        found = _VERSION.search(self._called(self.version)[1].partition("\n")[0])
        return found[0] if found else None

    def why_unfit(self, version: str | None) -> str | None:
        """Say why what is here with this version does not do, None where it does."""
        if self.oldest and version and _numbers(version) < self.oldest:
            oldest = ".".join(map(str, self.oldest))
            return f"{self.short} {version} is too old: {oldest} or later is needed"
        if self.trial and self._called(self.trial)[0]:
            return f"{self.short} {version or ''} is without {self.wanted}".replace("  ", " ")
        return None

    def _called(self, words: tuple[str, ...]) -> tuple[int, str]:
        try:
            done = subprocess.run(
                [self.name, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_ANSWER_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return -1, ""
        return done.returncode, done.stdout


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: (7, 2, 22) for ``7.2.22+dfsg``."""
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0]))


QEMU_64 = Tool("qemu-system-x86_64", "qemu-system-x86", oldest=(7, 2))
QEMU_32 = Tool("qemu-system-i386", "qemu-system-x86", oldest=(7, 2))
GDB = Tool(
    "gdb", "gdb", oldest=(13,), trial=("-nx", "-batch", "-ex", "python print(gdb.VERSION)"),
    wanted="Python",
)  # fmt: skip
DEBIAN_KEYRING = Tool("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring")
