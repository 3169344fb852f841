"""Boots one after the other, as `boot` and `predict` run them: what is printed and written."""

import shlex
import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

import click

from bootharness.cli.output import check_json_file, new_folder, write_json
from bootharness.errors import COULD_NOT_FIND_OUT, Interrupted
from bootharness.plan import BootPlan

if TYPE_CHECKING:
    from bootharness.diagnosis import Judgement
    from bootharness.trace.boot_trace import BootTrace

__all__ = ["Boot", "detail_options", "is_list", "run_boots"]

_QUIET, _USUAL, _ALL = range(3)
# one bad kernel outweighs any number that we could not find out about
_WORST_FIRST = (1, COULD_NOT_FIND_OUT, 0)


class Boot(NamedTuple):
    """A kernel's or a disk image's name and what boots it; ``plan`` where there is a machine."""

    name: str
    run: Callable[..., "BootTrace"]
    plan: BootPlan | None = None


def detail_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options -q and -v, which give ``detail``."""
    for option in (
        click.option("-q", "--quiet", "detail", flag_value=_QUIET, type=int,
                     help="Print one line for each boot."),
        click.option("-v", "--verbose", "detail", flag_value=_ALL, type=int,
                     help="Print every BIOS call, and what happens on the network, as it happens, "
                     "and the milestones of good boots, too."),
    ):  # fmt: skip
        command = option(command)
    return command


def is_list(given: Sequence[str], sources: list[str]) -> bool:
    """Return whether what was given could be several kernels, however many it is this time."""
    return bool(given) and (len(given) > 1 or sources != [*given])


def run_boots(
    boots: list[Boot], json_file: str | None, keep: Path | None = None, *, detail: int | None,
    several: bool, sought: Sequence[str] = (),
) -> int:  # fmt: skip
    """Run boots one after the other, print and write what came of each, and return the status.

    The JSON is an array where ``several`` could be meant. Where causes are ``sought``, a boot that
    is bad for another one tells nothing. Raises UsageError, before the first
    one, for files that must not be written, and Interrupted when the person stops it: what is
    done is written by then.
    """
    from bootharness.report.live import watching

    check_json_file(json_file)
    folders = _folders(keep, len(boots))
    output = sys.stderr if json_file == "-" else sys.stdout
    documents: list[bytes] = []
    judgements: list[Judgement] = []
    try:
        for each, folder in zip(boots, folders, strict=True):
            with watching(each.name, verbose=detail == _ALL, output=output) as observer:
                trace = each.run(observer=observer, keep=folder)

            from bootharness.diagnosis import judge  # by now it has been imported
            from bootharness.report.terminal import Detail, print_result

            judgement = judge(trace)
            unkept = _keep(each, trace, folder)  # first, for who reads along may leave
            print_result(trace, judgement, output, Detail(_USUAL if detail is None else detail))
            if detail != _QUIET:
                _say_more(each, trace, judgement, folder, unkept, output)
            if detail != _QUIET and _of_another_cause(judgement, sought):
                said = f"another cause than {' or '.join(sought)}, so it counts as not found out"
                click.echo(f"     {said}", file=output)
            if json_file:
                from bootharness.report.document import document, encode

                documents.append(encode(document(trace, judgement)))
            judgements.append(judgement)
    except KeyboardInterrupt:
        _write(json_file, documents, several)
        raise Interrupted(_what_is_done(judgements, len(boots))) from None
    from bootharness.report.terminal import counted

    if len(boots) > 1:
        click.echo(counted(judgements), file=output)
        for said in _together(boots, judgements):
            click.echo(said, file=output)
    _write(json_file, documents, several)
    statuses = {
        COULD_NOT_FIND_OUT if _of_another_cause(each, sought) else each.verdict.exit_status
        for each in judgements
    }
    return next(status for status in _WORST_FIRST if status in statuses)


def _together(boots: "list[Boot]", judgements: "list[Judgement]") -> tuple[str, ...]:
    """Say what boots of the same by several firmwares have in common."""
    plans = [boot.plan for boot in boots if boot.plan]
    if len({*plans}) < 2:
        return ()
    from bootharness.gate.pattern import patterns
    from bootharness.runs.cell import Cell
    from bootharness.runs.result import Attempt, CellResult

    return patterns(
        CellResult(Cell(boot.name, plan), "", (Attempt(each.verdict, each.cause, each.summary),))
        for boot, plan, each in zip(boots, plans, judgements, strict=True)
    )


def _of_another_cause(judgement: "Judgement", sought: Sequence[str]) -> bool:
    return bool(sought) and judgement.verdict.exit_status == 1 and judgement.cause not in sought


def _what_is_done(judgements: "list[Judgement]", boots: int) -> str:
    from bootharness.report.terminal import counted

    left = boots - len(judgements)
    if not judgements:
        return f"interrupted: {left} not tried" if boots > 1 else "interrupted"
    return f"interrupted: {counted(judgements, colours=False)}, {left} not tried"


def _write(json_file: str | None, documents: list[bytes], several: bool) -> None:
    if json_file and documents:
        every = b"[\n" + b",\n".join(documents) + b"]\n"
        write_json(json_file, every if several else documents[0])


def _keep(boot: Boot, trace: "BootTrace", folder: Path | None) -> tuple[str, ...]:
    """Keep what is told of a boot beside what it left itself, and return what was not to be had."""
    if not folder or not boot.plan:
        return ()
    from bootharness.watch.kept import keep_account

    seen = trace.post_mortem
    return (seen.missing if seen else ()) + keep_account(trace, boot.plan, folder)


def _say_more(
    boot: Boot, trace: "BootTrace", judgement: "Judgement", folder: Path | None,
    unkept: tuple[str, ...], output: TextIO,
) -> None:  # fmt: skip
    """Say what was kept of a boot, or how to keep what there is to see of a bad one."""
    from bootharness.report.lines import say

    if folder and boot.plan:
        seen = trace.post_mortem
        shown = bool(seen and seen.exceptions)
        twice = ", after a second boot that shows the exceptions" if shown else ""
        say(output, f"kept in {folder}{twice}", indent=5)
        if trace.recorded:
            back = f"bootharness debug {shlex.quote(str(folder))}"
            say(output, f"recorded, and played once, the same; to go back in it: {back}", indent=5)
        if unkept:
            say(output, f"not all of it: {'; '.join(unkept)}", indent=5)
    elif boot.plan and judgement.verdict.exit_status == 1:
        from bootharness.report.again import again

        free = (Path(f"kept-{number}") for number in count(1))
        kept = next(path for path in free if not path.exists())
        command = again(trace, boot.plan, "--keep", str(kept))
        # on one line, however long: it is to be copied
        click.echo(click.style(f"     investigate: {command}", dim=True), file=output)


def _folders(keep: Path | None, boots: int) -> list[Path | None]:
    """Return the folder to keep each boot in: the wanted one, or numbered ones inside it.

    Raises UsageError when there is something in it.
    """
    if keep is None:
        return [None] * boots
    new_folder(keep)
    if boots == 1:
        return [keep]
    return [new_folder(keep / f"{number:02}") for number in range(1, boots + 1)]
