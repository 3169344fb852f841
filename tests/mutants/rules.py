"""`python -m tests.mutants.rules [FILE...]`: which changes of the rules no test notices."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from tests.mutants.forks import Caught, InForks
from tests.mutants.rule_mutants import read_rules

if TYPE_CHECKING:
    from tests.mutants.score import Score

_GOAL_PERCENT = 95
_RULES = (
    "diagnosis/*.py",
    "plan/goal.py",
    "plan/pattern.py",
    "plan/prompt.py",
    "trace/boot_managers.py",
    "trace/lines.py",
    "trace/manager_points.py",
    "watch/hang.py",
    "watch/idle.py",
    "watch/lookout.py",
    "watch/resting.py",
    "watch/work.py",
    "checking/*.py",
)
_TESTS = ("tests/diagnosis", "tests/plan", "tests/trace", "tests/watch")
_CHECKING = "tests/checking"  # for itself alone: it emulates for a minute
_EQUIVALENT = Path("tests/mutants/rules.toml")
_OPTIONS = ("-q", "--no-header", "--boot-strict", "--snapshot-warn-unused", "--assert=plain",
            "--tb=native")  # fmt: skip


@click.command()
@click.argument("files", nargs=-1)
@click.option("-v", "--verbose", is_flag=True, help="Print what caught each mutant.")
def main(files: tuple[str, ...], *, verbose: bool) -> None:
    """Change every rule in every way, and see which test notices.

    FILES are some of the rules, as diagnosis/kernel.py; without any, all of them.
    """
    modules, every = read_rules(files or _RULES)
    sys.meta_path.insert(0, modules)
    of_all: list[Caught] = []

    def tell(of_file: list[Caught]) -> None:
        of_all.extend(of_file)
        score = _score(of_file)
        for each in score.outcomes if verbose else ():
            if each.scenario:
                click.echo(f"caught    {each.mutant.name} | {each.scenario}")
        for each in score.unexplained:
            click.echo(f"{click.style('SURVIVES', fg='red', bold=True)}  {each.mutant.name}")
        for label, source, change in score.stale:
            click.echo(f"{click.style('STALE', fg='red')}  {label}: {source}: {change} is caught")
        click.echo(f"{of_file[0][0].file}: {score.told}")

    tests = [*_TESTS, _CHECKING] if any("checking/" in each.file for each in every) else _TESTS
    if code := pytest.main([*_OPTIONS, *tests], plugins=[InForks(every, tell)]):
        sys.exit(code)
    score = _score(of_all)
    click.echo(f"{len(every)} mutants: {score.told} (goal {_GOAL_PERCENT} %)")
    sys.exit(1 if score.percent < _GOAL_PERCENT or score.stale else 0)


def _score(caught: list[Caught]) -> "Score":
    from tests.mutants.score import Outcome, Score, read_equivalents  # it imports the rules

    files = {mutant.file for mutant, _ in caught}
    table = (each for each in read_equivalents(_EQUIVALENT) if each.label.split()[0] in files)
    return Score(tuple(Outcome(mutant, by) for mutant, by in caught), tuple(table))


if __name__ == "__main__":
    main()
