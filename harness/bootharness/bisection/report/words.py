"""How a hunt's answer is written, wherever it is shown."""

from bootharness.bisection.answer import Answer
from bootharness.diagnosis.verdict import Verdict
from bootharness.text import count, printable

__all__ = ["WORDS", "certainty", "first_bad"]

WORDS = {Verdict.GOOD: "GOOD", Verdict.BAD: "BAD", Verdict.SKIP: "UNKNOWN"}
"""How a verdict is written for people."""

_CANDIDATES = 8


def first_bad(answer: Answer) -> str:
    """Return what the first bad one is called, or all that it can be."""
    if len(answer.candidates) == 1:
        return printable(answer.bad.label)
    names = [printable(name) for name in answer.candidates]
    listed = ", ".join(names[:_CANDIDATES])
    more = f" and {len(names) - _CANDIDATES} more" if len(names) > _CANDIDATES else ""
    return f"one of {count(len(names), 'candidate')}, and no boot could tell which: {listed}{more}"


def certainty(answer: Answer) -> str:
    """Return how certain the answer is, and what there was about the boots."""
    found = answer.found
    said = [f"confidence {found.confidence:.4f} that this is the first bad one"]
    if found.flicker:
        said.append(f"{found.flicker:.0%} of the boots gave a wrong verdict, and were repeated")
    said += [f"bad at {label} too, and good again at {again}" for label, again in answer.earlier]
    return "; ".join(said)
