"""What the cache keeps, looked at before it is used: damaged files are made anew."""

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from bootharness.errors import LaunchFailed
from bootharness.host.cache import cache_dir, published, published_folder

__all__ = [
    "adopt",
    "digest_of",
    "intact",
    "kept_file",
    "kept_folder",
    "seal",
    "sealed",
    "was_kept",
]

_DIGEST_BYTES = 32
_SETTLED_S = 1.0


def seal(path: Path, content: bytes) -> None:
    """Write what fits into memory, and its digest behind it."""
    with published(_sealed(path)) as made:
        made.write_bytes(content + hashlib.sha256(content).digest())


def sealed(path: Path) -> bytes | None:
    """Return what `seal` has written, None where there is none or where it is damaged."""
    try:
        whole = _sealed(path).read_bytes()
    except OSError:
        return None
    content, digest = whole[:-_DIGEST_BYTES], whole[-_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == digest else None


def _sealed(path: Path) -> Path:
    return path.with_name(f"{path.name}.sealed")


def kept_file(path: Path, make: Callable[[Path], None]) -> bool:
    """Have a file in the cache, made where it is missing or damaged; return whether it was."""
    if intact(path):
        return False
    with published(path) as made:
        make(made)
    adopt(path)
    return True


def kept_folder(path: Path, make: Callable[[Path], None]) -> bool:
    """Have a folder in the cache, otherwise as `kept_file`. ``make`` is given one to be made."""
    if intact(path):
        return False
    with published_folder(path) as made:
        make(made)
    adopt(path)
    return True


def adopt(path: Path) -> None:
    """Take a file or a folder as it is for what was made."""
    seal(_digest_file(path), digest_of(path).encode())


def was_kept(path: Path) -> bool:
    """Return whether it is known what a file was made as, damaged or not."""
    return sealed(_digest_file(path)) is not None


def intact(path: Path) -> bool:
    """Return whether a file or a folder is as it was made."""
    try:
        return path.exists() and sealed(_digest_file(path)) == digest_of(path).encode()
    except OSError:
        return False


def _digest_file(path: Path) -> Path:
    return cache_dir("digests") / f"{path.parent.name}-{path.name}"


def digest_of(path: Path) -> str:
    """Return a file's SHA-256 in hex, computed anew when the file has changed; a folder's is that
    of the names, the links and the digests in it."""
    if path.is_dir():
        return _folder_digest(path)
    status = path.stat()
    changed = (status.st_dev, status.st_ino, status.st_ctime_ns, status.st_size)
    return _digest(path, "-".join(map(str, changed)), status.st_ctime)


def _folder_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for at, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files + [each for each in folders if Path(at, each).is_symlink()]):
            path = Path(at, name)
            if path.is_symlink():
                content = str(path.readlink())
            else:
                content = digest_of(path) if path.is_file() else ""
            digest.update(os.fsencode(f"{path.relative_to(folder)}\0{content}\0"))
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _digest(path: Path, identity: str, changed_at: float) -> str:
    """Hash a file, or take the hash from the cache while the file is the same.

    Two changes within one tick of the clock that stamps files cannot be told apart, so
    what has changed a moment ago is not put there.
    """
    with suppress(LaunchFailed):  # a cache that cannot be written to does
        if known := sealed(cache_dir("sha256") / identity):
            return known.decode()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if time.time() - changed_at > _SETTLED_S:
        with suppress(LaunchFailed):
            seal(cache_dir("sha256") / identity, digest.encode())
    return digest
