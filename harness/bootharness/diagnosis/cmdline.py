"""Did the command line that was asked for arrive? In memory, or in the kernel's own words."""

import re
from os.path import commonprefix
from typing import NamedTuple

from bootharness.diagnosis.verdict import Finding
from bootharness.text import address, count
from bootharness.trace.boot_trace import BootTrace

__all__ = ["cmdline_that_arrived", "cmdline_wrong"]

_SHOWN = 60
_FORESEEN = "the command line"
_SAID = re.compile(r"(?:^|\] )Command line: ([^\r\n]{0,4096})(?P<end>[\r\n])?", re.MULTILINE)
_STUB_CUT_IT = re.compile(r"EFI stub: ERROR: Command line is too long[^\r\n]{0,100}")
# a kernel's line has room for so many characters at least, and longer ones may be cut
_LINE_ROOM = 900
# what shells of boot programs take away
_QUOTES = str.maketrans("", "", "\"'\\")


class _Arrived(NamedTuple):
    """What command line the kernel has: where that was seen, and whether it is all of it."""

    line: str
    where: str
    whole: bool


def cmdline_wrong(trace: BootTrace) -> Finding | None:
    """The command line that arrived is not the one asked for, or longer than the kernel takes."""
    arrived, limit, wanted = _arrived(trace), _limit(trace), _wanted(trace)
    if trace.ending.kind == "foreseen" and trace.ending.detail.startswith(_FORESEEN):
        return Finding(trace.ending.detail, (f"it ends in {(wanted or '')[-_SHOWN:]!r}",))
    line = wanted if wanted is not None else arrived.line if arrived else None
    if line is not None and arrived and limit is not None and len(line.encode()) > limit:
        return Finding(
            f"the command line has {count(len(line.encode()), 'byte')}, and the kernel takes "
            f"{limit:,} (cmdline_size)",
            (f"it ends in {line[-_SHOWN:]!r}",),
        )
    if wanted is None or arrived is None:
        return None
    if cut := _STUB_CUT_IT.search(trace.serial):
        return Finding(
            f"the kernel did not get all of the command line, which has "
            f"{count(len(wanted.encode()), 'byte')}: it says {cut[0]!r}",
            (f"what was asked for ends in {wanted[-_SHOWN:]!r}",),
        )
    if _is_in(wanted, arrived, trace):
        return None
    at, begins = _differs_at(wanted, arrived.line)
    return Finding(
        f"the command line {arrived.where} is not the one asked for: it differs from character "
        f"{at} on, and has {count(len(arrived.line), 'character')} instead of {len(wanted):,}",
        (
            f"wanted {wanted[at : at + _SHOWN]!r}",
            f"found {arrived.line[begins + at :][:_SHOWN]!r}",
        ),
    )


def _wanted(trace: BootTrace) -> str | None:
    return trace.disk.cmdline if trace.disk else trace.cmdline


def _limit(trace: BootTrace) -> int | None:
    seen = trace.handoff.header if trace.handoff else None
    header = seen or (trace.kernel.header if trace.kernel else None)
    return header.cmdline_limit if header else None


def cmdline_that_arrived(trace: BootTrace) -> str | None:
    """Return the command line that the kernel has, None where all of it is not known."""
    arrived = _arrived(trace)
    return arrived.line if arrived and arrived.whole else None


def _arrived(trace: BootTrace) -> _Arrived | None:
    handoff = trace.handoff
    if handoff and handoff.header and handoff.header.cmd_line_ptr:
        at = address(handoff.header.cmd_line_ptr)
        return _Arrived(handoff.cmdline or "", f"at {at}", whole=True)
    said = _SAID.search(trace.serial) if handoff is None and trace.reached("banner") else None
    # a boot that ends with its banner may end in the middle of the line behind it
    if said is None or not (said["end"] or len(said[1]) >= _LINE_ROOM):
        return None
    return _Arrived(said[1].rstrip(), "that the kernel got", whole=len(said[1]) < _LINE_ROOM)


def _is_in(wanted: str, arrived: _Arrived, trace: BootTrace) -> bool:
    """Whether all that was asked for is there, in one piece; boot programs add words of their own.

    Our own loader adds none.
    """
    if trace.disk and trace.disk.cmdline is not None:
        return wanted == arrived.line
    asked, got = (
        " ".join(["", *line.translate(_QUOTES).split(), ""]) for line in (wanted, arrived.line)
    )
    if asked in got or arrived.whole:
        return asked in got
    got = got.rstrip()  # of the last word there may be only a part
    return any(asked.startswith(got[at:]) for at, letter in enumerate(got) if letter == " ")


def _differs_at(wanted: str, found: str) -> tuple[int, int]:
    """Return from which character on a line differs, and where in the other one it begins."""
    first = wanted.partition(" ")[0]
    begins = max(found.find(first), 0)
    return len(commonprefix((wanted, found[begins:]))), begins  # noqa: RUF071 - no paths
