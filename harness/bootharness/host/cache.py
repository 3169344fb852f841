"""Folders for what is worth keeping between runs: assembled code, kernels out of packages, and
what cannot be made again."""

import errno
import fcntl
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bootharness.errors import HostBusy, LaunchFailed, ToolMissing

__all__ = ["alone_in", "cache_dir", "published", "state_dir", "trim", "usual_cache", "why_not_kept"]

_KEPT_BYTES = 1 << 30
_UNUSED_S = 24 * 60 * 60
_FULL = (errno.ENOSPC, errno.EDQUOT)
_STAND_IN = "_BOOTHARNESS_STAND_IN"
"""Names the temporary cache to the processes that we start, so that all have the same."""
_WRITTEN_IN_PLACE = "apt"
_one_at_a_time = threading.Lock()
_stand_ins: list[Any] = []
"""Kept for as long as this process lives: with the last of them its folder goes."""


def cache_dir(*parts: str) -> Path:
    """Return a folder of the cache, made where it is missing.

    The cache is ``$BOOTHARNESS_CACHE``, or ``bootharness`` in the XDG cache folder; all of
    it can be deleted at any time. Where nothing can be kept in the latter, a temporary folder
    takes its place, with what is there, until this process ends. Raises LaunchFailed when a
    cache that has been named cannot be written to.
    """
    usual = usual_cache()
    if why_not_kept() and not os.environ.get("BOOTHARNESS_CACHE"):
        return _stand_in(usual, parts)
    assert usual
    folder = usual.joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(folder, error) from error
    return folder


def usual_cache() -> Path | None:
    """Return where the cache is, whether or not it can be written to; None without a home."""
    named = os.environ.get("BOOTHARNESS_CACHE")
    return Path(named) if named else _own("XDG_CACHE_HOME", ".cache")


def why_not_kept() -> str | None:
    """Say why nothing can be kept in the cache, None where it can."""
    root = usual_cache()
    if root is None:
        return "there is no home folder"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"{root}: {error.strerror}"
    return None if os.access(root, os.W_OK | os.X_OK) else f"{root}: it cannot be written to"


def _stand_in(usual: Path | None, parts: tuple[str, ...]) -> Path:
    """Return a folder of a temporary cache, in which what the usual one has is linked to."""
    with _one_at_a_time:
        root = os.environ.get(_STAND_IN)
        if root is None or not Path(root).is_dir():
            from bootharness.host.workspace import Workspace  # few need it

            _stand_ins.append(Workspace())
            root = os.environ[_STAND_IN] = str(_stand_ins[-1].path)
        folder = Path(root).joinpath(*parts)
        if not folder.is_dir():
            folder.mkdir(parents=True)
            there = usual.joinpath(*parts) if usual and parts[:1] != (_WRITTEN_IN_PLACE,) else None
            for path in there.iterdir() if there and there.is_dir() else ():
                if path.is_file():
                    (folder / path.name).symlink_to(path)
    return folder


def state_dir() -> Path:
    """Return the folder for what is not to be lost: ``bootharness`` in the XDG folder for state.

    Raises LaunchFailed where nothing says where that is.
    """
    folder = _own("XDG_STATE_HOME", ".local/state")
    if folder is None:
        raise LaunchFailed("there is no home folder for ~/.local/state: set XDG_STATE_HOME")
    return folder


def _own(variable: str, usual: str) -> Path | None:
    """Return our folder in one that a variable names, or in the usual one of a home; None
    without a home. The root folder is nobody's."""
    named = os.environ.get(variable)
    if named:
        return Path(named, "bootharness")
    home = os.environ.get("HOME") or _home_by_passwd()
    return Path(home, usual, "bootharness") if home and Path(home) != Path("/") else None


def _home_by_passwd() -> str | None:
    import pwd  # few have no HOME

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return None


def _not_writable(folder: Path, error: OSError) -> LaunchFailed:
    return LaunchFailed(
        f"{folder}: the cache cannot be written to: {error.strerror}; BOOTHARNESS_CACHE can name "
        "another folder"
    )


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to, and move it to ``path`` when all of it is written.

    Two processes that make the same file do not see each other's half, nor does anybody after
    the host has lost its power. Nothing in a cache can be executed. Raises LaunchFailed when the
    cache cannot be written to, or is full.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    except OSError as error:
        raise _not_writable(path.parent, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if not temporary.is_symlink():
            _settle(temporary)
        temporary.replace(path)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise _not_writable(path.parent, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def published_folder(path: Path) -> Iterator[Path]:
    """Give a folder to fill, and move it to ``path``, in the place of what is there; otherwise as
    `published`."""
    try:
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:40]}."))
    except OSError as error:
        raise _not_writable(path.parent, error) from error
    made = temporary / path.name
    try:
        made.mkdir()
        yield made
        if path.exists():
            path.replace(temporary / "before")
        made.replace(path)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise _not_writable(path.parent, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _settle(path: Path) -> None:
    """Let a file be on the disk, and readable as files are, but not executable."""
    mask = os.umask(0)
    os.umask(mask)
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fchmod(handle, 0o644 & ~mask)
        os.fsync(handle)
    finally:
        os.close(handle)


def trim(folder: Path, *, most: int | None = None) -> None:
    """Remove what was not used for longest, until a folder's files have 1 GiB together.

    What was used within a day stays: somebody may be at it. Where ``most`` is given, so many files
    are kept and nothing else stays: for what may go as soon as it is open. Only for what can be
    made again in a moment.
    """
    unused_since = time.time() - (_UNUSED_S if most is None else 0)
    files = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process may be at the same
            stat = path.stat()
            # a read moves the access time at least once a day, unless it is never moved
            files.append((max(stat.st_atime, stat.st_mtime), stat.st_size, path))
    kept = sum(size for _, size, _ in files)
    surplus = len(files) - most if most is not None else 0
    for number, (used, size, path) in enumerate(sorted(files)):
        if (kept <= _KEPT_BYTES and number >= surplus) or used > unused_since:
            return
        path.unlink(missing_ok=True)
        kept -= size


@contextmanager
def alone_in(folder: Path, limit_s: float) -> Iterator[None]:
    """Wait until nobody else is inside this for the same folder.

    Whoever is has ``limit_s``, and is out when its process ends. Raises HostBusy when that is
    over.
    """
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _wait_for(lock.fileno(), folder, limit_s)
        yield


def _wait_for(lock: int, folder: Path, limit_s: float) -> None:
    """Lock what is locked now: flock(2) knows no deadline, and flock(1) does."""
    try:
        done = subprocess.run(
            ["flock", "--timeout", f"{limit_s:.1f}", str(lock)], pass_fds=[lock], check=False
        )
    except FileNotFoundError:
        raise ToolMissing("flock is not here: `apt-get install util-linux` brings it") from None
    if done.returncode:
        raise HostBusy(f"{folder}: another process has worked in it for more than {limit_s:,.0f} s")
