"""How a program is started that is not trusted: gone when we are, and with the fewest rights.

As root, QEMU runs as a user that nobody else is, who may write its workspace and nothing else.
It may read what it is given; where a folder above that keeps others out, it may read anything.
"""

import ctypes
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

__all__ = ["User", "command", "end_with", "own_user", "why_no_own_user"]

# above all users that distributions, systemd and containers give out
_FIRST_USER = 0x70000000
_NEEDED = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7}
_READ_SEARCH = 2
_PR_SET_PDEATHSIG = 1
_TRIAL_S = 5.0
# A parent's death is told to who has asked for it by then; so it is looked at once more.
_UNLESS_ALONE = '[ "$PPID" = "$0" ] && exec "$@"'


class User(Struct, frozen=True):
    """Who a program runs as: a user's number, groups, and whether every file may be read."""

    number: int
    groups: tuple[int, ...] = ()
    reads_all: bool = False


def command(argv: Sequence[str], user: User | None = None) -> list[str]:
    """Return a command line that is killed when the thread that starts it ends.

    Where a user is given it runs as that. Without setpriv the command stays as it is.
    """
    if not _setpriv_works():
        return list(argv)
    return [*_setpriv(user), "/bin/sh", "-c", _UNLESS_ALONE, str(os.getpid()), *argv]


def _setpriv(user: User | None) -> list[str]:
    words = [_program() or "", "--pdeathsig=KILL"]
    if user is None:
        return words
    groups = f"--groups={','.join(map(str, user.groups))}" if user.groups else "--clear-groups"
    kept = "-all,+dac_read_search" if user.reads_all else "-all"
    return [
        *(*words, f"--reuid={user.number}", f"--regid={user.number}", groups, "--no-new-privs"),
        *(f"--inh-caps={kept}", f"--ambient-caps={kept}"),
    ]


def end_with(parent: int) -> None:
    """In a child process: be killed when the parent's process ends, at once where it has by now."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def own_user(
    process: int, reads: Iterable[Path], devices: Iterable[Path] = (), within: Path | None = None
) -> User | None:
    """Return a user that nobody else is as long as a process of ours lives, None without any.

    ``reads`` are files that it must read, and ``devices`` what it must write to; what lies
    ``within`` a folder will be its own.
    """
    if why_no_own_user():
        return None
    groups = [_group_of(device) for device in devices]
    if None in groups:
        return None
    closed = any(not _open_to_all(path, within) for path in reads)
    if closed and not _capabilities() >> _READ_SEARCH & 1:
        return None
    number = next((each for each in (_FIRST_USER + process, 65534) if _is_mapped(each)), None)
    given = tuple(group for group in groups if group)
    return User(number, given, reads_all=closed) if number else None


@lru_cache(maxsize=1)
def why_no_own_user() -> str | None:
    """Say why a program cannot be given a user of its own here, None where it can."""
    if os.geteuid():
        return "it runs as this user"
    missing = [name for name, bit in _NEEDED.items() if not _capabilities() >> bit & 1]
    if missing:
        return f"it runs as root: {', '.join(missing)} is not given here"
    if not _setpriv_works():
        return "it runs as root: there is no setpriv (util-linux) that can do it"
    if not _tried(_setpriv(User(65534))):
        return "it runs as root: no other user can be had here"
    return None


@lru_cache(maxsize=1)
def _setpriv_works() -> bool:
    return _program() is not None and _tried(_setpriv(None))


@lru_cache(maxsize=1)
def _program() -> str | None:
    return shutil.which("setpriv")


def _tried(words: list[str]) -> bool:
    try:
        done = subprocess.run(
            [*words, "/bin/true"], capture_output=True, timeout=_TRIAL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@lru_cache(maxsize=1)
def _capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _is_mapped(number: int) -> bool:
    """Whether there is such a user and such a group: in a container there may be few."""
    for name in ("uid_map", "gid_map"):
        ranges = [line.split() for line in Path("/proc/self", name).read_text().splitlines()]
        if not any(int(first) <= number < int(first) + int(many) for first, _, many in ranges):
            return False
    return True


def _group_of(device: Path) -> int | None:
    """Return the group that may write a device, 0 where everybody may, None where only root."""
    about = device.stat()
    if about.st_mode & 0o006 == 0o006:
        return 0
    return about.st_gid or None if about.st_mode & 0o060 == 0o060 else None


def _open_to_all(path: Path, within: Path | None) -> bool:
    for way in {path.absolute(), path.resolve()}:
        inside = within is not None and way.is_relative_to(within)
        above = within.parents if inside and within else way.parents
        if not way.exists():
            return True  # nobody can read it
        if not all(folder.stat().st_mode & stat.S_IXOTH for folder in above):
            return False
        if not inside and not way.stat().st_mode & stat.S_IROTH:
            return False
    return True
