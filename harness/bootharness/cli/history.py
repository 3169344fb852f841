"""`bootharness history`: what has been booted, as a list, as a page, or one trace of it."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bootharness.cli.output import check_file, check_json_file, spoken, write_file, write_json
from bootharness.errors import FormatError, UsageError

if TYPE_CHECKING:
    from bootharness.runs.history import History
    from bootharness.runs.result import Past

__all__ = ["command"]


@click.command(
    "history",
    epilog="""\b
The history is where `bootharness gate` keeps its results: $BOOTHARNESS_HISTORY, or
bootharness/history.sqlite3 in your XDG folder for state.

\b
Examples:
  bootharness history
  bootharness history 'deb:*cloud*' --last 100 --html history.html
  bootharness history --trace 42 >trace.json
""",
)
@click.argument("kernels", metavar="[PATTERN]...", nargs=-1)
@click.option("--last", type=click.IntRange(1), default=30, show_default=True, metavar="N",
              help="How many results, the newest ones.")  # fmt: skip
@click.option("--trace", "number", type=int, metavar="NUMBER",
              help="Print the trace of one result, as `boot --json` writes it.")  # fmt: skip
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Draw them, in one file: each boot, and payloads over versions.")  # fmt: skip
@click.option("--json", "json_file", metavar="FILE", help="Write them; - is standard output.")
@click.option("--history", "history_file", type=click.Path(dir_okay=False, path_type=Path),
              metavar="FILE", help="Another history.")  # fmt: skip
def command(
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
    if not file.exists():
        raise UsageError(f"{file}: there is no history yet; `bootharness gate` writes one")
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
