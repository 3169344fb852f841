"""Symbols tried as the answer: set back in the bad configuration, and alone in the good one."""

from concurrent.futures import Executor
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.bisection.config_between import changed, needed
from bootharness.bisection.experiments import Experiment, ExperimentOutcome, perform
from bootharness.bisection.hunt import HuntObserver
from bootharness.bisection.kconfig import Config
from bootharness.bisection.kernel_tree import KernelTree
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import CouldNotFindOut
from bootharness.kernels.image import KernelImage
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.text import listed

__all__ = ["ConfigTrials"]

_NAMED = 8


class ConfigTrials(Struct, frozen=True):
    """Boots of a good and a bad configuration, ``ends``, with some symbols as in the other one.

    ``names`` are what people call the two.
    """

    tree: KernelTree
    cell: Cell
    executor: Executor
    history: Path
    cache: bool
    observer: HuntObserver
    names: tuple[str, str]
    ends: tuple[Config, Config]

    def with_set_back(self, symbols: tuple[str, ...]) -> Config:
        """Return the bad configuration with symbols as in the good one."""
        good, bad = self.ends
        return self.tree.closed(changed(bad, good, symbols))

    def with_alone(self, symbols: tuple[str, ...]) -> tuple[Config, tuple[str, ...]]:
        """Return the good configuration with symbols as in the bad one, and those others that
        they depend on."""
        known = self.tree.declared
        more = needed(
            *self.ends, symbols, self.tree.closed,
            lambda name: known[name].depends if name in known else (),
        ) or ()  # fmt: skip
        return self.tree.closed(changed(*self.ends, (*more, *symbols))), more

    def set_back(self, symbols: tuple[str, ...]) -> ExperimentOutcome:
        """Boot the bad configuration with symbols as in the good one."""
        good, bad = self.names
        what = f"{bad} with {listed(symbols, _NAMED)} as in {good}"
        return self._try("set-back", what, self.with_set_back(symbols), self.ends[0], symbols)

    def alone(self, symbols: tuple[str, ...]) -> ExperimentOutcome:
        """Boot the good configuration with nothing but symbols as in the bad one."""
        good, bad = self.names
        config, more = self.with_alone(symbols)
        what = f"{good} with {listed(symbols, _NAMED)}"
        if more:
            what += f", and {listed(more, _NAMED)}, without which Kconfig does not let it be,"
        return self._try("alone", f"{what} as in {bad}", config, self.ends[1], symbols)

    def _try(
        self, name: str, what: str, config: Config, wanted: Config, symbols: tuple[str, ...]
    ) -> ExperimentOutcome:
        """Boot a configuration, unless Kconfig has made something else of it."""
        other = [each for each in symbols if config.get(each, "n") != wanted.get(each, "n")]
        outcome = ExperimentOutcome(name, what, name, 0, Verdict.SKIP, None, "", False)
        if other:
            value = config.get(other[0], "n")
            sentence = f"Kconfig makes {other[0]} {value} there, whatever is asked for"
            return replace(outcome, sentence=sentence)
        try:
            kernel = self.tree.make(config, what)
            size = KernelImage.read(kernel).payload_bytes
        except CouldNotFindOut as error:
            return replace(outcome, cause=error.cause, sentence=str(error))
        experiment = Experiment(name, what, name, replace(self.cell, kernel=str(kernel)), size)
        self.observer.experiments(0, 1)
        with History(self.history) as results:
            return next(perform([experiment], self.executor, results, cache=self.cache))
