"""A hunt as Markdown, for a job's summary or a bug report."""

import re
from collections.abc import Sequence

from bootharness.bisection.bisect import HuntResult
from bootharness.bisection.config_answer import ConfigAnswer
from bootharness.bisection.culprit import Culprit
from bootharness.bisection.log import Seen
from bootharness.bisection.report.symbols import symbol_table
from bootharness.bisection.report.words import Turn, certainty, stages, turn
from bootharness.diagnosis.verdict import Verdict
from bootharness.report.again import command
from bootharness.text import count, printable

__all__ = ["hunt_markdown"]

_MOST_GROWTH = 40
_SIGNS = {Verdict.GOOD: "✅", Verdict.BAD: "❌", Verdict.SKIP: "❔"}


def hunt_markdown(result: HuntResult) -> str:
    """Return the answer, the experiments, the two kernels side by side, and every boot."""
    answer, lost = result.answer, result.lost
    lines = [f"### Bisection: {_escaped(result.title)}", ""]
    if answer:
        first, last = turn(answer)
        lines += [
            f"**{_escaped(answer.conclusion)}**",
            "",
            f"- {first.name}: {_escaped(first.label)}",
            f"- {last.name}: {_escaped(last.label)}",
            f"- {_escaped(f'{answer.bad.cause}: {answer.bad.sentence}')}",
            f"- hunted: {_escaped(result.hunted)}",
            *([f"- built with {_escaped(result.built)}"] if result.built else []),
            f"- {_escaped(certainty(answer))}",
        ]
        if answer.bad.source:
            lines.append(f"- reproduce: {_escaped(command(answer.bad.source, result.plan))}")
        if answer.outcomes:
            lines += ["", "| | experiment | |", "|---|---|---|"]
        lines += [
            f"| {_SIGNS[each.verdict]} | {_escaped(each.what)} | {_escaped(each.why)} |"
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
            f"| {_escaped(row.name)} | {_escaped(row.good)} | {_escaped(row.bad)} |" for row in rows
        ]
    elif lost:
        lines.append(f"**not found: {_escaped(lost.reason)}**")
        if result.advice:
            lines += ["", _escaped(result.advice)]
    for title, stage in stages(result):
        lines += _boots(title or "every boot", stage.boots)
    return "\n".join([*lines, ""])


def _good_first(first: Turn, last: Turn) -> tuple[Turn, Turn]:
    return (last, first) if last.verdict is Verdict.GOOD else (first, last)


def _boots(title: str, seen: Sequence[Seen]) -> list[str]:
    lines = ["", f"<details><summary>{_escaped(title)}</summary>", ""]
    lines += ["| | kernel | cause | payload |", "|---|---|---|---:|"]
    lines += [
        f"| {_SIGNS[each.verdict]} | {_escaped(each.label)} | {each.cause or ''} | "
        f"{count(each.facts.payload_bytes, 'byte') if each.facts.payload_bytes else ''} |"
        for each in seen
    ]
    return [*lines, "", "</details>"]


def _of_config(config: ConfigAnswer) -> list[str]:
    table = symbol_table(config, _MOST_GROWTH)
    head = ["", _row(table.head), "|" + "---|" * len(table.head)]
    return [*head, *map(_row, table.rows), "", *(f"- {_escaped(note)}" for note in table.notes)]


def _of_culprit(culprit: Culprit) -> list[str]:
    said = (culprit.commit, culprit.subject, f"{culprit.author}, {culprit.date}")
    lines = ["", *(f"- {_escaped(line)}" for line in said)]
    lines += ["", *_block(culprit.diffstat)]
    if culprit.fixes:
        lines += ["", *_block((culprit.fixes, culprit.regzbot))]
    if culprit.letter:
        lines += ["", "<details><summary>a text to send</summary>", ""]
        lines += [*_block(culprit.letter.splitlines()), "", "</details>"]
    return lines


def _block(lines: Sequence[str]) -> list[str]:
    """Return lines as they are, in a block whose fence is longer than any in them."""
    text = [printable(line) for line in lines]
    longest = max(len(run) for run in re.findall("`*", "\n".join(text)))
    fence = "`" * max(3, longest + 1)
    return [fence, *text, fence]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    text = printable(text)
    for sign in "\\|<>*_`[":
        text = text.replace(sign, f"\\{sign}")
    return text
