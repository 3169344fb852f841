"""A commit reverted at the bad end, and applied at the good one: is it what makes the difference?

All of it is done in a clone of the harness's own, and nothing is committed.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.bisection.build import Build, BuildObserver
from bootharness.bisection.clones import Clone, Clones
from bootharness.bisection.conflict import in_the_way
from bootharness.bisection.experiments import Experiment, ExperimentOutcome, perform
from bootharness.bisection.git import Repository, git, short
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import BuildFailed, CouldNotFindOut
from bootharness.host.workspace import Workspace
from bootharness.kernels.image import KernelImage
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.text import listed

__all__ = ["Trial", "trials", "tried"]

_LISTED = 4


class Trial(Struct, frozen=True):
    """A commit that is reverted, or applied, at another one, which people call so."""

    name: str
    commit: str
    at: str
    called: str

    @property
    def what(self) -> str:
        """What is booted, in words."""
        return f"{self.called} with {short(self.commit)} {self.name}"


def trials(commit: str, oldest: tuple[str, str], newest: tuple[str, str]) -> tuple[Trial, ...]:
    """Return what to try of a commit, given the ends of the range by digest and name."""
    return Trial("reverted", commit, *newest), Trial("applied", commit, *oldest)


def tried(
    wanted: tuple[Trial, ...], repository: Repository, build: Build, cell: Cell,
    executor: Executor, history: Path, *, cache: bool, observer: BuildObserver,
) -> Iterator[ExperimentOutcome]:  # fmt: skip
    """Yield what came of each trial; one that does not merge, or cannot be built, says nothing."""
    clones = Clones(repository.folder, 1, build.limit_s)
    with Workspace() as workspace, History(history) as results:
        for each in wanted:
            outcome = ExperimentOutcome(
                each.name, each.what, each.name, 0, Verdict.SKIP, None, "", False
            )
            try:
                with clones.at(each.at) as clone, _changed(clone, each, repository) as tree:
                    kernel = build.make(tree, clone.tree, clone.objects, workspace, each.what,
                                        observer)  # fmt: skip
                    size = 0 if build.folder else KernelImage.read(kernel).payload_bytes
            except CouldNotFindOut as error:
                yield replace(outcome, sentence=str(error))
                continue
            booted = Experiment(
                each.name, each.what, each.name, replace(cell, kernel=str(kernel)), size
            )
            yield from perform([booted], executor, results, cache=cache)


@contextmanager
def _changed(clone: Clone, trial: Trial, repository: Repository) -> Iterator[str]:
    """Change a clone's tree, and give the digest of what it is then. Raises BuildFailed where that
    does not merge, or changes nothing."""
    verb = "revert" if trial.name == "reverted" else "cherry-pick"
    merge = ["--mainline", "1"] if len(repository.parents(trial.commit)) > 1 else []
    try:
        try:
            git(clone.tree, verb, "--no-commit", *merge, trial.commit)
        except BuildFailed as error:
            raise _unmerged(clone, trial, repository) or error from None
        tree = git(clone.tree, "write-tree").strip()
        if tree == git(clone.tree, "rev-parse", "HEAD^{tree}").strip():
            raise BuildFailed(f"it is {trial.name} there already: nothing changes")
        yield tree
    finally:
        with suppress(BuildFailed):
            git(clone.tree, "reset", "--quiet", "--hard")


def _unmerged(clone: Clone, trial: Trial, repository: Repository) -> BuildFailed | None:
    """Return the error that names what does not merge, None where that is not why."""
    said = git(clone.tree, "diff", "--name-only", "-z", "--diff-filter=U")
    files = [name for name in said.split("\0") if name]
    if not files:
        return None
    why = "earlier commits are lacking there, or others have changed the same lines of"
    if trial.name == "reverted":
        later = in_the_way(repository, trial.commit, trial.at, files) or ("later commits",)
        verb = "changes" if len(later) == 1 and later[0] != "later commits" else "change"
        why = f"{' and '.join(later)} {verb} the same lines of"
    return BuildFailed(f"it cannot be {trial.name} there, for {why} {listed(files, _LISTED)}")
