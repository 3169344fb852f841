"""With which later commit of the main line the revert of a commit does not go together.

A revert is a merge of three states of each file: the commit's, the one before it, and the present
one. So the first commit after which that merge fails is found without a checkout.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from bootharness.bisection.git import Repository, cited, git
from bootharness.errors import BuildFailed
from bootharness.host.workspace import Workspace

__all__ = ["in_the_way"]

_MOST_COMMITS = 100
_MOST_NAMED = 2


def in_the_way(
    repository: Repository, commit: str, tip: str, files: Iterable[str]
) -> tuple[str, ...]:
    """Return the commits between one that cannot be reverted and a tip that are why, one for each
    of the files that do not merge, as people write them; none where that cannot be had."""
    found: dict[str, None] = {}
    try:
        for file in files:
            first = next(_failing(repository, commit, tip, file), None)
            if first is None:
                return ()  # of a file that was renamed git knows more
            found[first] = None
        subjects = repository.of(found, "%s")
    except BuildFailed:
        return ()
    named = [cited(each, subjects[each]) for each in found]
    more = (f"{len(named) - _MOST_NAMED} more",) if len(named) > _MOST_NAMED else ()
    return (*named[:_MOST_NAMED], *more)


def _failing(repository: Repository, commit: str, tip: str, file: str) -> Iterator[str]:
    """Yield the commits of the main line after which a file does not merge any more, in order."""
    folder = repository.folder
    later = git(folder, "rev-list", "--first-parent", "--reverse", f"{commit}..{tip}", "--", file)
    before, own = _content(folder, f"{commit}^1", file), _content(folder, commit, file)
    with Workspace() as workspace:
        for each in later.split()[:_MOST_COMMITS]:
            now = _content(folder, each, file)
            if now != own and not _merges(workspace.path, now, own, before):
                yield each


def _content(folder: Path, commit: str, file: str) -> str | None:
    """Return a file as it is in a commit, None where it is not there."""
    if not git(folder, "ls-tree", commit, "--", file):
        return None
    return git(folder, "cat-file", "blob", f"{commit}:{file}")


def _merges(folder: Path, now: str | None, own: str | None, before: str | None) -> bool:
    """Return whether a file that has changed since goes together with what was before."""
    if now is None or own is None or before is None:
        return now == before
    names = ("now", "own", "before")
    for name, text in zip(names, (now, own, before), strict=True):
        (folder / name).write_text(text)
    try:
        git(folder, "merge-file", "-p", "--quiet", *names)
    except BuildFailed:
        return False
    return True
