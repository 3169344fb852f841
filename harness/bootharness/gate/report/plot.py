"""The plot of payloads over versions, as SVG that takes its colours from the page."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bootharness.gate.trend import Crossing, Series, payload_limits, version_name
from bootharness.predictor.headroom import Headroom
from bootharness.report.page import Palette, drawing, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["trend_plot"]

_SERIES = ("--one", "--two", "--three", "--four", "--five", "--six")
_MARKS = ("o", "s", "^", "D", "v", "P")
_WIDTH, _HEIGHT = 10.5, 5.2
_MOST_LABELS = 14
_MIB = 1 << 20


def trend_plot(
    lines: Sequence[Series], headroom: Sequence[Headroom], crossings: Sequence[Crossing]
) -> str:
    """Return the SVG: each series with its projection, each loader's payload limit as a line."""
    palette = Palette()
    ink, bad = palette["--ink"], palette["--bad"]
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.add_subplot()
    for number, each in enumerate(lines):
        colour = palette[_SERIES[number % len(_SERIES)]]
        places = [point.place for point in each.points]
        sizes = [point.payload_bytes / _MIB for point in each.points]
        axes.plot(places, sizes, color=colour, marker=_MARKS[number % len(_MARKS)],
                  markersize=5, linewidth=1.6, label=each.name)  # fmt: skip
        ends = [one for one in crossings if one.series == each.name and one.releases > 0]
        for end in ends:
            axes.plot([places[-1], end.place], [sizes[-1], end.limit / _MIB], color=colour,
                      linestyle=(0, (4, 3)), linewidth=1.2)  # fmt: skip
            axes.annotate(end.version, (end.place, end.limit / _MIB), color=ink,
                          xytext=(0, -16), textcoords="offset points", ha="center")  # fmt: skip
    for loader, limit in sorted(payload_limits(headroom)):
        axes.axhline(limit / _MIB, color=bad, linewidth=1.4)
        axes.annotate(f"{Path(loader).name}: {limit:,} bytes", (0.01, limit / _MIB),
                      xycoords=("axes fraction", "data"), color=bad, xytext=(0, 4),
                      textcoords="offset points")  # fmt: skip
    _dress(axes, palette, lines, crossings)
    return drawing(figure, palette, "Payload over Linux versions, with each loader's limit")


def _dress(
    axes: "Axes", palette: Palette, lines: Sequence[Series], crossings: Sequence[Crossing]
) -> None:
    ink, line = palette["--ink"], palette["--line"]
    places = [point.place for each in lines for point in each.points]
    last = max([*places, *(one.place for one in crossings)])
    first = int(min(places))
    step = max(1, round((last - first) / _MOST_LABELS))
    ticks = range(first, int(last) + 2, step)
    axes.set_xticks(list(ticks), [version_name(tick) for tick in ticks])
    axes.set_xlabel("Linux version", color=ink)
    axes.set_ylabel("payload, MiB", color=ink)
    axes.tick_params(colors=palette["--dim"])
    axes.grid(color=line, linewidth=0.7)
    axes.legend(frameon=False, labelcolor=ink, loc="lower right")
    for spine in axes.spines.values():
        spine.set_color(line)
