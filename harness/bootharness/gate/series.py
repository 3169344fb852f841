"""Which kernels are of one series: builds of the same thing, of which one comes after the other."""

import re
from functools import lru_cache

from bootharness.gate.version import version_place

__all__ = ["named", "place_of", "series_of", "short"]

_SIZE = re.compile(r"\b(selfcheck|grow):[\d_]+:?")
_VERSION = re.compile(
    r"[-_=]?\bv?\d+(?:\.\d+)+(?:[+~][\w.+~]+|-rc\d+|-\d+(?![\w.]))*"  # 6.12.107+deb13, 6.1.0-50
    r"|[-_]g?(?=[0-9a-f]*\d)[0-9a-f]{7,40}(?![\w])"  # a commit
)
_IN_A_NAME = re.compile(r"(?<![\d.])\d+\.\d+(?:\.\d+)?(?:-rc\d+)?(?![\d])")


def series_of(source: str) -> str:
    """Return a kernel's source without what differs from version to version.

    ``deb:linux-image-6.1.0-50-cloud-amd64/bookworm`` is a ``deb:linux-image-cloud-amd64/bookworm``.
    """
    kind = _SIZE.match(source)
    rest = _VERSION.sub("", source[kind.end() :] if kind else source)
    return ":".join(part for part in (kind[1] if kind else "", rest) if part) or source


def named(source: str, release: str) -> str:
    """Write a kernel by its source and, where that does not say it, its release."""
    return f"{source} ({release})" if release and release not in source else source


def short(source: str) -> str:
    """Write a file without its folders, where its own name has a version."""
    name = source.rpartition("/")[2]
    return name if ":" not in source and _IN_A_NAME.search(name) else source


@lru_cache(maxsize=4096)
def place_of(release: str, source: str) -> float | None:
    """Return where a kernel is on the line of versions, by its release, or else by its source;
    None for what has no version."""
    named = _IN_A_NAME.search(source)
    for text in (release, named[0] if named else ""):
        if found := version_place(text):
            return found[0]
    return None
