"""Which bootharness is installed, to the last byte: two computers that boot together need the
same."""

import hashlib
from functools import cache
from pathlib import Path

from bootharness.runs.identity import own_version

__all__ = ["installed_version"]


@cache
def installed_version() -> str:
    """Return our version with a digest of all code: what is sent is read by the same code."""
    package = Path(__file__).parents[2]
    digest = hashlib.sha256(own_version().encode())
    for path in sorted(each for each in package.rglob("*.*") if each.suffix in (".py", ".txt")):
        digest.update(path.read_bytes())
    return f"{own_version().partition('+')[0]}+{digest.hexdigest()[:12]}"
