"""Bisect configurations: which symbols, changed from a good one to a bad one, make it fail.

KernelTree -> ConfigRange -> Hunt -> the turn -> the symbols that differ on both sides of it

Every next configuration halves what differs still, until that is one symbol or cannot be divided.
Then the answer is tried: the bad configuration with the symbols set back has to boot, and the good
one with nothing but them changed has to fail. Where it does not, something else is needed too, or
is guilty as well, and that is hunted in turn.
"""

import os
from concurrent.futures import Executor
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.bisection.answer import Answer
from bootharness.bisection.bisect import HuntResult, StoppedHunt, hunted_as
from bootharness.bisection.build import Build
from bootharness.bisection.config_answer import (
    ConfigAnswer,
    Guilty,
    config_conclusion,
    guilty_of,
    named,
    unknown_symbols,
)
from bootharness.bisection.config_growth import growth_along
from bootharness.bisection.config_range import ConfigRange
from bootharness.bisection.config_trials import ConfigTrials
from bootharness.bisection.experiments import ExperimentOutcome
from bootharness.bisection.hunt import Hunt, HuntObserver
from bootharness.bisection.hunted import SLOWER
from bootharness.bisection.inquest import inquire, pictures
from bootharness.bisection.kconfig import Config, differing, read_config
from bootharness.bisection.kernel_tree import KernelTree
from bootharness.bisection.log import HuntLog, log_file
from bootharness.bisection.search import Found, Search
from bootharness.bisection.slower import measured
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.plan import BootPlan
from bootharness.routes.table import route_of
from bootharness.runs.cell import Cell
from bootharness.runs.history import history_file
from bootharness.runs.runner import limit_s
from bootharness.runs.workers import workers_of
from bootharness.text import count, listed

__all__ = ["CONFIG_CONFIDENCE", "bisect_config"]

CONFIG_CONFIDENCE = 0.8
"""How certain a search must be by itself: its answer is tried afterwards."""

_MOST_ROUNDS = 4
_NAMED = 8


class _Turn(Struct, frozen=True):
    """The last search of a stretch: on both sides of its turn are ``good`` and ``bad``."""

    searched: ConfigRange
    search: Search
    log: HuntLog
    good: Config
    bad: Config
    symbols: tuple[str, ...]

    @property
    def found(self) -> Found:
        assert isinstance(self.search.result, Found)
        return self.search.result

    @property
    def inseparable(self) -> bool:
        """Whether nothing lies between its sides; else what does told nothing."""
        return self.searched.inseparable(self.found.good, self.found.bad)


def bisect_config(
    tree: Path,
    good: Path,
    bad: Path,
    build: Build,
    plan: BootPlan | None = None,
    *,
    confidence: float = CONFIG_CONFIDENCE,
    any_cause: bool = False,
    slower: bool = False,
    executor: Executor | None = None,
    jobs: int | None = None,
    history: Path | None = None,
    cache: bool = True,
    log: Path | None = None,
    observer: HuntObserver | None = None,
) -> HuntResult:
    """Find the symbols that make a kernel fail, of those that differ between two .config files.

    ``tree`` is the kernel's source, which is only read. One kernel is built and booted at a time,
    unless ``jobs`` says more. The rest is as for `bisect`. Raises UsageError for what cannot be,
    BuildFailed when the tree completes no configuration, and StoppedHunt when the person
    stops it.
    """
    plan = plan or BootPlan()
    plan = route_of(plan).ready(plan)
    cell, jobs = Cell("", plan), jobs or 1
    with (
        KernelTree(tree, build, observer) as source,
        workers_of(executor, jobs, limit_s([cell])) as workers,
    ):
        hunt = _ConfigHunt(
            source, cell, workers, jobs, history or history_file(), cache,
            Search(2, confidence=confidence, any_cause=any_cause), log, observer or HuntObserver(),
            slower,
        )  # fmt: skip
        try:
            return hunt.run(good, bad)
        except KeyboardInterrupt:
            raise hunt.stopped() from None
        finally:
            hunt.observer.over()


class _ConfigHunt:
    def __init__(
        self, tree: KernelTree, cell: Cell, executor: Executor, jobs: int, history: Path,
        cache: bool, settings: Search, log: Path | None, observer: HuntObserver,
        slower: bool,
    ) -> None:  # fmt: skip
        self.observer, self._slower = observer, slower
        self._tree, self._cell, self._executor, self._jobs = tree, cell, executor, jobs
        self._history, self._cache, self._settings = history, cache, settings
        self._log = log
        self._stages: list[tuple[ConfigRange, HuntLog]] = []

    def run(self, good_file: Path, bad_file: Path) -> HuntResult:
        self._names = str(good_file), str(bad_file)
        asked = read_config(good_file), read_config(bad_file)
        self.observer.preparing(
            f"reading {self._tree.folder}, and having its Kconfig complete both configurations"
        )
        good, bad = (self._tree.closed(each) for each in asked)
        unknown = self._say_unknown(asked)
        self._ends = good, bad
        if not differing(good, bad):
            raise UsageError(
                f"{good_file} and {bad_file}: the tree's Kconfig makes the same configuration of "
                "both, so there is nothing to search"
            )
        turn = self._turn(good, bad, self._names)
        if not isinstance(turn, _Turn):
            return turn
        return self._answered(turn, unknown)

    def _say_unknown(self, asked: tuple[Config, Config]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for name, config in zip(self._names, asked, strict=True):
            unknown = unknown_symbols(config, self._tree.declared)
            if unknown and len(unknown) == sum(value != "n" for value in config.values()):
                raise UsageError(
                    f"{name}: {self._tree.folder} knows none of the symbols that it sets, such as "
                    f"{unknown[0]}: it is the configuration of something else"
                )
            if unknown:
                self.observer.note(
                    f"{name}: the tree does not know {count(len(unknown), 'symbol')} of it, which "
                    f"{'is' if len(unknown) == 1 else 'are'} left out: "
                    f"{listed(unknown, _NAMED)}"
                )
            found.update(dict.fromkeys(unknown))
        return tuple(found)

    def _turn(self, good: Config, bad: Config, ends: tuple[str, str]) -> _Turn | HuntResult:
        """Return where a stretch turns bad, as narrow as Kconfig lets it be, or the search that
        found no place."""
        turn: _Turn | None = None
        while True:
            searched = ConfigRange(self._tree, good, bad, ends)
            search, log = self._searched(searched)
            if not isinstance(search.result, Found):
                swapped = "the first is bad and the last is good: give them in the other order"
                lost = replace(self._result(searched, log), advice=swapped * search.swapped)
                return turn or self._whole(lost)
            found = search.result
            good, bad = searched.config(found.good), searched.config(found.bad)
            turn = _Turn(searched, search, log, good, bad, differing(good, bad))
            if found.bad - found.good > 1 or len(turn.symbols) == 1:
                return turn
            ends = searched.label(found.good), searched.label(found.bad)
            self.observer.note(f"{count(len(turn.symbols), 'symbol')} differ there; on with them")

    def _searched(self, searched: ConfigRange) -> tuple[Search, HuntLog]:
        if self._slower and not self._stages:
            plan = measured(searched, self._cell.plan, self._executor, self._history,
                            cache=self._cache, observer=self.observer)  # fmt: skip
            self._cell = replace(self._cell, plan=plan)
            self._settings = replace(self._settings, cause=SLOWER)
        search = replace(self._settings, size=len(searched))
        hunted = hunted_as(searched, self._cell.plan)
        self.observer.begun(searched, self._jobs)
        with HuntLog(self._log_of(hunted), hunted) as written:
            if not written.seen:
                self._take_over(searched, written)
            self._stages.append((searched, written))
            hunt = Hunt(searched, self._cell, written, self._executor, self._history,
                        workers=self._jobs, cache=self._cache)  # fmt: skip
            hunt.run(search, self.observer)
            return self._search_of(searched, written), written

    def _take_over(self, searched: ConfigRange, log: HuntLog) -> None:
        """Write down what earlier searches have seen of the ends of another one."""
        earlier = [each for _, other in self._stages for each in other.seen if each.source]
        for position in (len(searched) - 1, 0):
            source, label = searched.ready(position), searched.label(position)
            # some were taken over themselves
            same = {(each.seconds, each.verdict): each for each in earlier if each.source == source}
            for each in same.values():
                log.add(replace(each, position=position, label=label, cached=True))

    def _search_of(self, searched: ConfigRange, log: HuntLog) -> Search:
        seen = (each.observation for each in log.seen)
        return replace(self._settings, size=len(searched), void=searched.void).observed(*seen)

    def _result(self, searched: ConfigRange, log: HuntLog) -> HuntResult:
        search = self._search_of(searched, log)
        return HuntResult(searched.title, search, tuple(log.seen), None, self._cell.plan)

    def _whole(self, result: HuntResult) -> HuntResult:
        """Return a result that has all searches."""
        stages = tuple(self._result(*stage) for stage in self._stages)
        return replace(result, stages=stages if len(stages) > 1 else ())

    def _log_of(self, hunted: dict[str, object]) -> Path:
        """Return where a search is written down; those after the first have a log of their own."""
        if self._log is None:
            return log_file(hunted)
        number = len(self._stages)
        return self._log.with_name(f"{self._log.name}.{number + 1}") if number else self._log

    def _answered(self, turn: _Turn, unknown: tuple[str, ...]) -> HuntResult:
        first, first_log = self._stages[0]
        guilty = self._guilty(turn.symbols)
        several = len(guilty) > 1
        answer = self._inquired(turn, guilty, cache=self._cache)
        config = ConfigAnswer(
            *self._names, len(first.symbols), self._booted(), guilty,
            together=several and turn.inseparable, untold=several and not turn.inseparable,
            unknown=unknown,
        )  # fmt: skip
        if _by_size(answer):
            config = replace(config, growth=growth_along(first, first_log.seen, self.observer))
            tried: list[ExperimentOutcome] = []
            said = config_conclusion(config, answer.bad.cause, set_back=None, alone=None)
        else:
            config, tried = self._tried(config, turn, answer.bad.cause)
            back, alone = (_what_it_says(each, answer.bad.cause) for each in tried)
            said = config_conclusion(
                config, answer.bad.cause,
                set_back=None if back is None else back is Verdict.GOOD,
                alone=None if alone is None else alone is Verdict.BAD,
            )  # fmt: skip
        if config.guilty != guilty:  # it took more: its experiments are known by now
            answer = self._inquired(turn, config.guilty, cache=True)
        answer = replace(
            answer,
            outcomes=(*tried, *answer.outcomes),
            conclusion=f"{said}; {answer.conclusion}",
            candidates=(answer.bad.label,),
        )
        drawn = pictures(turn.found, self._cell, turn.log, self._history,
                         sought=turn.search.sought)  # fmt: skip
        config = replace(config, boots=self._booted())
        result = self._result(turn.searched, turn.log)
        return self._whole(replace(result, answer=answer, pictures=drawn, config=config))

    def _inquired(self, turn: _Turn, guilty: tuple[Guilty, ...], *, cache: bool) -> Answer:
        """Return the answer of the last search, the bad side called by the guilty symbols."""
        turn.log.seen = [
            replace(each, label=named(guilty)) if each.position == turn.found.bad else each
            for each in turn.log.seen
        ]
        return inquire(turn.found, turn.searched, self._cell, turn.log, self._executor,
                       self._history, sought=turn.search.sought, cache=cache,
                       observer=self.observer)  # fmt: skip

    def _guilty(self, symbols: tuple[str, ...]) -> tuple[Guilty, ...]:
        return guilty_of(symbols, *self._ends, self._tree.declared)

    def _booted(self) -> int:
        return sum(
            bool(each.key) and not each.cached for _, log in self._stages for each in log.seen
        )

    def _tried(
        self, config: ConfigAnswer, turn: _Turn, cause: str | None
    ) -> tuple[ConfigAnswer, list[ExperimentOutcome]]:
        """Return the answer with what else is needed or guilty, and the last two experiments."""
        trials = ConfigTrials(
            self._tree, self._cell, self._executor, self._history, self._cache, self.observer,
            self._names, self._ends,
        )  # fmt: skip
        symbols, bad_side = turn.symbols, turn.bad
        alone = trials.alone(symbols)
        for _ in range(_MOST_ROUNDS):
            if _what_it_says(alone, cause) is not Verdict.GOOD:
                break
            self.observer.note(f"{alone.what} boots: it takes more, which is hunted now")
            ends = f"{self._names[0]} with these", "what failed with them"
            more = self._turn(trials.with_alone(symbols)[0], bad_side, ends)
            if not isinstance(more, _Turn) or not set(more.symbols) - set(symbols):
                break
            symbols = tuple(dict.fromkeys((*more.symbols, *symbols)))
            config = replace(config, guilty=self._guilty(symbols), together=False, untold=False)
            bad_side, alone = more.bad, trials.alone(symbols)
        gone, others = symbols, list(config.others)
        back = trials.set_back(gone)
        for _ in range(_MOST_ROUNDS):
            if _what_it_says(back, cause) is not Verdict.BAD:
                break
            self.observer.note(
                f"{back.what} fails still: there is another one, which is hunted now"
            )
            other = self._turn(self._ends[0], trials.with_set_back(gone),
                               (self._names[0], f"{self._names[1]} without these"))  # fmt: skip
            if not isinstance(other, _Turn) or not set(other.symbols) - set(gone):
                break
            others.append(self._guilty(other.symbols))
            gone = tuple(dict.fromkeys((*gone, *other.symbols)))
            back = trials.set_back(gone)
        return replace(config, others=tuple(others)), [back, alone]

    def stopped(self) -> StoppedHunt:
        """Return what is known when the person stops it."""
        self.observer.over()
        if not self._stages:
            path = self._log or Path(os.devnull)
            nothing = HuntResult(
                "nothing was booted yet", self._settings, (), None, self._cell.plan
            )
            return StoppedHunt(nothing, path)
        searched, log = self._stages[-1]
        return StoppedHunt(self._whole(self._result(searched, log)), log.path)


def _what_it_says(outcome: ExperimentOutcome, cause: str | None) -> Verdict | None:
    """Return what an experiment says about the sought cause; another cause says nothing."""
    if outcome.verdict is Verdict.SKIP or (
        outcome.verdict is Verdict.BAD and outcome.cause != cause
    ):
        return None
    return outcome.verdict


def _by_size(answer: Answer) -> bool:
    """Return whether the good kernel, grown to the bad one's size, fails as that does."""
    return any(
        each.name == "grown" and each.verdict is Verdict.BAD and each.cause == answer.bad.cause
        for each in answer.outcomes
    )
