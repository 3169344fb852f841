"""`bootharness history`: what has been booted, as a list, as a page, or one trace of it."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bootharness.cli.first_command import KERNELS, KernelsFirst
from bootharness.cli.options import FILE, HISTORY, NEW_FILE
from bootharness.cli.output import check_file, check_json_file, spoken, write_file, write_json
from bootharness.errors import FormatError, UsageError
from bootharness.text import count, printable

if TYPE_CHECKING:
    from bootharness.runs.histories import Gathered
    from bootharness.runs.history import History
    from bootharness.runs.result import Past

__all__ = ["command"]

_BEGIN = b"SQLite format 3\0"


@click.group(
    "history",
    cls=KernelsFirst,
    epilog="""\b
The history is where `bootharness gate` keeps its results: $BOOTHARNESS_HISTORY, or
bootharness/history.sqlite3 in your XDG folder for state.

\b
Examples:
  bootharness history
  bootharness history 'deb:*cloud*' --last 100 --html history.html
  bootharness history --trace 42 >trace.json
  bootharness history export of-this-job.sqlite3
  bootharness history import of-other-jobs/*.sqlite3
""",
)
def command() -> None:
    """List what has been booted and draw it, and have what other computers have booted.

    Without the name of a command: `kernels`.
    """


@command.command(KERNELS)
@click.argument("kernels", metavar="[PATTERN]...", nargs=-1)
@click.option("--last", type=click.IntRange(1), default=30, show_default=True, metavar="N",
              help="How many results, the newest ones.")  # fmt: skip
@click.option("--trace", "number", type=int, metavar="NUMBER",
              help="Print the trace of one result, as `boot --json` writes it.")  # fmt: skip
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Draw them, in one file: each boot, and payloads over versions.")  # fmt: skip
@click.option("--json", "json_file", metavar="FILE", help="Write them; - is standard output.")
@HISTORY
def of_kernels(
    kernels: tuple[str, ...], last: int, number: int | None, html: Path | None,
    json_file: str | None, history_file: Path | None,
) -> int:  # fmt: skip
    """List what has been booted, of the kernels whose sources match a PATTERN, and draw it."""
    from bootharness.runs.history import History
    from bootharness.runs.history import history_file as own_file

    check_json_file(json_file)
    if html:
        check_file(html, "HTML", b"<!doctype html>")
    file = history_file or own_file()
    _check_there(file)
    with History(file) as history:
        if number is not None:
            return _print_trace(history, number)
        found = [past for past in history.results() if _matches(past, kernels)][-last:]
        if kernels and not found:
            raise UsageError(f"{', '.join(kernels)}: no kernel in the history is named so")

        from bootharness.gate.events import events

        whole = (past for past in history.outcomes() if _matches(past, kernels))
        happened = events(whole, history.limits_seen())
        if html:
            from bootharness.gate.past import outcome_of
            from bootharness.gate.report.html import html as as_html

            text = as_html(outcome_of(found, history, happened), title="Boot history")
            write_file(html, text.encode())

    from bootharness.gate.report.past import past_document, print_past

    print_past(found, happened, spoken(json_file))
    if json_file:
        from bootharness.report.document import encode

        write_json(json_file, encode(past_document(found, happened)))
    return 0


@command.command(
    "export",
    epilog="""\b
The file has the whole history, and can go into an artifact or a bucket. What is damaged is left
out. FILE is replaced when all of the new one has been written.

\b
Example:
  bootharness history export of-this-job.sqlite3
""",
)
@click.argument("file", type=NEW_FILE)
@HISTORY
def export(file: Path, history_file: Path | None) -> int:
    """Write this history to a FILE that can be taken elsewhere."""
    from bootharness.runs.histories import new_history
    from bootharness.runs.history import History
    from bootharness.runs.history import history_file as own_file

    own = history_file or own_file()
    _check_there(own)
    check_file(file, "history", _BEGIN)
    with History(own):  # which brings an old one up to date
        _say(file, new_history(file, [own], live=True), "result")
    return 0


@command.command(
    "import",
    epilog="""\b
A result is told from others by a digest of all of it, so to import it again adds nothing. All
files are taken over or none. Of two results of the same boot the later one counts. What a file says
counts as if it had been booted here: import what you trust.

\b
Example:
  bootharness history import of-other-jobs/*.sqlite3
""",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
@HISTORY
def take(files: tuple[Path, ...], history_file: Path | None) -> int:
    """Take over what other histories have, written by `export` or as they are."""
    from bootharness.runs.histories import gather
    from bootharness.runs.history import History
    from bootharness.runs.history import history_file as own_file

    own = history_file or own_file()
    with History(own) as into:
        _say(own, gather(into, files), "new result")
    return 0


@command.command(
    "merge",
    epilog="""\b
The same results make the same file, in whatever order the histories are given.

\b
Example:
  bootharness history merge monday.sqlite3 tuesday.sqlite3 --into week.sqlite3
""",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
@click.option("--into", required=True, type=NEW_FILE, metavar="FILE",
              help="The history that has all of them; it is made anew.")  # fmt: skip
def merge(files: tuple[Path, ...], into: Path) -> int:
    """Write one history of several; each result is in it once."""
    from bootharness.runs.histories import new_history

    check_file(into, "history", _BEGIN)
    _say(into, new_history(into, files), "result")
    return 0


def _say(file: Path, gathered: "Gathered", noun: str) -> None:
    """Say how many results a history has been given, and what was left out."""
    known = f", {gathered.known:,} known already" if gathered.known else ""
    click.echo(f"{printable(str(file))}: {count(gathered.new, noun)}{known}")
    if gathered.damaged:
        click.echo(f"{count(gathered.damaged, 'damaged result')} left out", err=True)


def _check_there(file: Path) -> None:
    if not file.exists():
        raise UsageError(f"{file}: there is no history yet; `bootharness gate` writes one")


def _matches(past: "Past", patterns: tuple[str, ...]) -> bool:
    kernel = past.result.cell.kernel
    return not patterns or any(fnmatchcase(kernel, pattern) for pattern in patterns)


def _print_trace(history: "History", number: int) -> int:
    from bootharness.formats.zipped import unzipped
    from bootharness.report.document import TRACE_BYTES

    trace = b""
    for past in history.results():
        if past.id == number:
            attempts = past.result.attempts
            trace = history.trace(number, attempts.index(past.result.decisive))
    if not trace:
        raise UsageError(f"--trace {number}: the history has no trace of such a result")
    try:
        text = unzipped(trace, most=TRACE_BYTES)
    except FormatError as error:
        raise UsageError(f"{history.path}: the trace of result {number}: {error}") from error
    write_json("-", text)
    return 0
