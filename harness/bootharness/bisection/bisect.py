"""Bisect: hunt through a range, try the answer, and say what was found.

Range, BootPlan -> Hunt -> Search -> Found -> inquire -> Answer
"""

import os
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, to_builtins

from bootharness.bisection.answer import Answer
from bootharness.bisection.config_answer import ConfigAnswer
from bootharness.bisection.culprit import Culprit
from bootharness.bisection.hunt import Hunt, HuntObserver
from bootharness.bisection.hunted import SLOWER, hunted
from bootharness.bisection.inquest import inquire, pictures
from bootharness.bisection.log import HuntLog, Seen, log_file
from bootharness.bisection.ranges import KernelRange, Range, kernel_range
from bootharness.bisection.search import DEFAULT_CONFIDENCE, Found, Lost, Search
from bootharness.bisection.slower import measured
from bootharness.bisection.toolchain_range import ToolchainRange
from bootharness.errors import COULD_NOT_FIND_OUT, Interrupted
from bootharness.plan import QEMU, BootPlan
from bootharness.routes.table import route_of
from bootharness.runs.cell import Cell
from bootharness.runs.history import history_file
from bootharness.runs.identity import own_version
from bootharness.runs.picture import Picture
from bootharness.runs.runner import limit_s
from bootharness.runs.workers import Workers, workers_of
from bootharness.text import count

__all__ = ["HuntResult", "StoppedHunt", "bisect", "hunted_as"]


_MOST_AT_ONCE = 16


class HuntResult(Struct, frozen=True):
    """What came of a hunt: the search as it ended, every boot in order, and the answer if there
    is one. ``plan`` is how each was booted, and ``pictures`` are those of the last good boot and
    of the first bad one. ``replay`` is what `git bisect replay` takes, empty where nothing is of
    git. Of a hunt of several stages, through a history and merged branches, ``stages`` has all in
    order, and the rest is of the one with the answer. ``undecided`` says what of an answer is
    open, and ``advice`` what to do about a hunt that has found nothing. ``config`` is there where
    configurations were searched, ``culprit`` where a commit was found. ``built`` is what has built
    the kernels, empty where they were there.
    """

    title: str
    search: Search
    boots: tuple[Seen, ...]
    answer: Answer | None
    plan: BootPlan = BootPlan()
    pictures: tuple[Picture, Picture] = (Picture(), Picture())
    replay: str = ""
    stages: tuple["HuntResult", ...] = ()
    undecided: str = ""
    advice: str = ""
    config: ConfigAnswer | None = None
    culprit: Culprit | None = None
    built: str = ""

    @property
    def hunted(self) -> str:
        """What was sought: a cause, with the pattern that a person gave it."""
        sought = hunted(self.search.sought, self.plan)
        return f"the end of {sought}" if self.answer and self.answer.fix else sought

    @property
    def lost(self) -> Lost | None:
        """Why there is no answer, None where there is one."""
        return self.search.result if isinstance(self.search.result, Lost) else None

    @property
    def exit_status(self) -> int:
        """0 found, 125 not found out."""
        return 0 if self.answer and not self.undecided else COULD_NOT_FIND_OUT


class StoppedHunt(Interrupted):
    """A hunt that the person has stopped: ``result`` is what is known by then."""

    def __init__(self, result: HuntResult, log: Path) -> None:
        super().__init__(
            f"interrupted after {count(len(result.boots), 'boot')}; the same command goes on from "
            f"here ({log})"
        )
        self.result = result


def bisect(
    searched: Range | Sequence[str],
    plan: BootPlan | None = None,
    *,
    confidence: float = DEFAULT_CONFIDENCE,
    any_cause: bool = False,
    cause: str | None = None,
    fix: bool = False,
    builds_only: bool = False,
    slower: bool = False,
    executor: Executor | None = None,
    jobs: int | None = None,
    history: Path | None = None,
    cache: bool = True,
    log: Path | None = None,
    observer: HuntObserver | None = None,
) -> HuntResult:
    """Find the first bad one of a range, and why it is bad.

    ``searched`` are kernels by their sources, or a range; each of them is booted by ``plan``.
    ``confidence`` is how certain the answer must be; with ``any_cause`` every bad boot is taken
    for the one that is sought, and with ``cause`` only those with that one. A ``fix`` is in a
    range that begins with what is mended; with ``builds_only`` nothing is booted, and the first one
    is sought that does not build; with ``slower`` the first one whose boots take the guest longer.
    ``executor`` boots, ``jobs`` at once; without one workers are
    started on this machine, one on each core. Results go to the file ``history``, and without
    ``cache`` none is taken from it; the hunt is written down in the file ``log``. Raises
    UsageError for what cannot be, NotSlower where no end is slower, and StoppedHunt when the
    person stops it.
    """
    plan = plan or BootPlan()
    route = route_of(plan)
    plan = route.ready(plan)
    if isinstance(searched, Sequence):
        searched = kernel_range(searched, route)
    observer = observer or HuntObserver()
    jobs = (jobs or _at_once(executor)) if plan.host == QEMU else 1  # a real machine is one
    results = history or history_file()
    with (
        workers_of(executor, jobs, limit_s([Cell("", plan)])) as workers,
        ExitStack() as stack,
    ):
        if slower:
            plan = measured(searched, plan, workers, results, cache=cache, observer=observer)
            cause = SLOWER
        cell, same = Cell("", plan), hunted_as(searched, plan)
        if builds_only:
            same["builds_only"] = True
        search = Search(len(searched), confidence=confidence, any_cause=any_cause, cause=cause,
                        builds_only=builds_only)  # fmt: skip
        observer.begun(searched, jobs)
        written = stack.enter_context(HuntLog(log or log_file(same), same))
        hunt = Hunt(searched, cell, written, workers, results, workers=jobs, cache=cache,
                    builds_only=builds_only)  # fmt: skip
        answer, drawn = None, (Picture(), Picture())
        try:
            search = hunt.run(search, observer)
            if isinstance(search.result, Found):
                answer = inquire(search.result, searched, cell, written, workers, results,
                                 sought=search.sought, cache=cache, observer=observer, fix=fix,
                                 builds_only=builds_only)  # fmt: skip
                drawn = pictures(search.result, cell, written, results, sought=search.sought)
        except KeyboardInterrupt:
            observer.over()
            if not search.observations:
                search = search.observed(*(each.observation for each in written.seen))
            stopped = HuntResult(searched.title, search, tuple(written.seen), None, plan)
            raise StoppedHunt(stopped, written.path) from None
        observer.over()
        advice = ""
        if search.swapped and isinstance(searched, KernelRange | ToolchainRange):
            advice = "the first is bad and the last is good: give them in the other order"
        return HuntResult(searched.title, search, tuple(written.seen), answer, plan, drawn,
                          advice=advice)  # fmt: skip


def _at_once(executor: Executor | None) -> int:
    """Return how many boots usually go on at once: more than so many are of little use to a search,
    which halves."""
    if isinstance(executor, Workers):
        return min(executor.slots, _MOST_AT_ONCE)
    return len(os.sched_getaffinity(0))


def hunted_as(searched: Range, plan: BootPlan) -> dict[str, Any]:
    """Return what makes a hunt the same one."""
    same: dict[str, Any] = msgspec.to_builtins(
        {
            "range": type(searched).__name__,
            "of": searched.described,
            "plan": to_builtins(plan),
            "ingredients": route_of(plan).ingredients(plan),
            "harness": own_version(),
        }
    )
    return same
