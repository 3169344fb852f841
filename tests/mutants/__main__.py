"""`python -m tests.mutants`: how many of stage1's mutants are caught, and which are not."""

import random
import sys

import click
from rich.console import Console
from rich.progress import track

from bootharness.host.assembler import shipped
from bootharness.routes.loader import Loader
from tests.mutants.mutate import Mutant, mutants
from tests.mutants.real import disagreement
from tests.mutants.scenarios import SCENARIOS
from tests.mutants.score import Score, outcomes, read_equivalents

_GOAL_PERCENT = 98
_SOURCE = "mbr/stage1.asm"
_CODE_END = "message"


@click.command()
@click.option(
    "--qemu",
    "sample",
    default=12,
    show_default=True,
    metavar="N",
    help="Mutants to boot in QEMU as well.",
)
@click.option("--seed", default=1, show_default=True, help="Which of them.")
@click.option("-v", "--verbose", is_flag=True, help="Print what caught each mutant.")
def main(sample: int, seed: int, *, verbose: bool) -> None:  # fmt: skip
    """Change every instruction of stage1 in every way, and see whether it is noticed."""
    loader = Loader.stage1()
    every = list(mutants(loader, shipped(_SOURCE), end=_CODE_END))
    progress = Console(stderr=True)
    tried = track(outcomes(every), "predicting", len(every), console=progress, transient=True)
    score = Score(tuple(tried), read_equivalents(shipped("mbr/equivalent.toml")))
    _print(score, verbose=verbose)
    chosen = random.Random(seed).sample(every, min(sample, len(every)))
    differ = _boot(chosen, progress)
    good = score.percent >= _GOAL_PERCENT and not (score.unexplained or score.stale or differ)
    sys.exit(0 if good else 1)


def _print(score: Score, *, verbose: bool) -> None:
    if verbose:
        for each in score.outcomes:
            if each.scenario:
                click.echo(f"caught    {each.mutant.name} | {each.scenario}: {each.fault}")
    explained = score.explained
    for each in score.survivors:
        mutant = each.mutant
        why = explained.get((mutant.label, mutant.source, mutant.change))
        word = "survives, equivalent" if why else click.style("SURVIVES", fg="red", bold=True)
        click.echo(f"{word}  {mutant.name}{f' | {why}' if why else ''}")
    for label, source, change in score.stale:
        click.echo(f"{click.style('STALE', fg='red')}  {label}: {source}: {change} is caught")
    click.echo(
        f"{len(score.outcomes)} mutants of {_SOURCE}, {len(SCENARIOS)} scenarios: {score.told} "
        f"(goal {_GOAL_PERCENT} %)"
    )


def _boot(chosen: list[Mutant], progress: Console) -> int:
    differ = 0
    for mutant in track(chosen, "booting", console=progress, transient=True):
        if difference := disagreement(mutant):
            click.echo(f"{click.style('DIFFERS', fg='red')}  {mutant.name}: {difference}")
            differ += 1
    if chosen:
        click.echo(f"{len(chosen)} of them booted in QEMU: {len(chosen) - differ} as predicted")
    return differ


if __name__ == "__main__":
    main()
