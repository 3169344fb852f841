"""What a server of the person's own needs, and how it is run."""

import re
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from bootharness.host.tool import Tool

__all__ = ["ServerSetup", "is_installed", "last_complaint", "last_words"]

_SBIN = ("/usr/sbin", "/sbin", "/usr/local/sbin")
_MOST = 300
_CHATTER = (" INFO ", " DEBUG ", "FAILED to start up")
_USUAL = "User aborted the transfer"
"""What a UEFI says that wanted to know only how large a file is."""
_COMPLAINT = re.compile(
    r" (?:WARN|ERROR|FATAL) |no address|not enough|cannot|fail|error|warning|ignor|refus|denied"
    r"|not found|unknown|exhausted",
    re.IGNORECASE,
)


def is_installed(tool: Tool) -> bool:
    """Return whether a program is here, be it where not everybody's PATH leads."""
    return tool.here or any((Path(each) / tool.name).exists() for each in _SBIN)


def last_words(said: str) -> str:
    """Return the last line that tells something, empty if there is none."""
    lines = [line.strip() for line in said.splitlines()]
    telling = [line for line in lines if line and not any(each in line for each in _CHATTER)]
    return (telling or [line for line in lines if line] or [""])[-1][-_MOST:]


def last_complaint(said: str) -> str:
    """Return the last line in which something was wrong, empty if there is none."""
    lines = [line for line in said.splitlines() if _COMPLAINT.search(line)]
    lines = [line for line in lines if _USUAL not in line]
    return last_words("\n".join(lines[-1:]))


class ServerSetup(Struct, frozen=True, kw_only=True):
    """How one server is run in a namespace of its own.

    ``checks`` are command lines that fail where its configuration does not do. Of ``interfaces``
    the first is plugged in. ``networks`` are those that the configuration is about, ``own`` are the
    addresses that it listens at, ``addresses`` those that may be its own, the likeliest first, and
    ``taken`` what it gives to others, as FIRST-LAST; ``networks6`` and ``taken6`` are the same over
    IPv6. ``started`` is in what it says when it serves;
    of one without that the first port that it opens tells. It can write to ``writes`` alone, where
    that is given and Linux can do it. ``plain`` turns a line of what the
    server says into what concerns the person.
    """

    name: str
    argv: tuple[str, ...]
    interfaces: tuple[str, ...] = ("eth0",)
    networks: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    networks6: tuple[str, ...] = ()
    taken6: tuple[str, ...] = ()
    checks: tuple[tuple[str, ...], ...] = ()
    folder: Path = Path()
    environment: dict[str, str] = {}
    started: str = ""
    writes: Path | None = None
    plain: Callable[[str], str] = str
