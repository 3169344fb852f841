"""Which mutants are caught, which survive, and whether it is known why."""

import os
import tomllib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from bootharness.errors import UsageError
from tests.mutants.mutate import Mutant
from tests.mutants.scenarios import SCENARIOS

__all__ = ["Equivalent", "Outcome", "Score", "outcomes", "read_equivalents"]

_Key = tuple[str, str, str]


class Changed(Protocol):
    """What one change was made to: where, in which line, and how."""

    @property
    def label(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def change(self) -> str: ...
    @property
    def name(self) -> str: ...


class Outcome(Struct, frozen=True):
    """A mutant and the scenario that caught it with what it saw, None where it survives."""

    mutant: Changed
    scenario: str | None = None
    fault: str | None = None


class Equivalent(Struct, frozen=True):
    """Changes of an instruction that change nothing that a loader promises, and why not."""

    label: str
    source: str
    changes: tuple[str, ...]
    why: str

    @property
    def keys(self) -> Iterator[_Key]:
        """The mutants that are meant."""
        return ((self.label, self.source, change) for change in self.changes)


class Score(Struct, frozen=True):
    """What came of all mutants, held against what is known."""

    outcomes: tuple[Outcome, ...]
    equivalents: tuple[Equivalent, ...]

    @property
    def survivors(self) -> tuple[Outcome, ...]:
        """Mutants that nothing caught."""
        return tuple(each for each in self.outcomes if each.scenario is None)

    @property
    def explained(self) -> dict[_Key, str]:
        """Why a mutant is equivalent, by its label, source and change."""
        return {key: each.why for each in self.equivalents for key in each.keys}

    @property
    def unexplained(self) -> tuple[Outcome, ...]:
        """Survivors that are not in the table: holes in the scenarios."""
        return tuple(each for each in self.survivors if _key(each.mutant) not in self.explained)

    @property
    def stale(self) -> tuple[_Key, ...]:
        """What the table explains although it is caught, or is no mutant any more."""
        surviving = {_key(each.mutant) for each in self.survivors}
        return tuple(key for key in self.explained if key not in surviving)

    @property
    def percent(self) -> float:
        """How many of the mutants that are not equivalent are caught."""
        caught = len(self.outcomes) - len(self.survivors)
        return 100 * caught / max(caught + len(self.unexplained), 1)

    @property
    def told(self) -> str:
        """How many there are of each, and the percentage."""
        survivors, unexplained = len(self.survivors), len(self.unexplained)
        return (
            f"{len(self.outcomes) - survivors} caught, {survivors - unexplained} equivalent, "
            f"{unexplained} survive; {self.percent:.1f} % of those that are not equivalent caught"
        )


def _key(mutant: Changed) -> _Key:
    return mutant.label, mutant.source, mutant.change


def outcomes(mutants: Iterable[Mutant]) -> Iterator[Outcome]:
    """Yield what comes of each mutant, in their order, tried on all cores."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(_try, mutants, chunksize=4)


def _try(mutant: Mutant) -> Outcome:
    for scenario in SCENARIOS:
        if fault := scenario.fault(mutant.loader):
            return Outcome(mutant, scenario.name, fault)
    return Outcome(mutant)


def read_equivalents(path: Path) -> tuple[Equivalent, ...]:
    """Read the table of equivalent mutants. Raises UsageError, naming the file."""
    try:
        table = tomllib.loads(path.read_text())["equivalent"]
        return tuple(
            Equivalent(each["label"], each["source"], tuple(each["changes"]), each["why"])
            for each in table
        )
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not a table of equivalent mutants: {error}") from error
