"""What `git bisect replay` takes: every stage of a hunt, so that git names the same commit."""

from collections.abc import Sequence

from bootharness.bisection.git import Repository, short
from bootharness.bisection.search import Search
from bootharness.diagnosis.verdict import Verdict
from bootharness.text import printable

__all__ = ["replay"]

_NAMES = {Verdict.GOOD: "good", Verdict.BAD: "bad", Verdict.SKIP: "skip"}
_FIX_NAMES = {Verdict.GOOD: "new", Verdict.BAD: "old", Verdict.SKIP: "skip"}


def replay(
    repository: Repository, stages: Sequence[tuple[tuple[str, ...], Search]], *, fix: bool = False,
    hunted: str = "",
) -> str:  # fmt: skip
    """Return the log of a hunt; a stage is its commits, position by position, and its search.
    ``hunted`` is what was sought, for who reads it.

    git keeps one commit of the later kind, the last that it is told of, and none in the history
    of an earlier one: what it could not take is a comment.
    """
    told: dict[str, Verdict] = {}
    for commits, search in stages:
        # from the newest: each says more than the one before it
        positions = sorted({each.position for each in search.observations}, reverse=not fix)
        for position in positions:
            told.setdefault(commits[position], _verdict(search, position))
    if not told:
        return ""
    names, later = (_FIX_NAMES, Verdict.GOOD) if fix else (_NAMES, Verdict.BAD)
    earlier = [each for each in told if told[each] not in (later, Verdict.SKIP)]
    subjects = repository.of(told, "%s")
    lines, newest = ["git bisect start"], ""
    if hunted:
        lines.append(f"# hunted: {printable(hunted)}")
    for commit, verdict in told.items():
        lines.append(f"# {names[verdict]}: {short(commit)} {subjects.get(commit, '')}")
        if verdict is later:
            if (newest and not repository.is_ancestor(commit, newest)) or any(
                repository.is_ancestor(commit, each) for each in earlier
            ):
                continue
            newest = commit
        lines.append(f"git bisect {names[verdict]} {commit}")
    return "\n".join(lines) + "\n"


def _verdict(search: Search, position: int) -> Verdict:
    """Return what a position said more often, its flickering aside."""
    tally = search.tallies.get(position)
    if tally is None:
        return Verdict.SKIP
    return Verdict.BAD if tally.bad > tally.good else Verdict.GOOD
