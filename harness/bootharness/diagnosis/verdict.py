"""What a judgement consists of."""

import enum
from typing import NamedTuple

from msgspec import Struct

from bootharness.errors import COULD_NOT_FIND_OUT, NoVerdict
from bootharness.text import printable

__all__ = ["Diagnosis", "Finding", "Judgement", "Verdict"]


class Verdict(enum.StrEnum):
    """Good, bad, or not found out."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"

    @property
    def exit_status(self) -> int:
        """The status by which a command reports the verdict, as `git bisect run` reads it."""
        return {Verdict.GOOD: 0, Verdict.BAD: 1, Verdict.SKIP: COULD_NOT_FIND_OUT}[self]


class Finding(NamedTuple):
    """That a rule holds: one sentence with the numbers in it, and the lines that show it."""

    sentence: str
    evidence: tuple[str, ...] = ()


class Diagnosis(Struct, frozen=True):
    """Why a boot failed."""

    cause: str
    """The id of the cause: `bootharness explain` lists them all."""
    sentence: str
    """One sentence with the numbers in it."""
    evidence: tuple[str, ...] = ()
    """The lines that show it."""


class Judgement(Struct, frozen=True):
    """A verdict and, unless it is good, the earliest root and what followed from it."""

    verdict: Verdict
    """Good, bad, or skip: not found out."""
    summary: str
    """What was reached and proven of a good boot, and else the sentence of the diagnosis."""
    diagnosis: Diagnosis | None = None
    """The earliest thing that went wrong, None for a good boot."""
    consequences: tuple[Diagnosis, ...] = ()
    """What followed from it, in the order of a boot."""
    warnings: tuple[str, ...] = ()
    """Sentences about what did no harm in this boot and may in another."""

    def __repr__(self) -> str:
        return f"<Judgement {self.verdict}{f': {self.cause}' if self.cause else ''}>"

    def require_good(self) -> None:
        """Return if the boot is good, with or without warnings.

        Raises AssertionError for one that is bad, and NoVerdict where that was not found out. In
        a test the latter is a skip, or a failure with --boot-strict.
        """
        __tracebackhide__ = True  # pytest's: to be shown is the line that asks
        said = printable(self.summary)
        if self.verdict is Verdict.SKIP:
            raise NoVerdict(self.cause or "not found out", said)
        if self.verdict is Verdict.BAD:
            raise AssertionError(f"BAD {self.cause}: {said}")

    @property
    def cause(self) -> str | None:
        """The id of the cause, None for a good boot."""
        return self.diagnosis.cause if self.diagnosis else None
