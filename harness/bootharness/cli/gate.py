"""`bootharness gate`: accept or refuse kernels, and say what has changed since the last one."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bootharness.cli.output import check_file, check_json_file, spoken, write_file, write_json
from bootharness.errors import UsageError
from bootharness.plan import DEFAULT_CMDLINE, UNTIL

if TYPE_CHECKING:
    from bootharness.gate.matrix import Matrix
    from bootharness.gate.outcome import Outcome

__all__ = ["command"]

_NEW = click.Path(dir_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
# of a matrix in a file these are asked for there
_IN_MATRIX = ("loaders", "paths", "memory", "cmdline", "initrd", "until", "timeout")


@click.command(
    "gate",
    epilog="""\b
A KERNEL is what `bootharness boot` takes. Every candidate is booted in every way that is asked
for. A boot that fails is tried again until two attempts agree. Results are kept, and used again
when nothing that matters has changed: kernel, loader, machine, QEMU and bootharness.

\b
Examples:
  bootharness gate --baseline /boot/vmlinuz arch/x86/boot/bzImage
  bootharness gate --baseline old/bzImage new/bzImage --loader my-mbr.asm --html gate.html
  bootharness gate bzImage --paths mbr,direct,grub,ipxe --memory 64 --memory 512
  bootharness gate --matrix gate.toml --junit junit.xml --markdown summary.md

\b
Exit status: 0 all good, 1 some bad, 125 nothing bad but something unknown, 129 wrong usage.
""",
)
@click.argument("kernels", metavar="[CANDIDATE]...", nargs=-1)
@click.option("--baseline", metavar="KERNEL", help="The last good kernel, to compare with.")
@click.option("--matrix", "matrix_file", type=_FILE, help="What to boot, as TOML.")
@click.option(
    "--loader",
    "loaders",
    multiple=True,
    metavar="FILE",
    help="A loader to boot with in place of stage1; may be repeated, stage1 is known by name.",
)
@click.option("--paths", metavar="PATH,...", help="What brings the kernel.  [default: mbr]")
@click.option("--memory", type=click.IntRange(2), multiple=True, metavar="MIB",
              help="Memory of the machine; may be repeated.  [default: 512]")  # fmt: skip
@click.option("--cmdline", help="Kernel command line.  [default: that of `boot`]")
@click.option("--initrd", type=_FILE, help="Initrd to load; a tiny /init without it.")
@click.option("--until", type=click.Choice(UNTIL),
              help="How far it must come.  [default: init; banner with --loader]")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(0.1), metavar="SECONDS",
              help="Time limit of one boot.  [default: 60]")  # fmt: skip
@click.option("--warn-at", type=click.FloatRange(0), default=90.0, show_default=True,
              metavar="PERCENT", help="How much of a loader's limit is too much.")  # fmt: skip
@click.option("--attempts", type=click.IntRange(1), default=3, show_default=True,
              help="The most boots of one cell that does not go as expected.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), metavar="N",
              help="Boots at once.  [default: one on each core]")  # fmt: skip
@click.option("--no-cache", is_flag=True, help="Boot what is known already, too.")
@click.option(
    "--history",
    "history_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where results are kept.  [default: $BOOTHARNESS_HISTORY, or your own]",
)
@click.option("--html", type=_NEW, metavar="FILE", help="Write a report for people, in one file.")
@click.option("--junit", type=_NEW, metavar="FILE", help="Write JUnit XML.")
@click.option("--markdown", type=_NEW, metavar="FILE", help="Write a summary in Markdown.")
@click.option("--annotations", is_flag=True, help="Print annotations as GitHub reads them.")
@click.option("--json", "json_file", metavar="FILE", help="Write it all; - is standard output.")
def command(
    kernels: tuple[str, ...], baseline: str | None, matrix_file: Path | None, json_file: str | None,
    html: Path | None, junit: Path | None, markdown: Path | None, annotations: bool,
    warn_at: float, attempts: int, jobs: int | None, no_cache: bool, history_file: Path | None,
    **choices: Any,
) -> int:  # fmt: skip
    """Boot each CANDIDATE in every way that is asked for, compare it with a baseline, and accept
    or refuse it."""
    _check_files(json_file, html, junit, markdown)
    matrix = _matrix(kernels, baseline, matrix_file, choices)
    outcome = _run(
        matrix, warn_at=warn_at, most=attempts, jobs=jobs, cache=not no_cache, file=history_file
    )

    from bootharness.gate.report.terminal import print_outcome

    print_outcome(outcome, spoken(json_file))
    if json_file:
        from bootharness.gate.report.document import gate_document
        from bootharness.report.document import encode

        write_json(json_file, encode(gate_document(outcome)))
    if html:
        from bootharness.gate.report.html import html as as_html

        write_file(html, as_html(outcome).encode())
    if junit:
        from bootharness.gate.report.junit import junit as as_junit

        write_file(junit, as_junit(outcome))
    if markdown or annotations:
        from bootharness.gate.report.markdown import annotations as as_annotations
        from bootharness.gate.report.markdown import markdown as as_markdown

        if markdown:
            write_file(markdown, as_markdown(outcome).encode())
        for line in as_annotations(outcome) if annotations else ():
            click.echo(line, file=spoken(json_file))
    return outcome.exit_status


def _check_files(
    json_file: str | None, html: Path | None, junit: Path | None, markdown: Path | None
) -> None:
    """Raise UsageError, before anything is booted, for files that must not be written."""
    check_json_file(json_file)
    if html:
        check_file(html, "HTML", b"<!doctype html>")
    if junit:
        check_file(junit, "JUnit", b"<?xml")
    if markdown:
        check_file(markdown, "Markdown", b"<!-- bootharness")


def _matrix(
    kernels: tuple[str, ...], baseline: str | None, file: Path | None, choices: dict[str, Any]
) -> "Matrix":
    from bootharness.gate.matrix import Matrix, read_matrix

    if file:
        given = [name for name in _IN_MATRIX if choices[name]]
        if given:
            raise UsageError(f"{file} says how to boot: leave out --{given[0].rstrip('s')}")
        matrix = read_matrix(file)
        if kernels:
            matrix = replace(matrix, kernels=kernels)
        return replace(matrix, baseline=baseline) if baseline else matrix
    if not kernels:
        raise click.UsageError("give a CANDIDATE, or --matrix with some")
    usual = Matrix(kernels)
    return Matrix(
        kernels=kernels,
        baseline=baseline,
        loaders=choices["loaders"] or usual.loaders,
        paths=tuple(choices["paths"].split(",")) if choices["paths"] else usual.paths,
        memory_mib=choices["memory"] or usual.memory_mib,
        cmdlines=(choices["cmdline"] or DEFAULT_CMDLINE,),
        initrd=str(choices["initrd"]) if choices["initrd"] else None,
        until=choices["until"],
        timeout_s=choices["timeout"] or usual.timeout_s,
    )


def _run(
    matrix: "Matrix", *, warn_at: float, most: int, jobs: int | None, cache: bool,
    file: Path | None,
) -> "Outcome":  # fmt: skip
    from bootharness.gate.gate import run_gate
    from bootharness.gate.report.progress import GateProgress
    from bootharness.runs.history import History, history_file
    from bootharness.runs.runner import limit_s
    from bootharness.runs.workers import LocalWorkers

    cells = matrix.cells()
    workers = LocalWorkers(jobs, limit_s=limit_s(cells))
    try:
        with History(file or history_file()) as history, GateProgress() as progress:
            return run_gate(
                matrix, workers, history, onlooker=progress, most=most, cache=cache,
                warn_at=warn_at,
            )  # fmt: skip
    finally:
        # after Ctrl-C nothing is waited for
        workers.shutdown(cancel_futures=sys.exc_info()[0] is not None)
