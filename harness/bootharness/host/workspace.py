"""A folder and a process group that end with the harness, however it ends."""

import errno
import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bootharness.errors import LaunchFailed
from bootharness.host.closing import Closing
from bootharness.host.rights import User, command, own_user

__all__ = ["Workspace"]

_PREFIX = "bootharness-ws-"
_OURS = re.compile(_PREFIX + r"[a-z0-9_]{8}")
_END_S = 5.0
_SHEBANG_BYTES = 1 << 8
# `read` returns when the harness closes its end of the pipe, or dies and the kernel closes
# it. What it started is in the janitor's process group; QEMU may make a file while the
# folder is being removed, so that is repeated until nothing is left, but not for ever: what
# cannot be removed the next workspace finds.
_JANITOR = (
    'read -r _; n=0; until rm -rf -- "$1" || [ $((n += 1)) -ge 50 ]; do sleep 0.1; done; '
    "kill -KILL 0"
)
_USUAL_PATH = "/usr/bin:/bin"
"""Where rm is, whatever our PATH has."""


class Workspace(Closing):
    """A temporary folder, and the processes that work in it.

    A janitor process outlives a harness that was killed: it removes the folder and kills
    the processes. Where the janitor was killed too the processes are told by the kernel, and
    the next workspace removes the folder. Raises LaunchFailed when there is no place for it.
    """

    def __init__(self) -> None:
        place = Path(tempfile.gettempdir()).absolute()
        _sweep(place)
        try:
            self.path, self._lock = _made_and_locked(place)
        except OSError as error:
            raise LaunchFailed(
                f"no temporary folder can be made in {place}: {error.strerror}; "
                "set TMPDIR to one that can be written"
            ) from error
        self._janitor = subprocess.Popen(
            ["/bin/sh", "-c", _JANITOR, "bootharness-janitor", str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
            env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{_USUAL_PATH}"},
        )

    @property
    def process_group(self) -> int:
        """The process group that dies with the harness."""
        return self._janitor.pid

    def start(self, argv: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
        """Start a process that ends with this thread and with the workspace, as `Popen`.

        Raises OSError where there is no such program.
        """
        return self._start(argv, None, options)

    def start_untrusted(
        self,
        argv: Sequence[str],
        *,
        reads: Iterable[Path] = (),
        devices: Iterable[Path] = (),
        **options: Any,
    ) -> "subprocess.Popen[bytes]":
        """Start a process as `start`, which may write nothing but the workspace.

        Only root has something to take from it. It gets at ``reads`` and ``devices``; where
        that cannot be arranged it keeps all rights.
        """
        program = Path(shutil.which(argv[0]) or argv[0])
        needed = (program, self.path, *reads)
        user = own_user(self.process_group, needed, devices, within=self.path)
        if user:
            for path in (self.path, *self.path.rglob("*")):
                os.chown(path, user.number, user.number, follow_symlinks=False)
        return self._start(argv, user, options)

    def _start(
        self, argv: Sequence[str], user: User | None, options: dict[str, Any]
    ) -> "subprocess.Popen[bytes]":
        _check_program(argv[0], Path(options.get("cwd") or ""))
        return subprocess.Popen(command(argv, user), process_group=self.process_group, **options)

    def close(self) -> None:
        """Remove the folder and end what still works in it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process_group, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # it may be waiting for a disk that hangs
            self._janitor.wait(_END_S)
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)
        if self._janitor.stdin:
            self._janitor.stdin.close()


def _made_and_locked(place: Path) -> tuple[Path, int]:
    """Return a new folder and the lock on it, which is free when its owner is dead."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        lock = _locked(path)
        if lock is not None and path.exists():
            return path, lock
        if lock is not None:  # another has taken it for one that was left, and removed it
            os.close(lock)


def _locked(path: Path) -> int | None:
    """Return the lock on a folder, None where somebody has it or there is no such folder."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _sweep(place: Path) -> None:
    """Remove the folders whose owners were killed together with their janitors."""
    with suppress(OSError):
        for left in place.iterdir():
            lock = _locked(left) if _OURS.fullmatch(left.name) else None
            if lock is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(lock)


def _check_program(name: str, folder: Path) -> None:
    """Raise what `Popen` would raise without the commands before the program."""
    found = str(folder / name) if "/" in name else shutil.which(name)
    if found is None or not Path(found).is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    if not os.access(found, os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
    if not os.access(found, os.R_OK):
        return
    with Path(found).open("rb") as file:
        head = file.readline(_SHEBANG_BYTES)
    if head.startswith(b"#!"):
        interpreter = (head[2:].split() or [b"/none"])[0]
        if not Path(os.fsdecode(interpreter)).exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    elif not head.startswith(b"\x7fELF"):
        raise OSError(errno.ENOEXEC, os.strerror(errno.ENOEXEC), name)
