"""Releases of Linux on a line: each minor version is one step."""

import re

__all__ = ["RELEASE", "version_name", "version_place"]

RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:-rc(\d+))?[^-]*(?:-(.+))?")
"""What a release is written like."""
# the last minor version of each major one; from 7 on as many as of most
_LAST_MINOR = {2: 39, 3: 19, 4: 20, 5: 19, 6: 19}
_USUAL_LAST_MINOR = 19
# Linux comes out every nine to ten weeks; patches lie between a version and the next
_PATCHES = 200


def version_place(release: str) -> tuple[float, str] | None:
    """Return where a release is on the line of versions, and which series it belongs to.

    ``6.12.107+deb13-cloud-amd64`` is a ``cloud-amd64``. None for what has no version.
    """
    found = RELEASE.fullmatch(release)
    if not found:
        return None
    major, minor, patch = int(found[1]), int(found[2]), int(found[3] or 0)
    flavour = re.sub(r"^(\d+-)+", "", found[5] or "")  # Debian's ABI number: 6.1.0-50-cloud
    if major not in _LAST_MINOR and major < 7:
        return None
    before = sum(_last_minor(each) + 1 for each in range(2, major))
    fraction = min(patch, _PATCHES - 1) / _PATCHES
    return before + minor + (-0.01 if found[4] else fraction), flavour


def version_name(place: float) -> str:
    """Return the version at a place: ``8.3``."""
    left, major = int(place), 2
    while left > _last_minor(major):
        left -= _last_minor(major) + 1
        major += 1
    return f"{major}.{left}"


def _last_minor(major: int) -> int:
    return _LAST_MINOR.get(major, _USUAL_LAST_MINOR)
