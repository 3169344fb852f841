"""Causes that a person has set: a pattern that had to come, one that must not, switching off."""

import re
from collections.abc import Iterator

from bootharness.diagnosis.hangs import last_call
from bootharness.diagnosis.kernel import said_of_initrd
from bootharness.diagnosis.verdict import Finding
from bootharness.errors import COULD_NOT_FIND_OUT
from bootharness.plan import SHUTDOWN, UNTIL
from bootharness.plan.pattern import is_needle
from bootharness.text import last_lines
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.sighting import Closest

__all__ = [
    "command_failed",
    "command_not_run",
    "command_skipped",
    "fail_on_seen",
    "marker_not_seen",
    "not_switched_off",
    "screen_unreadable",
    "too_slow",
]

_BEGAN = re.compile(r"^bootharness: begin ", re.MULTILINE)
_OVER = ("timeout", "idle")
_SHOWN_LINES, _SHOWN = 6, 120


def fail_on_seen(trace: BootTrace) -> Finding | None:
    """A pattern, or a picture, came that was to make the boot bad."""
    seen = trace.failed_on
    if trace.ending.kind != "failed-on" or seen is None or seen.by == "ocr":
        return None
    if seen.likeness:
        return Finding(
            f"{seen.pattern!r} was on the screen {seen.seconds:.2f} s after launch "
            f"({seen.likeness.percent:g} % alike, {seen.likeness.area})"
        )
    found = "" if seen.line == seen.pattern else f", in which {seen.pattern!r} is found"
    return Finding(
        f"the {seen.on} said {_quoted(seen.line)} {seen.seconds:.2f} s after launch{found}",
        tuple(_around(trace, seen.line)),
    )


def command_failed(trace: BootTrace) -> Finding | None:
    """The command that was run in the guest found something wrong."""
    status = trace.run_status
    if status in (None, 0, COULD_NOT_FIND_OUT):
        return None
    return _of_command(trace, status)


def command_skipped(trace: BootTrace) -> Finding | None:
    """The command that was run in the guest says that it cannot tell, as to `git bisect run`."""
    status = trace.run_status
    return _of_command(trace, status) if status == COULD_NOT_FIND_OUT else None


def command_not_run(trace: BootTrace) -> Finding | None:
    """The command that was to be run did not come to its end in the time that it was given."""
    if trace.run is None or trace.ending.kind not in _OVER:
        return None
    began = _BEGAN.search(trace.serial)
    lines = last_lines(trace.run_said if began else trace.serial, _SHOWN_LINES)
    what = "has not ended" if began else "was not begun"
    said = f"; the last line was {_quoted(lines[-1])}" if lines else ""
    return Finding(f"{trace.run!r} {what} in {trace.ending.seconds:.0f} s{said}", tuple(lines))


def _of_command(trace: BootTrace, status: int | None) -> Finding:
    lines = last_lines(trace.run_said, _SHOWN_LINES)
    said = f", and said {_quoted(lines[-1])} last" if lines else ", and said nothing"
    return Finding(f"{trace.run!r} ended with {status} in the guest{said}", tuple(lines))


def too_slow(trace: BootTrace) -> Finding | None:
    """The guest took longer, by its own clock, than it was given."""
    took, most = trace.guest_s, trace.at_most_s
    if took is None or most is None or took <= most:
        return None
    return Finding(
        f"{trace.goal} was reached after {took:.3f} s by the guest's own clock; at most {most:g} s "
        "were asked for"
    )


def _around(trace: BootTrace, line: str) -> Iterator[str]:
    """Yield a line with what came behind it."""
    lines = [each.strip() for each in trace.serial.splitlines() if each.strip()]
    at = next((number for number, each in enumerate(lines) if line in each), None)
    if at is not None:
        yield from lines[at : at + _SHOWN_LINES]


def screen_unreadable(trace: BootTrace) -> Finding | None:
    """A pattern had to come on a screen that shows a picture, in which it may be all the same."""
    seen, failed = trace.post_mortem, trace.failed_on
    if trace.ending.kind == "failed-on" and failed and failed.by == "ocr":
        return Finding(
            f"whether {failed.pattern!r} was on the screen is not proven: it shows a picture, in "
            f"which OCR reads {_quoted(failed.line)} {failed.seconds:.2f} s after launch"
        )
    if trace.until_screen is None or trace.ending.kind not in _OVER or seen is None:
        return None
    if seen.screen.strip() or trace.closest:
        return None
    if is_needle(trace.until_screen):
        return Finding(f"whether {trace.goal} was on the screen is not known: nobody could see it")
    read = last_lines(seen.ocr, _SHOWN_LINES)
    by_ocr = f", in which OCR reads {_quoted(read[-1])} at its end" if read else ", or nothing"
    return Finding(
        f"whether {trace.goal} was on the screen is not known: it shows no text but a picture"
        f"{by_ocr}, {trace.ending.seconds:.0f} s after launch",
        tuple(f"read by OCR: {line}" for line in read),
    )


def marker_not_seen(trace: BootTrace) -> Finding | None:
    """The pattern that the boot had to come to did not come in time."""
    if trace.until in (*UNTIL, SHUTDOWN) or trace.run is not None:
        return None
    if trace.ending.kind not in _OVER:
        return None
    on_screen = trace.until_screen is not None
    if trace.closest:
        return _not_pictured(trace, trace.closest)
    where, there = (" on the screen", "there") if on_screen else ("", "on the serial line")
    lines = _lines(trace, on_screen=on_screen)
    last = f"the last line was {_quoted(lines[-1])}" if lines else f"nothing was written {there}"
    of_initrd = said_of_initrd(trace)
    said = f'; the kernel said "{of_initrd}"' if of_initrd else ""
    return Finding(
        f"no {trace.goal}{where} in {trace.ending.seconds:.0f} s; {last}{said}"
        f"{_before_kernel(trace)}",
        tuple(f"screen: {line}" if on_screen else line for line in lines),
    )


def _not_pictured(trace: BootTrace, closest: Closest) -> Finding:
    """Say how close the screen came to a picture."""
    near = closest.likeness
    size = f"{closest.width}x{closest.height}"
    if near is None:
        how = (
            f"it is {size}, and no screen was so large: the last was {closest.screen_width}x"
            f"{closest.screen_height}"
        )
    elif not near.percent:
        how = "no area of a screen was like it"
    else:
        how = (
            f"the area that came closest, {near.area}, was {near.percent:g} % like it "
            f"{closest.seconds:.2f} s after launch, and {closest.match:g} % are wanted"
        )
    return Finding(
        f"no {trace.goal} on the screen in {trace.ending.seconds:.0f} s; {how}"
        f"{_before_kernel(trace)}",
        tuple(f"screen: {line}" for line in _lines(trace, on_screen=True)),
    )


def not_switched_off(trace: BootTrace) -> Finding | None:
    """The guest was to switch the machine off and did not in time."""
    if trace.until != SHUTDOWN or trace.ending.kind not in _OVER:
        return None
    lines = _lines(trace, on_screen=False)
    last = f"the last line was {_quoted(lines[-1])}" if lines else "it has written nothing"
    return Finding(
        f"the guest did not switch the machine off in {trace.ending.seconds:.0f} s; {last}"
        f"{_before_kernel(trace)}",
        tuple(lines),
    )


def _lines(trace: BootTrace, *, on_screen: bool) -> list[str]:
    text = trace.serial
    if on_screen:
        text = trace.post_mortem.screen if trace.post_mortem else ""
    return last_lines(text, _SHOWN_LINES)


def _before_kernel(trace: BootTrace) -> str:
    """Say how far it had come, where that was no kernel."""
    if trace.handed_off or trace.kernel_spoke:
        return ""
    return f"; {trace.last_milestone}{last_call(trace)}"


def _quoted(line: str) -> str:
    line = line.strip()
    return f'"{line[:_SHOWN]}..."' if len(line) > _SHOWN else f'"{line}"'
