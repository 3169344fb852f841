"""The lock on a real machine: one run at a time, whoever on this computer starts it."""

import fcntl
import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from bootharness.errors import MachineTaken
from bootharness.hardware.machines import HardwareMachine
from bootharness.host.closing import Closing
from bootharness.host.deadline import Deadline

__all__ = ["Taken"]

_FOR_ALL = Path("/run/lock")
_OWNER_BYTES = 200


class Taken(Closing):
    """A machine that is ours as long as any of our processes holds ``fd``.

    It is known by its line and its plug, so that two files may call it differently. Raises
    MachineTaken where another run has it.
    """

    def __init__(self, machine: HardwareMachine, wait: Deadline | None = None) -> None:
        self._locks: list[int] = []
        try:
            for what in sorted({machine.line, machine.plug}):
                self._locks.append(_locked(_path(what), machine.name, wait))
        except BaseException:
            self.close()
            raise

    @property
    def fds(self) -> tuple[int, ...]:
        """The descriptors that hold it."""
        return tuple(self._locks)

    def close(self) -> None:
        """Let others have it."""
        while self._locks:
            os.close(self._locks.pop())


def _path(what: str) -> Path:
    folder = _FOR_ALL if os.access(_FOR_ALL, os.W_OK) else Path(tempfile.gettempdir())
    return folder / f"bootharness-{hashlib.sha256(what.encode()).hexdigest()[:16]}.lock"


def _locked(path: Path, name: str, wait: Deadline | None) -> int:
    fd = _opened(path, name)
    try:
        _lock(fd, path, name, wait)
        with suppress(OSError):  # who may only read it does without
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"process {os.getpid()} of user {os.getuid()}".encode(), 0)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _lock(fd: int, path: Path, name: str, wait: Deadline | None) -> None:
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if wait is None or wait.expired:
                owner = os.pread(fd, _OWNER_BYTES, 0).decode("ascii", "replace")
                raise MachineTaken(
                    f"{name}: another run has it ({owner or path}): one at a time boots there"
                ) from None
        _pause(wait)


def _pause(wait: Deadline) -> None:
    import select  # only who waits

    select.select([], [], [], min(0.5, wait.remaining))


def _opened(path: Path, name: str) -> int:
    """Open the lock's file, which all may have made: never through a link, never anything else."""
    flags = os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            fd = os.open(path, os.O_RDWR | flags)
        except FileNotFoundError:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o666)
            with suppress(OSError):
                os.fchmod(fd, 0o666)  # whatever our umask is: others must be able to lock it
        except PermissionError:
            fd = os.open(path, os.O_RDONLY | flags)
    except OSError as error:
        raise MachineTaken(f"{name}: its lock {path} cannot be had: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise MachineTaken(f"{name}: its lock {path} is not a regular file")
    return fd
