"""A commit that is to blame, as git knows it, and what to send about it."""

from collections.abc import Sequence

from msgspec import Struct

from bootharness.bisection.answer import Answer
from bootharness.bisection.experiments import ExperimentOutcome
from bootharness.bisection.git import Repository, cited, git
from bootharness.bisection.hunted import SLOWER
from bootharness.diagnosis.verdict import Verdict
from bootharness.text import count, printable

__all__ = ["Culprit", "culprit_of", "letter", "what_trials_say"]

_STAT_COLUMNS = 80
_STAT_LINES = 40


class Culprit(Struct, frozen=True):
    """A commit: who wrote it and when, what it changes, and what is written about it.

    ``fixes`` is the line for the patch that mends it, ``regzbot`` the one for the bot that keeps
    the kernel's regressions, and ``letter`` a text to send. They are empty for a commit that is a
    fix itself.
    """

    commit: str
    subject: str
    author: str
    date: str
    diffstat: tuple[str, ...]
    fixes: str = ""
    regzbot: str = ""
    letter: str = ""


def culprit_of(repository: Repository, name: str, *, fix: bool) -> Culprit:
    """Return what git knows of a commit. Raises UsageError, or BuildFailed when git fails."""
    commit = repository.commit(name)
    subject, author, date = (
        repository.of([commit], what)[commit] for what in ("%s", "%an <%ae>", "%aI")
    )
    return Culprit(
        commit=commit,
        subject=subject,
        author=author,
        date=date,
        diffstat=tuple(_diffstat(repository, commit)),
        fixes="" if fix else f"Fixes: {cited(commit, subject)}",
        regzbot="" if fix else f"#regzbot introduced: {commit}",
    )


def _diffstat(repository: Repository, commit: str) -> list[str]:
    """Return which files a commit changes, and how much; of a merge, against its first parent."""
    said = git(
        repository.folder, "diff", "--no-color", "--no-ext-diff", "--no-textconv",
        f"--stat={_STAT_COLUMNS}", f"--stat-count={_STAT_LINES}", f"{commit}^1", commit,
    )  # fmt: skip
    return [line.strip() for line in said.splitlines()]


def what_trials_say(outcomes: Sequence[ExperimentOutcome], cause: str | None, *, fix: bool) -> str:
    """Return what a commit reverted and applied says together; nothing where neither could be
    done."""
    said = []
    for each in outcomes:
        if each.verdict is Verdict.SKIP:
            continue
        how = "boots" if each.verdict is Verdict.GOOD else f"fails with {each.cause}"
        wanted = Verdict.GOOD if (each.name == "reverted") != fix else Verdict.BAD
        if each.verdict is wanted and (each.verdict is Verdict.GOOD or each.cause == cause):
            said.append(f"{each.what} {how}")
        elif each.name == "reverted":
            said.append(f"{each.what} {how} all the same, so it is not the only reason")
        else:
            said.append(f"{each.what} {how}, so it takes more than this commit")
    return "; ".join(said)


def letter(
    culprit: Culprit, answer: Answer, outcomes: Sequence[ExperimentOutcome], *,
    ends: tuple[str, str], tries: int, reproduce: str, builds_only: bool, built: str,
    configured: bool, of_merges: Sequence[str] = (),
) -> str:  # fmt: skip
    """Return a text to send to who wrote a commit, found by so many boots, or by builds only.

    It says that a .config is attached where kernels were ``configured`` by one; ``of_merges`` are
    sentences about merges on the way to the commit.
    """
    called = cited(culprit.commit, culprit.subject)
    tried, what, since = "boot", "does not boot", "does not boot any more"
    if builds_only:
        tried, what, since = "build", "does not build", "does not build any more"
    elif answer.bad.cause == SLOWER:
        what, since = "boots slower", "takes longer to boot"
    elif answer.bad.cause == "fail-on-seen":
        what, since = "complains", "says what it must not say"
    elif answer.bad.cause == "command-failed":
        what, since = "fails a test", "fails a test that is run on it"
    lines = [
        f"To: {culprit.author}",
        f"Subject: [REGRESSION] {called}: the kernel {what}",
        "",
        f"Since {called} the kernel {since}:",
        "",
        f"  {answer.bad.cause}: {answer.bad.sentence}",
        "",
        f"It was found by bisecting {ends[0]}..{ends[1]}, in {count(tries, tried)}; the last good "
        f"commit is {answer.good.label}.",
    ]
    lines += [f"- {said}" for said in of_merges]
    lines += [f"- {each.what}: {_went(each)}" for each in outcomes]
    how = f"To reproduce it, built with {built}"
    if configured:
        how += " and the .config that is attached"
    lines += ["", f"{how}:", "", f"  {reproduce}", "", culprit.regzbot]
    return "\n".join(map(printable, lines)) + "\n"


def _went(outcome: ExperimentOutcome) -> str:
    match outcome.verdict:
        case Verdict.GOOD:
            return "boots"
        case Verdict.BAD:
            return f"fails ({outcome.cause})"
    return f"could not be tried: {outcome.sentence}"
