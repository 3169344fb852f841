"""Causes of kernels that a boot manager has started and nobody saw being entered, as Xen."""

import re

from bootharness.diagnosis.endings import where
from bootharness.diagnosis.hangs import how, hung, samples_of
from bootharness.diagnosis.started import runs_at_the_end, xen_ends
from bootharness.diagnosis.verdict import Finding
from bootharness.text import last_lines
from bootharness.trace.boot_trace import BootTrace

__all__ = [
    "started_kernel_rests", "started_kernel_silent", "started_kernel_stopped",
]  # fmt: skip

_PANIC = re.compile(r"[^\r\n]{0,60}\bpanic\b[^\r\n]{0,200}", re.IGNORECASE)
_SHOWN_LINES = 12
_PROVEN = ("guest-reset", "halted", "loop")


def started_kernel_stopped(trace: BootTrace) -> Finding | None:
    """Such a kernel was reset, or stopped for good, or says that it gives up."""
    who, kind = runs_at_the_end(trace), trace.ending.kind
    said = _last_words(trace)
    if not who or not (kind in _PROVEN or (said and (kind == "timeout" or hung(trace)))):
        return None
    how_so = "" if kind == "timeout" else how(trace)
    if kind == "guest-reset":
        how_so = f"was reset{where(trace)}"
    if said:
        did = f", and {how_so}{trace.ended_after}" if how_so else ""
        return _found(trace, f'{who} gave up: it says "{said}"{did}')
    return _found(trace, f"{who} {how_so}{trace.ended_after}; {_last_line(trace)}")


def started_kernel_rests(trace: BootTrace) -> Finding | None:
    """Such a kernel does not get on any more, and does not say why."""
    who = runs_at_the_end(trace)
    if not who or not hung(trace) or not trace.serial.strip() or started_kernel_stopped(trace):
        return None
    return _found(trace, f"{who} {how(trace)}{trace.ended_after}; {_last_line(trace)}")


def started_kernel_silent(trace: BootTrace) -> Finding | None:
    """Such a kernel runs, and nothing is known of how far it has come."""
    who = runs_at_the_end(trace)
    if not who or not hung(trace) or trace.serial.strip() or started_kernel_stopped(trace):
        return None
    return _found(
        trace, f"{who} runs{where(trace)}, but writes nothing on the serial line: how far it has "
        "come is not known",
    )  # fmt: skip


def _found(trace: BootTrace, sentence: str) -> Finding:
    return Finding(sentence, (*samples_of(trace), *last_lines(trace.serial, _SHOWN_LINES)))


def _last_line(trace: BootTrace) -> str:
    lines = last_lines(trace.serial, 1)
    return f'its last line is "{lines[0]}"' if lines else "nothing is on the serial line"


def _last_words(trace: BootTrace) -> str:
    """Return what was said of why it does not go on, the last of it; empty for nothing."""
    if found := xen_ends(trace):
        return " ".join((found["panic"] or found["ended"]).split())
    panics = _PANIC.findall(trace.serial)
    return " ".join(panics[-1].split()) if panics else ""
