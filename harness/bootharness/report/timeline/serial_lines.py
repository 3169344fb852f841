"""When the lines of a serial line were written, as far as a trace tells."""

import re
from bisect import bisect_left
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
_Time = tuple[float, str]


def serial_lines(trace: BootTrace) -> Iterator[Event]:
    """Yield the lines with their times: when they were read, or as old as is known otherwise."""
    numbered = _numbered(trace.serial)
    if trace.serial_arrivals:
        times = _by_arrival(trace, [number for number, _ in numbered])
    else:
        times = _by_signs(trace, [line for _, line in numbered])
    for (_, line), (seconds, about) in zip(numbered, times, strict=True):
        yield Event(seconds, line[:_LETTERS].rstrip(), about=about)


def _numbered(serial: str) -> list[tuple[int, str]]:
    """Return the last lines as a terminal shows them, each with how many were ended before."""
    found = [
        (number, line)
        for number, written in enumerate(serial.split("\n"))
        for line in as_shown(written).splitlines()
        if line.strip()
    ]
    return found[-_LINES:]


def _by_arrival(trace: BootTrace, numbers: list[int]) -> list[_Time]:
    """Return when lines began to be read. What nobody has read came at the latest at the end; so
    did, when the machine went on, what a saved one had said."""
    arrivals = trace.serial_arrivals
    said_before = trace.machine is not None and trace.machine.restored is not None
    left_out = max(arrivals[-1].lines - 1 - trace.serial.count("\n"), 0)  # of a text too long
    begun = [each.lines for each in arrivals]
    times = []
    for number in numbers:
        at = bisect_left(begun, number + left_out + 1)
        if at == len(begun):
            times.append((trace.ending.seconds, _AT_THE_LATEST))
        else:
            about = _AT_THE_LATEST if said_before and at == 0 else ""
            times.append((arrivals[at].seconds, about))
    return times


def _by_signs(trace: BootTrace, lines: list[str]) -> list[_Time]:
    """Return about when lines came of which nobody has noted it.

    A line is as old as the sighting of it, or as its kernel's time stamp makes it, which counts
    from the banner; one without either came at the latest when the next one did, or the boot ended.
    """
    known = _known(trace)
    banner = trace.milestone("banner")
    start = next((_stamp(line) for line in lines if _BANNER in line), None)
    times: list[_Time] = []
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
    return times[::-1]


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
