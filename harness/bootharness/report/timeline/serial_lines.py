"""When the lines of a serial line were written, as far as a trace tells."""

import re
from collections.abc import Iterator

from bootharness.report.timeline.event import Event
from bootharness.text import as_shown
from bootharness.trace.boot_trace import BootTrace

__all__ = ["serial_lines"]

_STAMP = re.compile(r"^(?:<\d+>)?\[ {0,9}(\d{1,9}\.\d{1,9})\]")
_BANNER = "Linux version "
_LINES = 4000
_LETTERS = 400
_BY_ITS_CLOCK, _AT_THE_LATEST = "by the kernel's own clock", "at the latest"


def serial_lines(trace: BootTrace) -> Iterator[Event]:
    """Yield the lines with their times.

    A trace has the line's text whole. So a line is as old as the sighting of it, or as its kernel's
    time stamp makes it, which counts from the banner; one without either came at the latest when
    the next one did, or the boot ended.
    """
    lines = [line for line in as_shown(trace.serial).splitlines() if line.strip()][-_LINES:]
    known = _known(trace)
    banner = trace.milestone("banner")
    start = next((_stamp(line) for line in lines if _BANNER in line), None)
    times: list[tuple[float, str]] = []
    latest = trace.ending.seconds, _AT_THE_LATEST
    for line in reversed(lines):
        stamp, seen = _stamp(line), next((at for each, at in known.items() if each in line), None)
        if seen is not None:
            latest = seen, _AT_THE_LATEST
            times.append((seen, ""))
        elif banner and start is not None and stamp is not None and stamp >= start:
            counted = min(banner.seconds + stamp - start, latest[0])
            latest = counted, _AT_THE_LATEST
            times.append((counted, _BY_ITS_CLOCK))
        else:
            times.append(latest)
    for line, (seconds, about) in zip(lines, reversed(times), strict=True):
        yield Event(seconds, line[:_LETTERS].rstrip(), about=about)


def _stamp(line: str) -> float | None:
    found = _STAMP.match(line)
    return float(found[1]) if found else None


def _known(trace: BootTrace) -> dict[str, float]:
    """Return pieces of lines that were seen as they came, with when that was."""
    sightings = (trace.marker, trace.failed_on, *trace.sent)
    seen = {
        each.line: each.seconds
        for each in sightings
        if each and each.on == "serial line" and each.line.strip()
    }
    if banner := trace.milestone("banner"):
        seen[_BANNER] = banner.seconds
    return seen
