"""A hunt as Markdown, for a job's summary or a bug report."""

from collections.abc import Sequence

from bootharness.bisection.bisect import HuntResult
from bootharness.bisection.config_answer import ConfigAnswer
from bootharness.bisection.report.symbols import symbol_table
from bootharness.bisection.report.words import certainty, first_bad
from bootharness.diagnosis.verdict import Verdict
from bootharness.report.again import command
from bootharness.text import count, printable

__all__ = ["hunt_markdown"]

_MOST_GROWTH = 40
_SIGNS = {Verdict.GOOD: "✅", Verdict.BAD: "❌", Verdict.SKIP: "❔"}


def hunt_markdown(result: HuntResult) -> str:
    """Return the answer, the experiments, the two kernels side by side, and every boot."""
    answer, lost, seen = result.answer, result.lost, result.boots
    lines = [f"### Bisection: {_escaped(result.title)}", ""]
    if answer:
        lines += [
            f"**{_escaped(answer.conclusion)}**",
            "",
            f"- first bad: {_escaped(first_bad(answer))}",
            f"- last good: {_escaped(answer.good.label)}",
            f"- {_escaped(f'{answer.bad.cause}: {answer.bad.sentence}')}",
            f"- {_escaped(certainty(answer))}",
            f"- reproduce: {_escaped(command(answer.bad.source, result.plan))}",
            "",
            "| | experiment | |",
            "|---|---|---|",
        ]
        lines += [
            f"| {_SIGNS[each.verdict]} | {_escaped(each.what)} | {_escaped(each.why)} |"
            for each in answer.outcomes
        ]
        if result.config:
            lines += _of_config(result.config)
        lines += ["", "| differs in | last good | first bad |", "|---|---|---|"]
        lines += [
            f"| {_escaped(row.name)} | {_escaped(row.good)} | {_escaped(row.bad)} |"
            for row in answer.rows
            if row.differs
        ]
    elif lost:
        lines.append(f"**not found: {_escaped(lost.reason)}**")
    lines += ["", "<details><summary>every boot</summary>", "", "| | kernel | cause | payload |",
              "|---|---|---|---:|"]  # fmt: skip
    lines += [
        f"| {_SIGNS[each.verdict]} | {_escaped(each.label)} | {each.cause or ''} | "
        f"{count(each.facts.payload_bytes, 'byte') if each.facts.payload_bytes else ''} |"
        for each in seen
    ]
    return "\n".join([*lines, "", "</details>", ""])


def _of_config(config: ConfigAnswer) -> list[str]:
    table = symbol_table(config, _MOST_GROWTH)
    head = ["", _row(table.head), "|" + "---|" * len(table.head)]
    return [*head, *map(_row, table.rows), "", *(f"- {_escaped(note)}" for note in table.notes)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    text = printable(text)
    for sign in "\\|<>*_`[":
        text = text.replace(sign, f"\\{sign}")
    return text
