"""The files that a gate writes, and a merge of its shards: the same options for both."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from bootharness.cli.options import JSON, NEW_FILE
from bootharness.cli.output import check_file, check_json_file, spoken, write_file, write_json

if TYPE_CHECKING:
    from bootharness.gate.outcome import GateOutcome

__all__ = ["Reports", "reports_options"]

_BEGINS = {
    "html": ("HTML", b"<!doctype html>"),
    "junit": ("JUnit", b"<?xml"),
    "markdown": ("Markdown", b"<!-- bootharness"),
    "badge": ("badge", b"<svg"),
    "kcidb": ("KCIDB", b"{"),
}
_OPTIONS = (
    click.option("--html", type=NEW_FILE, metavar="FILE",
                 help="Write a report for people, in one file."),
    click.option("--junit", type=NEW_FILE, metavar="FILE", help="Write JUnit XML."),
    click.option("--markdown", type=NEW_FILE, metavar="FILE", help="Write a summary in Markdown."),
    click.option("--badge", type=NEW_FILE, metavar="FILE", help="Write a badge, as SVG."),
    click.option("--kcidb", type=NEW_FILE, metavar="FILE",
                 help="Write what KernelCI's database takes, as JSON; nothing is sent."),
    click.option("--summary", is_flag=True,
                 help="Print what came of it in one line, and nothing else."),
    click.option("--annotations", is_flag=True, help="Print annotations as GitHub reads them."),
    JSON,
)  # fmt: skip


class Reports(NamedTuple):
    """What is written of a gate, and where."""

    json_file: str | None
    html: Path | None
    junit: Path | None
    markdown: Path | None
    badge: Path | None
    kcidb: Path | None
    summary: bool
    annotations: bool

    def check(self) -> None:
        """Raise UsageError, before anything is booted, for files that must not be written."""
        check_json_file(self.json_file)
        for name, (kind, begin) in _BEGINS.items():
            if file := getattr(self, name):
                check_file(file, kind, begin)

    def write(self, outcome: "GateOutcome") -> None:
        """Print a gate, and write all reports of it that are asked for."""
        output = spoken(self.json_file)
        if self.summary:
            from bootharness.gate.report.headline import summary

            click.echo(summary(outcome), file=output)
        else:
            from bootharness.gate.report.terminal import print_outcome

            print_outcome(outcome, output)
        if self.badge:
            from bootharness.gate.report.badge import badge

            write_file(self.badge, badge(outcome).encode())
        if self.json_file:
            from bootharness.gate.report.document import gate_document
            from bootharness.report.document import encode

            write_json(self.json_file, encode(gate_document(outcome)))
        if self.kcidb:
            from bootharness.gate.report.kcidb import kcidb_document
            from bootharness.report.document import encode

            write_file(self.kcidb, encode(kcidb_document(outcome)))
        if self.html:
            from bootharness.gate.report.html import html

            write_file(self.html, html(outcome).encode())
        if self.junit:
            from bootharness.gate.report.junit import junit

            write_file(self.junit, junit(outcome))
        if self.markdown:
            from bootharness.gate.report.markdown import markdown

            write_file(self.markdown, markdown(outcome).encode())
        if self.annotations:
            from bootharness.gate.report.markdown import annotations

            for line in annotations(outcome):
                click.echo(line, file=output)


def reports_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of reports; the command is given them as ``reports``, looked at already."""

    @wraps(command)
    def with_reports(*arguments: Any, **choices: Any) -> Any:
        reports = Reports(**{name: choices.pop(name) for name in Reports._fields})
        reports.check()
        return command(*arguments, reports=reports, **choices)

    for option in reversed(_OPTIONS):
        with_reports = option(with_reports)
    return with_reports
