"""A hunt as one HTML file that needs no network: the answer, the range, every boot."""

import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from bootharness.bisection.answer import Answer
from bootharness.bisection.log import Seen
from bootharness.bisection.report.words import certainty, first_bad
from bootharness.bisection.search import Lost
from bootharness.diagnosis.verdict import Verdict
from bootharness.text import printable

__all__ = ["hunt_html"]

_HERE = Path(__file__).parent
_CSS = Path(__file__).parents[2] / "report" / "page.css"
_MIB = 1 << 20
# colours that matplotlib accepts, and the page's variables that stand for them
_COLOURS = {Verdict.GOOD: "#010101", Verdict.BAD: "#020202", Verdict.SKIP: "#030303"}
_INK, _LINE = "#040404", "#050505"
_VARIABLES = {
    "#010101": "--good",
    "#020202": "--bad",
    "#030303": "--unknown",
    _INK: "--ink",
    _LINE: "--line",
}
_MARKS = {Verdict.GOOD: "o", Verdict.BAD: "X", Verdict.SKIP: "s"}
_MOST_LABELS = 12
_LABEL = 24


def hunt_html(title: str, seen: Sequence[Seen], answer: Answer | None, lost: Lost | None) -> str:
    """Return the page."""
    import jinja2  # takes a while to import, and most hunts are not drawn
    from markupsafe import Markup

    template = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    ).from_string((_HERE / "hunt.html.j2").read_text())
    return template.render(
        title=printable(title),
        answer=answer,
        first_bad=first_bad(answer) if answer else "",
        certainty=certainty(answer) if answer else "",
        lost=printable(lost.reason) if lost else "",
        rows=[row for row in answer.rows if row.differs] if answer else [],
        seen=seen,
        plot=Markup(_plot(seen, answer)),
        css=Markup(_CSS.read_text()),
    )


def _plot(seen: Sequence[Seen], answer: Answer | None) -> str:
    """Return every boot by its position and its payload, as SVG in the page's colours."""
    known = [each for each in seen if each.facts.payload_bytes]
    if not known:
        return ""
    from matplotlib import rc_context
    from matplotlib.figure import Figure  # takes longer to import than to draw

    with rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": "hunt"}):
        figure = Figure(figsize=(10.5, 4.6), layout="constrained")
        axes = figure.add_subplot()
        for verdict in Verdict:
            chosen = [each for each in known if each.verdict is verdict]
            if not chosen:
                continue
            axes.scatter(
                [each.position for each in chosen],
                [each.facts.payload_bytes / _MIB for each in chosen],
                c=_COLOURS[verdict], marker=_MARKS[verdict], s=44, label=verdict.value,
            )  # fmt: skip
        if answer and answer.limit:
            axes.axhline(answer.limit / _MIB, color=_COLOURS[Verdict.BAD], linewidth=1.2)
            axes.annotate(f"limit {answer.limit:,} bytes", (0.01, answer.limit / _MIB),
                          xycoords=("axes fraction", "data"), xytext=(0, 4), color=_INK,
                          textcoords="offset points")  # fmt: skip
        if answer:
            axes.axvline((answer.found.good + answer.found.bad) / 2, color=_INK,
                         linestyle=(0, (4, 3)), linewidth=1)  # fmt: skip
        places = {each.position: each.label for each in known}
        step = -(-len(places) // _MOST_LABELS)
        shown = sorted(places)[::step]
        axes.set_xticks(
            shown, [printable(places[at])[:_LABEL] for at in shown], rotation=30, ha="right"
        )
        axes.set_ylabel("payload, MiB", color=_INK)
        axes.tick_params(colors=_INK)
        axes.grid(color=_LINE, linewidth=0.7)
        axes.legend(frameon=False, labelcolor=_INK)
        for spine in axes.spines.values():
            spine.set_color(_LINE)
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    drawn = re.sub(r"<metadata>.*?</metadata>", "", text.getvalue(), flags=re.DOTALL)
    drawn = drawn[drawn.index("<svg") :].replace(
        "<svg ", '<svg role="img" aria-label="Payloads" ', 1
    )
    for colour, variable in _VARIABLES.items():
        drawn = drawn.replace(colour, f"var({variable})")
    return drawn
