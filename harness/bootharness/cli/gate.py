"""`bootharness gate`: accept or refuse kernels, and say what has changed since the last one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from bootharness.cli import values
from bootharness.cli.first_command import KERNELS, KernelsFirst
from bootharness.cli.options import ALL, FILE, HISTORY, JSON, NEW_FILE, WORKERS, axes_options
from bootharness.cli.output import (
    check_file,
    check_json_file,
    say_aside,
    spoken,
    write_file,
    write_json,
)
from bootharness.cli.reports import Reports, reports_options
from bootharness.errors import UsageError
from bootharness.plan import OPTIONS, firmwares

if TYPE_CHECKING:
    from bootharness.gate.matrix import Matrix

__all__ = ["command"]


@click.group(
    "gate",
    cls=KernelsFirst,
    epilog="""\b
A KERNEL is what `bootharness boot` takes. Every candidate is booted in every way that is asked
for. A boot that fails is tried again until two attempts agree. Results are kept, and used again
when nothing that matters has changed: kernel, loader, machine, QEMU and bootharness.

\b
Examples:
  bootharness gate --baseline /boot/vmlinuz arch/x86/boot/bzImage
  bootharness gate --baseline old/bzImage new/bzImage --loader my-mbr.asm --html gate.html
  bootharness gate bzImage --route mbr,direct,grub,ipxe --memory 64 --memory 512
  bootharness gate --matrix gate.toml --junit junit.xml --markdown summary.md
  bootharness gate --matrix gate.toml --shard 2/5 --json shard-2.json
  bootharness gate diff yesterday.json today.json

\b
Exit status: 0 all good, 1 some bad, 125 nothing bad but something unknown, 129 wrong usage.
""",
)
def command() -> None:
    """Accept or refuse kernels: boot them in every way that is asked for, and compare them with a
    baseline.

    Without the name of a command: `kernels`.
    """


@command.command(KERNELS)
@click.argument("kernels", metavar="[CANDIDATE]...", nargs=-1, shell_complete=values.kernels)
@click.option(
    "--baseline",
    metavar="KERNEL",
    shell_complete=values.kernels,
    help="The last good kernel, to compare with.",
)
@click.option("--matrix", "matrix_file", type=FILE, help="What to boot, as TOML.")
@axes_options(*ALL)
@click.option(
    "--paths", metavar="ROUTE,...", shell_complete=values.routes, help="The same as --route."
)
@click.option("--warn-at", type=click.FloatRange(0), default=90.0, show_default=True,
              metavar="PERCENT", help="How much of a loader's limit is too much.")  # fmt: skip
@click.option("--still-failing", type=click.Choice(("refuse", "accept")), default="refuse",
              show_default=True,
              help="What becomes of a kernel that fails as the baseline does.")  # fmt: skip
@click.option("--no-timing", is_flag=True, help="Do not compare how long boots take.")
@click.option("--attempts", type=click.IntRange(1), default=3, show_default=True,
              help="The most boots of one cell that does not go as expected.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), metavar="N",
              help="Boots at once.  [default: one on each core]")  # fmt: skip
@WORKERS
@click.option("--no-cache", is_flag=True, help="Boot what is known already, too.")
@HISTORY
@click.option("--shard", metavar="I/N",
              help="Boot the Ith of N parts; `bootharness merge` puts them together.")  # fmt: skip
@reports_options
def of_kernels(
    kernels: tuple[str, ...], baseline: str | None, matrix_file: Path | None, reports: Reports,
    warn_at: float, still_failing: str, no_timing: bool, attempts: int, jobs: int | None,
    workers: str | None, no_cache: bool, history_file: Path | None, shard: str | None,
    paths: str | None, **choices: Any,
) -> int:  # fmt: skip
    """Boot each CANDIDATE in every way that is asked for, compare it with a baseline, and accept
    or refuse it."""
    named = ",".join((*choices["route"], *([paths] if paths else [])))
    choices["route"] = tuple(filter(None, map(str.strip, named.split(","))))
    choices["firmware"] = tuple(one for each in choices["firmware"] for one in firmwares(each))
    matrix = _matrix(kernels, baseline, matrix_file, choices)

    from bootharness.gate.gate import StoppedGate, run_gate
    from bootharness.gate.report.progress import GateProgress
    from bootharness.gate.shard import share_named
    from bootharness.runs.remote.named import workers_named

    part = share_named(shard) if shard is not None else None
    try:
        with (
            workers_named(workers, jobs, say_aside) as (executor, at_once),
            GateProgress() as progress,
        ):
            outcome = run_gate(matrix, executor=executor, jobs=at_once,
                               history=history_file, cache=not no_cache,
                               most=attempts, warn_at=warn_at, timing=not no_timing,
                               still_accepted=still_failing == "accept", shard=part,
                               observer=progress)  # fmt: skip
    except StoppedGate as stopped:
        if stopped.outcome.entries:
            reports.write(stopped.outcome)
        raise
    reports.write(outcome)
    return outcome.exit_status


@command.command(
    "diff",
    epilog="""\b
Cells are the same that boot the same kernel in the same way; where one kernel is left of a series
in either gate, because its name has another version now, these are compared.

\b
Examples:
  bootharness gate --matrix gate.toml --json today.json
  bootharness gate diff yesterday.json today.json

\b
Exit status: 1 where a boot fails that did not fail so before, else 125 where one is not known
now, else 0, 129 wrong usage.
""",
)
@click.argument("before", type=FILE)
@click.argument("after", type=FILE)
@click.option("--html", type=NEW_FILE, metavar="FILE", help="Write a page.")
@JSON
def of_gates(before: Path, after: Path, html: Path | None, json_file: str | None) -> int:
    """Say what has changed from the gate BEFORE to the gate AFTER, two files that --json wrote."""
    check_json_file(json_file)
    if html:
        check_file(html, "HTML", b"<!doctype html>")

    from bootharness.gate.diff import diff_of
    from bootharness.gate.report.diff import diff_document, print_diff
    from bootharness.gate.report.document import read_gate

    diff = diff_of(read_gate(before), read_gate(after))
    print_diff(diff, before, after, spoken(json_file))
    if json_file:
        from bootharness.report.document import encode

        write_json(json_file, encode(diff_document(diff, before, after)))
    if html:
        from bootharness.gate.report.diff_html import diff_html

        write_file(html, diff_html(diff, before, after).encode())
    return diff.exit_status


def _matrix(
    kernels: tuple[str, ...], baseline: str | None, file: Path | None, choices: dict[str, Any]
) -> "Matrix":
    from bootharness.gate.matrix import Matrix, read_matrix

    axes = {name: values for name, values in choices.items() if values}
    for name, given in axes.items():
        if OPTIONS[name].repeated:  # every one that is asked for, in each boot
            axes[name] = (given,)
    if file:
        if axes:
            given = OPTIONS[next(iter(axes))].spelling
            raise UsageError(f"{file} says how to boot: leave out {given}")
        matrix = read_matrix(file)
        if kernels:
            matrix = replace(matrix, kernels=kernels)
        return replace(matrix, baseline=baseline) if baseline else matrix
    if not kernels:
        raise click.UsageError("give a CANDIDATE, or --matrix with some")
    for each in kernels:
        if each.endswith(".toml"):
            raise UsageError(f"{each} is no kernel; a matrix is given so: --matrix {each}")
    return Matrix(kernels, baseline, axes)
