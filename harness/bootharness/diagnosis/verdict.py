"""What a judgement consists of."""

import enum
from typing import NamedTuple

from msgspec import Struct

from bootharness.errors import COULD_NOT_FIND_OUT

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
    """A cause by its id, one sentence with the numbers in it, and what shows it."""

    cause: str
    sentence: str
    evidence: tuple[str, ...] = ()


class Judgement(Struct, frozen=True):
    """A verdict and, unless it is good, the earliest root and what followed from it.

    ``warnings`` are sentences about what did no harm in this boot and may in another.
    """

    verdict: Verdict
    summary: str
    diagnosis: Diagnosis | None = None
    consequences: tuple[Diagnosis, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def cause(self) -> str | None:
        """The id of the cause, None for a good boot."""
        return self.diagnosis.cause if self.diagnosis else None
