"""Causes that a person has set: a pattern that had to come, one that must not, switching off."""

from collections.abc import Iterator

from bootharness.diagnosis.hangs import last_call
from bootharness.diagnosis.kernel import said_of_initrd
from bootharness.diagnosis.verdict import Finding
from bootharness.plan import SHUTDOWN, UNTIL
from bootharness.text import last_lines, printable
from bootharness.trace.boot_trace import BootTrace

__all__ = ["fail_on_seen", "marker_not_seen", "not_switched_off", "screen_unreadable"]

_OVER = ("timeout", "idle")
_SHOWN_LINES, _SHOWN = 6, 120


def fail_on_seen(trace: BootTrace) -> Finding | None:
    """A pattern came that was to make the boot bad."""
    seen = trace.failed_on
    if trace.ending.kind != "failed-on" or seen is None:
        return None
    said = _quoted(seen.line)
    found = "" if said.strip('"') == seen.pattern else f", in which {seen.pattern!r} is found"
    return Finding(
        f"the {seen.on} said {said} {seen.seconds:.2f} s after launch{found}",
        tuple(_around(trace, seen.line)),
    )


def _around(trace: BootTrace, line: str) -> Iterator[str]:
    """Yield a line with what came behind it."""
    lines = [each.strip() for each in trace.serial.splitlines() if each.strip()]
    at = next((number for number, each in enumerate(lines) if line in each), None)
    if at is not None:
        yield from lines[at : at + _SHOWN_LINES]


def screen_unreadable(trace: BootTrace) -> Finding | None:
    """A pattern had to come on a screen that shows a picture, in which it may be all the same."""
    seen = trace.post_mortem
    if trace.until_screen is None or trace.ending.kind not in _OVER or seen is None:
        return None
    if seen.screen.strip():
        return None
    return Finding(
        f"whether {trace.goal} was on the screen is not known: it shows no text but a picture, or "
        f"nothing, {trace.ending.seconds:.0f} s after launch"
    )


def marker_not_seen(trace: BootTrace) -> Finding | None:
    """The pattern that the boot had to come to did not come in time."""
    if trace.until in (*UNTIL, SHUTDOWN) or trace.ending.kind not in _OVER:
        return None
    on_screen = trace.until_screen is not None
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
    if trace.handoff or trace.kernel_spoke:
        return ""
    return f"; {trace.last_milestone}{last_call(trace)}"


def _quoted(line: str) -> str:
    line = printable(line.strip())
    return f'"{line[:_SHOWN]}..."' if len(line) > _SHOWN else f'"{line}"'
