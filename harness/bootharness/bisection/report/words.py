"""How a hunt's answer is written, wherever it is shown."""

from collections.abc import Iterator

from msgspec import Struct

from bootharness.bisection.answer import Answer, Side
from bootharness.bisection.bisect import HuntResult
from bootharness.diagnosis.verdict import Verdict
from bootharness.text import count, listed, printable

__all__ = ["WORDS", "Turn", "certainty", "stages", "turn"]

WORDS = {Verdict.GOOD: "GOOD", Verdict.BAD: "BAD", Verdict.SKIP: "UNKNOWN"}
"""How a verdict is written for people."""

_CANDIDATES = 8


class Turn(Struct, frozen=True):
    """A side of the place where a range turns: what it is, and what it is called."""

    name: str
    verdict: Verdict
    label: str
    side: Side


def turn(answer: Answer) -> tuple[Turn, Turn]:
    """Return what was sought, and what is before it; of the former all that it can be."""
    good = Turn("last good", Verdict.GOOD, printable(answer.good.label), answer.good)
    bad = Turn("first bad", Verdict.BAD, printable(answer.bad.label), answer.bad)
    if answer.fix:
        first = Turn("first good", Verdict.GOOD, _called(answer, answer.good), answer.good)
        return first, Turn("last bad", Verdict.BAD, bad.label, answer.bad)
    return Turn(bad.name, bad.verdict, _called(answer, answer.bad), answer.bad), good


def _called(answer: Answer, side: Side) -> str:
    if len(answer.candidates) == 1:
        return printable(side.label)
    names = [printable(name) for name in answer.candidates]
    which = listed(names, _CANDIDATES)
    return f"one of {count(len(names), 'candidate')}, and no boot could tell which: {which}"


def certainty(answer: Answer) -> str:
    """Return how certain the answer is, and what there was about the boots."""
    found = answer.found
    said = [f"confidence {found.confidence:.4f} that this is the {turn(answer)[0].name} one"]
    if found.flicker:
        said.append(f"{found.flicker:.0%} of the boots gave a wrong verdict, and were repeated")
    said += [f"bad at {label} too, and good again at {again}" for label, again in answer.earlier]
    return "; ".join(said)


def stages(result: HuntResult) -> Iterator[tuple[str, HuntResult]]:
    """Yield every stage of a hunt with its title, which is empty where there is one only."""
    if not result.stages:
        yield "", result
    for number, stage in enumerate(result.stages, start=1):
        yield f"stage {number}: {printable(stage.title)}", stage
