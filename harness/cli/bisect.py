"""`bootharness bisect`: find the first bad one of a range, and why."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import FILE, machine_options
from harness.cli.output import check_json_file, spoken, write_json
from harness.plan import DEFAULT_CMDLINE, UNTIL, MachineConfig

if TYPE_CHECKING:
    from harness.bisector.ranges import Range
    from harness.cells.cell import Cell

__all__ = ["command"]

_COULD_NOT_FIND_OUT = 125


@click.command(
    "bisect",
    epilog="""\b
KERNEL is what `bootharness boot` takes, from the last that is known to be good to one that is
known to be bad. A folder, a glob or a deb:PATTERN is put in the order of its versions. Both
ends are booted first. What fails with another cause than the bad end tells nothing. Boots that
flicker are repeated until the answer is as certain as --confidence says. A hunt that was
interrupted goes on where it was; what has been booted is not booted again.

\b
Examples:
  bootharness bisect builds/
  bootharness bisect old/bzImage new1/bzImage new2/bzImage --loader my-mbr.asm
  bootharness bisect grow:14200000..33554432:bzImage --loader my-mbr.asm
  bootharness bisect 'deb:linux-image-6.*-cloud-amd64/trixie-backports'

\b
Exit status: 0 found, 125 not found out, 129 wrong usage.
""",
)
@click.argument("kernels", metavar="KERNEL...", nargs=-1, required=True)
@click.option("--any-cause", is_flag=True, help="Take every bad boot for the one that is sought.")
@click.option(
    "--confidence",
    type=click.FloatRange(0.5, 1, max_open=True),
    default=0.99,
    show_default=True,
    help="How certain the answer must be.",
)
@click.option("--loader", type=FILE, help="Another loader: .asm, .elf or a flat binary.")
@click.option("--initrd", type=FILE, help="Initrd to load; a tiny /init without it.")
@click.option("--cmdline", default=DEFAULT_CMDLINE, show_default=True, help="Kernel command line.")
@click.option("--until", type=click.Choice(UNTIL),
              help="How far it must come.  [default: init; banner with --loader]")  # fmt: skip
@click.option(
    "--timeout", type=click.FloatRange(0.1), default=60, show_default=True, metavar="SECONDS"
)
@machine_options
@click.option("--jobs", type=click.IntRange(1), metavar="N",
              help="Boots at once.  [default: one on each core]")  # fmt: skip
@click.option("--no-cache", is_flag=True, help="Boot what is known already, too.")
@click.option(
    "--log",
    "log",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the hunt is written down, to go on from.  [default: one of your own for each hunt]",
)
@click.option(
    "--history",
    "history_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where results are kept.  [default: $BOOTHARNESS_HISTORY, or your own]",
)
@click.option("--json", "json_file", metavar="FILE", help="Write it all; - is standard output.")
def command(
    kernels: tuple[str, ...], loader: Path | None, initrd: Path | None, cmdline: str,
    until: str | None, timeout: float, memory: int, json_file: str | None, any_cause: bool,
    confidence: float, jobs: int | None, no_cache: bool, log: Path | None,
    history_file: Path | None, **machine: Any,
) -> int:  # fmt: skip
    """Find the first bad KERNEL of a range, say why it is bad, and try whether that is so."""
    check_json_file(json_file)

    from harness.bisector.ranges import kernel_range
    from harness.cells.cell import STAGE1, Cell

    cell = Cell(
        kernel="",
        loader=str(loader) if loader else STAGE1,
        machine=MachineConfig(memory_mib=memory, **machine),
        cmdline=cmdline,
        initrd=str(initrd) if initrd else None,
        until=until or ("init" if initrd or not loader else "banner"),
        timeout_s=timeout,
    )
    return _hunt(
        kernel_range(kernels), cell, json_file, any_cause=any_cause, confidence=confidence,
        jobs=jobs, cache=not no_cache, log=log, history_file=history_file,
    )  # fmt: skip


def _hunt(
    searched: "Range", cell: "Cell", json_file: str | None, *, any_cause: bool, confidence: float,
    jobs: int | None, cache: bool, log: Path | None, history_file: Path | None,
) -> int:  # fmt: skip
    from harness.bisector.hunt import Hunt
    from harness.bisector.inquest import inquire
    from harness.bisector.log import HuntLog, log_file
    from harness.bisector.search import Found, Search
    from harness.cells.history import history_file as usual_history
    from harness.cells.runner import limit_s
    from harness.cells.workers import LocalWorkers
    from harness.report.hunt import TerminalHunt, print_answer, print_lost

    output = spoken(json_file)
    search = Search(len(searched), confidence=confidence, any_cause=any_cause)
    hunted = _hunted(searched, cell)
    file = history_file or usual_history()
    workers = jobs or len(os.sched_getaffinity(0))
    executor = LocalWorkers(workers, limit_s=limit_s([cell]))
    answer = None
    try:
        click.echo(f"{searched.title}", file=output)
        with HuntLog(log or log_file(hunted), hunted) as hunt_log:
            hunt = Hunt(searched, cell, hunt_log, executor, file, workers=workers, cache=cache)
            search = hunt.run(search, TerminalHunt(searched, workers, output))
            if isinstance(search.result, Found):
                answer = inquire(
                    search.result, searched, cell, hunt_log, executor, file, cache=cache
                )
                print_answer(answer, output)
            elif search.result:
                print_lost(search.result, output)
            seen = hunt_log.seen
    finally:
        executor.shutdown(cancel_futures=True)
    if json_file:
        from harness.report.document import encode
        from harness.report.hunt_document import hunt_document

        write_json(json_file, encode(hunt_document(searched.title, search, seen, answer)))
    return 0 if answer else _COULD_NOT_FIND_OUT


def _hunted(searched: "Range", cell: "Cell") -> dict[str, Any]:
    """Return what makes a hunt the same one."""
    import msgspec

    from harness.cells.identity import own_version
    from harness.cells.work import named_loader

    return {
        "range": type(searched).__name__,
        "of": msgspec.to_builtins(searched),
        "cell": msgspec.to_builtins(asdict(cell)),
        "loader": named_loader(cell.loader).binary.hex(),
        "harness": own_version(),
    }
