"""`bootharness timeline`: all that happened in one boot, on one axis."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bootharness.cli.options import NEW_FILE, plan_options
from bootharness.cli.output import check_file, write_file
from bootharness.errors import BootHarnessError, UsageError
from bootharness.host.regular import read_regular
from bootharness.text import printable

if TYPE_CHECKING:
    from bootharness.trace.boot_trace import BootTrace

__all__ = ["command"]

_TRACE = "trace.json"


@click.command(
    "timeline",
    epilog="""\b
TRACE.json is what `boot --json` writes, KEPT a folder of `boot --keep`. The page has milestones,
BIOS or UEFI calls, block moves, reads, packets, screen and serial line, and zooms into them. Where
a recording is in KEPT it is played once, and each call has its position, for `debug --at`.

\b
Examples:
  bootharness timeline kept --html boot.html
  bootharness timeline trace.json --html boot.html
""",
)
@click.argument("target", metavar="TRACE.json | KEPT", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--html",
    type=NEW_FILE,
    metavar="FILE",
    required=True,
    help="Write the page there, in one file.",
)
@plan_options("qemu")
def command(target: Path, html: Path, qemu: str) -> int:
    """Draw all that happened in one boot on one axis, as a page."""
    check_file(html, "HTML", b"<!doctype html>")
    file = target / _TRACE if target.is_dir() else target
    if not file.exists():
        raise UsageError(f"{target}: no {_TRACE} is in it, as `boot --keep` keeps one")

    from bootharness.diagnosis import judge
    from bootharness.report.document import TRACE_BYTES, read_trace
    from bootharness.report.timeline.event import Seen
    from bootharness.report.timeline.page import timeline_html

    text = read_regular(file, most=TRACE_BYTES)
    try:
        trace = read_trace(text)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error
    if not trace.timed:
        raise UsageError(f"{file}: the trace of a prediction, which has no clock")
    found = _positions(file.absolute(), trace, qemu)
    debuggable = trace.disk is not None and trace.network is None and trace.machine is not None
    debug = shlex.join(["bootharness", "debug", str(target), "--at"]) if debuggable else ""
    page = timeline_html(Seen(trace, found, debuggable), judge(trace), debug)
    write_file(html, page.encode(errors="backslashreplace"))
    return 0


def _positions(file: Path, trace: "BootTrace", qemu: str) -> dict[int, int] | None:
    """Return the positions of calls in the recording beside a trace, None where there is none that
    can be played here; why not is said."""
    from bootharness.debug.recorded import recording_beside
    from bootharness.recording.positions import positions

    try:
        kept = recording_beside(file, trace, qemu)
        return positions(kept, trace) if kept else None
    except BootHarnessError as error:
        click.echo(f"bootharness: without positions: {printable(str(error))}", err=True)
        return None
