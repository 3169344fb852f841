"""A hunt as one HTML file that needs no network: the answer, the range, every boot."""

from collections.abc import Sequence
from pathlib import Path

from bootharness.bisection.answer import Answer
from bootharness.bisection.bisect import HuntResult
from bootharness.bisection.log import Seen
from bootharness.bisection.report.words import certainty, first_bad
from bootharness.diagnosis.verdict import Verdict
from bootharness.report.page import Palette, drawing, drawn, new_figure, rendered
from bootharness.text import printable

__all__ = ["hunt_html"]

_TEMPLATE = Path(__file__).with_name("hunt.html.j2")
_MIB = 1 << 20
_COLOURS = {Verdict.GOOD: "--good", Verdict.BAD: "--bad", Verdict.SKIP: "--unknown"}
_MARKS = {Verdict.GOOD: "o", Verdict.BAD: "X", Verdict.SKIP: "s"}
_MOST_LABELS = 12
_LABEL = 24


def hunt_html(result: HuntResult) -> str:
    """Return the page."""
    answer, lost, seen = result.answer, result.lost, result.boots
    values = {
        "title": printable(result.title),
        "answer": answer,
        "first_bad": first_bad(answer) if answer else "",
        "certainty": certainty(answer) if answer else "",
        "lost": printable(lost.reason) if lost else "",
        "rows": [row for row in answer.rows if row.differs] if answer else [],
        "seen": seen,
        "plot": drawn(lambda: _plot(seen, answer)),
    }
    return rendered(_TEMPLATE, values)


def _plot(seen: Sequence[Seen], answer: Answer | None) -> str:
    """Return every boot by its position and its payload, as SVG in the page's colours."""
    known = [each for each in seen if each.facts.payload_bytes]
    if not known:
        return ""
    palette = Palette()
    ink, line = palette["--ink"], palette["--line"]
    figure = new_figure(10.5, 4.6)
    axes = figure.add_subplot()
    for verdict in Verdict:
        chosen = [each for each in known if each.verdict is verdict]
        if not chosen:
            continue
        axes.scatter(
            [each.position for each in chosen],
            [each.facts.payload_bytes / _MIB for each in chosen],
            c=palette[_COLOURS[verdict]], marker=_MARKS[verdict], s=44, label=verdict.value,
        )  # fmt: skip
    if answer and answer.limit:
        axes.axhline(answer.limit / _MIB, color=palette["--bad"], linewidth=1.2)
        axes.annotate(f"limit {answer.limit:,} bytes", (0.01, answer.limit / _MIB),
                      xycoords=("axes fraction", "data"), xytext=(0, 4), color=ink,
                      textcoords="offset points")  # fmt: skip
    if answer:
        axes.axvline((answer.found.good + answer.found.bad) / 2, color=ink,
                     linestyle=(0, (4, 3)), linewidth=1)  # fmt: skip
    places = {each.position: each.label for each in known}
    step = -(-len(places) // _MOST_LABELS)
    shown = sorted(places)[::step]
    names = [printable(places[at])[:_LABEL] for at in shown]
    axes.set_xticks(shown, names, rotation=30, ha="right")
    axes.set_ylabel("payload, MiB", color=ink)
    axes.tick_params(colors=ink)
    axes.grid(color=line, linewidth=0.7)
    axes.legend(frameon=False, labelcolor=ink)
    for spine in axes.spines.values():
        spine.set_color(line)
    return drawing(figure, palette, "Payloads")
