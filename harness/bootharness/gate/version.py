"""Releases of Linux on a line: each minor version is one step."""

import re

__all__ = ["RELEASE", "version_name", "version_place"]

RELEASE = re.compile(r"(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(?:-rc(\d+))?[^-]*(?:-(.+))?")
"""What a release is written like."""
# how many minor versions each major one has; from 7 on as many as most
_MINORS = {2: 40, 3: 20, 4: 21, 5: 20, 6: 20}
_USUAL_MINORS, _USUAL_FROM = 20, 7
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
    if major < min(_MINORS):
        return None
    before = sum(minors for each, minors in _MINORS.items() if each < major)
    before += max(major - _USUAL_FROM, 0) * _USUAL_MINORS
    fraction = min(patch, _PATCHES - 1) / _PATCHES
    return before + minor + (-0.01 if found[4] else fraction), flavour


def version_name(place: float) -> str:
    """Return the version at a place: ``8.3``."""
    left = int(place)
    for major, minors in _MINORS.items():
        if left < minors:
            return f"{major}.{left}"
        left -= minors
    majors, minor = divmod(left, _USUAL_MINORS)
    return f"{_USUAL_FROM + majors}.{minor}"
