"""A hunt as Markdown, for a job's summary or a bug report."""

import html
from collections.abc import Sequence

from bootharness.bisection.bisect import HuntResult
from bootharness.bisection.config_answer import ConfigAnswer
from bootharness.bisection.culprit import Culprit
from bootharness.bisection.log import Seen
from bootharness.bisection.report.symbols import symbol_table
from bootharness.bisection.report.words import Turn, certainty, stages, turn
from bootharness.diagnosis.verdict import Verdict
from bootharness.report.again import command
from bootharness.report.markdown import block, code, escaped
from bootharness.text import count, printable

__all__ = ["hunt_markdown"]

_MOST_GROWTH = 40
_SIGNS = {Verdict.GOOD: "✅", Verdict.BAD: "❌", Verdict.SKIP: "❔"}


def hunt_markdown(result: HuntResult) -> str:
    """Return the answer, the experiments, the two kernels side by side, and every boot."""
    answer, lost = result.answer, result.lost
    lines = [f"### Bisection: {escaped(result.title)}", ""]
    if answer:
        first, last = turn(answer)
        lines += [
            f"**{escaped(answer.conclusion)}**",
            "",
            f"- {first.name}: {escaped(first.label)}",
            f"- {last.name}: {escaped(last.label)}",
            f"- {escaped(f'{answer.bad.cause}: {answer.bad.sentence}')}",
            f"- hunted: {escaped(result.hunted)}",
            *([f"- built with {escaped(result.built)}"] if result.built else []),
            f"- {escaped(certainty(answer))}",
        ]
        if answer.bad.source:
            lines.append(f"- reproduce: {code(command(answer.bad.source, result.plan))}")
        if answer.outcomes:
            lines += ["", "| | experiment | |", "|---|---|---|"]
        lines += [
            f"| {_SIGNS[each.verdict]} | {escaped(each.what)} | {escaped(each.why)} |"
            for each in answer.outcomes
        ]
        if result.config:
            lines += _of_config(result.config)
        if result.culprit:
            lines += _of_culprit(result.culprit)
        rows = [row for row in answer.rows if row.differs]
        if rows:
            names = " | ".join(each.name for each in _good_first(first, last))
            lines += ["", f"| differs in | {names} |", "|---|---|---|"]
        lines += [
            f"| {escaped(row.name)} | {escaped(row.good)} | {escaped(row.bad)} |" for row in rows
        ]
    elif lost:
        lines.append(f"**not found: {escaped(lost.reason)}**")
        if result.advice:
            lines += ["", escaped(result.advice)]
    for title, stage in stages(result):
        lines += _boots(title or "every boot", stage.boots)
    return "\n".join([*lines, ""])


def _good_first(first: Turn, last: Turn) -> tuple[Turn, Turn]:
    return (last, first) if last.verdict is Verdict.GOOD else (first, last)


def _boots(title: str, seen: Sequence[Seen]) -> list[str]:
    # in an element of HTML Markdown heeds no signs
    lines = ["", f"<details><summary>{html.escape(printable(title))}</summary>", ""]
    lines += ["| | kernel | cause | payload |", "|---|---|---|---:|"]
    lines += [
        f"| {_SIGNS[each.verdict]} | {escaped(each.label)} | {each.cause or ''} | "
        f"{count(each.facts.payload_bytes, 'byte') if each.facts.payload_bytes else ''} |"
        for each in seen
    ]
    return [*lines, "", "</details>"]


def _of_config(config: ConfigAnswer) -> list[str]:
    table = symbol_table(config, _MOST_GROWTH)
    head = ["", _row(table.head), "|" + "---|" * len(table.head)]
    return [*head, *map(_row, table.rows), "", *(f"- {escaped(note)}" for note in table.notes)]


def _of_culprit(culprit: Culprit) -> list[str]:
    said = (culprit.commit, culprit.subject, f"{culprit.author}, {culprit.date}")
    lines = ["", *(f"- {escaped(line)}" for line in said)]
    lines += ["", *block(culprit.diffstat)]
    if culprit.fixes:
        lines += ["", *block((culprit.fixes, culprit.regzbot))]
    if culprit.letter:
        lines += ["", "<details><summary>a text to send</summary>", ""]
        lines += [*block(culprit.letter.splitlines()), "", "</details>"]
    return lines


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"
