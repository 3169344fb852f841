"""A hunt through a history: the main line first, then whatever branch a merge has brought in.

    main line -> a merge? -> each of its other parents, and the branch that it ends
                               bad:  on with that branch
                               good: all of them, so it is the merge itself

A hunt for a fix is the same from the newest commit to the oldest.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bootharness.bisection.bisect import HuntResult, StoppedHunt, bisect
from bootharness.bisection.build import Build
from bootharness.bisection.culprit import culprit_of, letter, what_trials_say
from bootharness.bisection.experiments import ExperimentOutcome
from bootharness.bisection.git import Repository, short
from bootharness.bisection.git_range import GitRange
from bootharness.bisection.hunt import HuntObserver
from bootharness.bisection.replay import replay
from bootharness.bisection.reverts import trials, tried
from bootharness.bisection.search import Found, Search
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import BuildFailed
from bootharness.host.cache import state_dir
from bootharness.plan import BootPlan
from bootharness.report.again import command
from bootharness.routes.table import route_of
from bootharness.runs.cell import Cell
from bootharness.runs.history import history_file
from bootharness.runs.runner import limit_s
from bootharness.runs.workers import workers_of

__all__ = ["bisect_commits"]


def bisect_commits(
    repository: Path, good: str, bad: str, build: Build, plan: BootPlan | None = None,
    *, fix: bool = False, builds_only: bool = False, jobs: int | None = None,
    build_jobs: int | None = None, log: Path | None = None,
    observer: HuntObserver | None = None, **how: Any,
) -> HuntResult:  # fmt: skip
    """Find the first bad commit behind ``good`` up to ``bad``, in merged branches too.

    With ``fix`` the older commit is the bad one, and the first good one behind it is sought; with
    ``builds_only`` the first commit that does not build, and nothing is booted. So many as
    ``build_jobs`` are built at a time, by default one where the build command does several things
    at once itself, else as many as boot. As many boot: whoever tries two places at once builds a
    third more commits. ``how`` is for `bisect`, as is the rest. The result has every stage of the
    hunt, the main line and branches.
    """
    cores = len(os.sched_getaffinity(0))
    builds = build_jobs or (1 if build.parallel else jobs or cores)
    jobs = jobs or (builds if build.parallel else cores)
    hunt = _HistoryHunt(repository, build, plan, builds, log, observer or HuntObserver(), fix,
                        {**how, "jobs": jobs, "builds_only": builds_only})  # fmt: skip
    return hunt.run(good, bad)


class _Branch(Struct, frozen=True):
    """What came of a branch: what was ``found`` in it, or in words what it says of the merge, or
    leaves ``undecided``. Nothing of all this where the branch is not to blame."""

    found: HuntResult | None = None
    told: str = ""
    undecided: str = ""


class _HistoryHunt:
    """Notes every stage of a hunt as it goes."""

    def __init__(
        self, repository: Path, build: Build, plan: BootPlan | None, builds: int,
        log: Path | None, observer: HuntObserver, fix: bool, how: dict[str, Any],
    ) -> None:  # fmt: skip
        self._folder, self._repository = repository, Repository.at(repository)
        self._build, self._plan, self._builds = build, plan, builds
        self._log, self._observer, self._fix, self._how = log, observer, fix, how
        self._stages: list[HuntResult] = []
        self._commits: list[tuple[str, ...]] = []
        self._of_merges: list[str] = []

    def run(self, good: str, bad: str) -> HuntResult:
        try:
            self._repository.check_related(good, bad)
            with self._range(good, bad) as searched:
                result = self._searched(searched, None)
            if result.answer:
                result = self._blamed(self._settled(result, searched.commits), (good, bad))
            else:
                result = replace(result, advice=self._advice(result, searched, good))
        except StoppedHunt as stopped:
            stopped.result = self._whole(stopped.result)
            raise
        return self._whole(result)

    def _whole(self, result: HuntResult) -> HuntResult:
        searches = (stage.search for stage in self._stages)
        told = replay(self._repository, [*zip(self._commits, searches, strict=True)],
                      fix=self._fix, hunted=result.hunted)  # fmt: skip
        if len(self._stages) > 1:
            result = replace(result, title=self._stages[0].title, stages=tuple(self._stages))
        return replace(result, replay=told, built=self._build.by)

    def _range(self, good: str, bad: str) -> GitRange:
        return GitRange(self._folder, good, bad, self._build, self._builds, fix=self._fix,
                        observer=self._observer)  # fmt: skip

    def _searched(self, searched: GitRange, cause: str | None) -> HuntResult:
        """Return what comes of one stage; ``cause`` is what an earlier one has looked for."""
        log = self._log
        if log and self._stages:
            ends = (short(searched.commits[at]) for at in (0, -1))
            log = log.with_name(f"{log.name}.{'-'.join(ends)}")
        self._commits.append(searched.commits)
        try:
            result = bisect(searched, self._plan, fix=self._fix, cause=cause, log=log,
                            observer=self._observer, **self._how)  # fmt: skip
        except StoppedHunt as stopped:
            self._stages.append(stopped.result)
            raise
        self._stages.append(result)
        if self._how.get("slower"):  # what is slow has been measured at the ends
            self._plan, self._how = result.plan, {**self._how, "slower": False}
        return result

    def _settled(self, result: HuntResult, commits: tuple[str, ...]) -> HuntResult:
        """Return the result for what a stage has found, the merged branches looked through."""
        found = result.search.result
        assert isinstance(found, Found)
        if len(found.candidates) > 1:
            return result
        turned, before = commits[found.bad], commits[found.good]
        if self._fix:
            turned, before = before, turned
        parents = self._repository.parents(turned)
        if len(parents) < 2:
            return result
        ends = []
        for parent in parents:
            if not self._repository.is_ancestor(parent, before):
                end = self._branch(turned, before, parent, result.search.sought)
                if end.found:
                    return self._saying(end.found, f"the merge {short(turned)} brought it in")
                ends.append(end)
        if told := "; ".join(each.told for each in ends if each.told):
            return self._saying(result, told)
        if undecided := "; ".join(each.undecided for each in ends if each.undecided):
            said = f"the merge, or a commit of a branch that it brought in: {undecided}"
            return replace(self._saying(result, said), undecided=undecided)
        said = "none of its parents boots" if self._fix else "all its parents boot"
        if self._how["builds_only"]:
            said = "none of its parents builds" if self._fix else "all its parents build"
        return self._saying(result, f"the merge itself: {said}")

    def _saying(self, result: HuntResult, words: str) -> HuntResult:
        """Return the result with what there is to say about a merge."""
        assert result.answer
        self._of_merges.append(words)
        answer = replace(result.answer, conclusion=f"{words}; {result.answer.conclusion}")
        return replace(result, answer=answer)

    def _blamed(self, result: HuntResult, ends: tuple[str, str]) -> HuntResult:
        """Return the result with what git knows of the commit, and with what comes of it reverted
        at the newer end and applied at the older one; ``ends`` are what people call them."""
        answer = result.answer
        if answer is None or len(answer.candidates) > 1 or result.undecided:
            return result
        culprit = culprit_of(self._repository, answer.candidates[0].split(" ")[0], fix=self._fix)
        outcomes: list[ExperimentOutcome] = []
        result = replace(result, culprit=culprit)
        if not self._how["builds_only"]:
            try:
                self._try(culprit.commit, ends, outcomes)
            except KeyboardInterrupt:
                self._observer.over()
                raise StoppedHunt(result, self._log or state_dir() / "hunts") from None
        said = what_trials_say(outcomes, answer.bad.cause, fix=self._fix)
        answer = replace(
            answer,
            outcomes=(*outcomes, *answer.outcomes),
            conclusion="; ".join(part for part in (answer.conclusion, said) if part),
        )
        if not self._fix:
            only = self._how["builds_only"]
            tries = sum(only or bool(each.key) for stage in self._stages for each in stage.boots)
            again = self._build.command
            if not only:
                again += f" && {command(self._build.image, result.plan)}"
            good, bad = map(self._repository.called, ends)
            text = letter(culprit, answer, outcomes, ends=(good, bad), tries=tries, reproduce=again,
                          builds_only=only, built=self._build.by,
                          configured=self._build.config is not None,
                          of_merges=self._of_merges)  # fmt: skip
            culprit = replace(culprit, letter=text)
        return replace(result, answer=answer, culprit=culprit)

    def _try(self, commit: str, ends: tuple[str, str], outcomes: list[ExperimentOutcome]) -> None:
        plan = self._plan or BootPlan()
        cell = Cell("", route_of(plan).settled(plan))
        oldest, newest = (
            (self._repository.commit(name), self._repository.called(name)) for name in ends
        )
        wanted = trials(commit, oldest, newest)
        history = self._how.get("history") or history_file()
        with workers_of(self._how.get("executor"), 1, limit_s([cell])) as workers:
            done = tried(wanted, self._repository, self._build, cell, workers, history,
                         cache=self._how.get("cache", True), observer=self._observer)  # fmt: skip
            for number in range(len(wanted)):
                self._observer.experiments(number, len(wanted))
                outcomes.append(next(done))
        self._observer.over()

    def _branch(self, merge: str, before: str, end: str, cause: str | None) -> "_Branch":
        """Return what the branch up to a merge's parent says about the merge."""
        with self._range(before, end) as branch:
            tip = 0 if self._fix else len(branch) - 1
            beginning = len(branch) - 1 - tip
            subject = self._repository.of([merge], "%s")[merge]
            self._observer.branch(f"{short(merge)} {subject}", branch.label(tip))
            if len(branch) < 2:
                return _Branch(undecided=f"{branch.label(0)} is all that there is of its branch")
            result = self._searched(branch, cause)
            if result.answer:
                return _Branch(found=self._settled(result, branch.commits))
            if result.search.is_against(tip):  # it ends as what was there before the merge
                return _Branch()
            lost = result.lost
            if lost and lost.position == beginning and result.search.is_against(beginning):
                return _Branch(told=self._from_its_beginning(branch, tip))
            reason = lost.reason if lost else "it has no end"
            return _Branch(undecided=f"{branch.label(tip)}: {reason}")

    def _from_its_beginning(self, branch: GitRange, tip: int) -> str:
        first = branch.label(len(branch) - 1 - tip)
        if self._fix:
            return f"the branch of {branch.label(tip)} has been good since it began, at {first}"
        return (
            f"the branch of {branch.label(tip)} has been bad since it began, at {first}: the merge "
            "brought back what was mended before GOOD"
        )

    def _advice(self, result: HuntResult, searched: GitRange, good: str) -> str:
        """Return what to do about a hunt that has found nothing, as far as that is known."""
        return "; ".join(self._advices(result, searched, good))

    def _advices(self, result: HuntResult, searched: GitRange, good: str) -> Iterator[str]:
        search, lost = result.search, result.lost
        last = len(searched) - 1
        if lost is None or lost.position is None:
            return
        if search.swapped:
            if self._fix:
                yield "the older commit is good and the newer one bad: leave out --find-fix"
            else:
                yield "GOOD is bad and BAD is good: did you want --find-fix?"
            return
        if searched.forked and lost.position == 0 and not self._fix and _saw_bad(search):
            base = searched.commits[0]
            yield (
                f"the merge base {searched.label(0)} is bad already, so it was mended on the "
                f"branch of {good}: to find what did it, `bootharness bisect git --find-fix "
                f"{short(base)} {good}` and the same options"
            )
        ends_failed = [
            each for each in search.observations
            if each.position == lost.position and each.cause == BuildFailed.cause
        ]  # fmt: skip
        told = self._fix or self._how["builds_only"]
        if ends_failed and lost.position == last and not told:
            yield "to find the first commit that does not build, give --find-broken-build"


def _saw_bad(search: Search) -> bool:
    return any(each.position == 0 and each.verdict is Verdict.BAD for each in search.observations)
