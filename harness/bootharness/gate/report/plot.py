"""The plot of payloads over versions, as SVG that takes its colours from the page."""

import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from bootharness.gate.outcome import Room
from bootharness.gate.trend import Crossing, Series, version_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["trend_plot"]

# colours that matplotlib accepts, and the page's variables that stand for them
_INK, _DIM, _LINE, _LIMIT = "#010101", "#020202", "#030303", "#040404"
_SERIES = ("#050505", "#060606", "#070707", "#080808", "#090909", "#0a0a0a")
_NAMES = ("--one", "--two", "--three", "--four", "--five", "--six")
_VARIABLES = {_INK: "--ink", _DIM: "--dim", _LINE: "--line", _LIMIT: "--bad"} | dict(
    zip(_SERIES, _NAMES, strict=True)
)
_MARKS = ("o", "s", "^", "D", "v", "P")
_SIZE_INCHES = (10.5, 5.2)
_MOST_LABELS = 14
_MIB = 1 << 20


def trend_plot(
    lines: Sequence[Series], rooms: Sequence[Room], crossings: Sequence[Crossing]
) -> str:
    """Return the SVG: each series with its projection, each loader's payload limit as a line."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure  # takes longer to import than to draw

    with rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": "gate"}):
        figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
        axes = figure.add_subplot()
        for number, each in enumerate(lines):
            colour = _SERIES[number % len(_SERIES)]
            places = [point.place for point in each.points]
            sizes = [point.payload_bytes / _MIB for point in each.points]
            axes.plot(places, sizes, color=colour, marker=_MARKS[number % len(_MARKS)],
                      markersize=5, linewidth=1.6, label=each.name)  # fmt: skip
            ends = [one for one in crossings if one.series == each.name and one.releases > 0]
            for end in ends:
                axes.plot([places[-1], end.place], [sizes[-1], end.limit / _MIB], color=colour,
                          linestyle=(0, (4, 3)), linewidth=1.2)  # fmt: skip
                axes.annotate(end.version, (end.place, end.limit / _MIB), color=_INK,
                              xytext=(0, -16), textcoords="offset points", ha="center")  # fmt: skip
        for loader, limit in sorted(
            {(room.loader, room.limit) for room in rooms if room.part == "payload" and room.limit}
        ):
            assert limit
            axes.axhline(limit / _MIB, color=_LIMIT, linewidth=1.4)
            axes.annotate(f"{Path(loader).name}: {limit:,} bytes", (0.01, limit / _MIB),
                          xycoords=("axes fraction", "data"), color=_LIMIT, xytext=(0, 4),
                          textcoords="offset points")  # fmt: skip
        _dress(axes, lines, crossings)
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return _for_page(text.getvalue())


def _dress(axes: "Axes", lines: Sequence[Series], crossings: Sequence[Crossing]) -> None:
    places = [point.place for each in lines for point in each.points]
    last = max([*places, *(one.place for one in crossings)])
    first = int(min(places))
    step = max(1, round((last - first) / _MOST_LABELS))
    ticks = range(first, int(last) + 2, step)
    axes.set_xticks(list(ticks), [version_name(tick) for tick in ticks])
    axes.set_xlabel("Linux version", color=_INK)
    axes.set_ylabel("payload, MiB", color=_INK)
    axes.tick_params(colors=_DIM)
    axes.grid(color=_LINE, linewidth=0.7)
    axes.legend(frameon=False, labelcolor=_INK, loc="lower right")
    for spine in axes.spines.values():
        spine.set_color(_LINE)


def _for_page(svg: str) -> str:
    """Return what goes into an HTML file: no XML declaration, colours by the page's names."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    named = 'role="img" aria-label="Payload over Linux versions, with each loader\'s limit" '
    return svg.replace("<svg ", f"<svg {named}", 1)
