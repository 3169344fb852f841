"""The plot of payloads over versions, as SVG that takes its colours from the page."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bootharness.gate.events import Event, Happening
from bootharness.gate.trend import Crossing, Series, payload_limits
from bootharness.gate.version import version_name
from bootharness.predictor.headroom import Headroom
from bootharness.report.page import Palette, drawing, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["trend_plots"]

_SERIES = ("--one", "--two", "--three", "--four", "--five", "--six")
_MARKS = ("o", "s", "^", "D", "v", "P")
_LIMITS = ("solid", (0, (6, 2)), (0, (2, 2)), (0, (6, 2, 2, 2)))
_EVENTS = {
    Happening.FIRST_BAD: ("v", "--bad"),
    Happening.OTHER_CAUSE: ("s", "--bad"),
    Happening.FIXED: ("^", "--good"),
    Happening.TOOLCHAIN: ("D", "--unknown"),
}
_WIDE, _NARROW = (10.5, 5.2), (4.4, 4.6)
"""In inches: for a page, and for a phone."""
_MOST_LABELS = {_WIDE: 14, _NARROW: 5}
_COLUMNS = {_WIDE: 3, _NARROW: 1}
_LABEL = {_WIDE: 0.06, _NARROW: 0.16}
"""Which part of the plot's width a version takes."""
_LINE_POINTS = 13
_MIB = 1 << 20


def trend_plots(
    lines: Sequence[Series],
    headroom: Sequence[Headroom],
    crossings: Sequence[Crossing],
    happened: Sequence[Event] = (),
) -> tuple[str, str]:
    """Return the SVGs, for a page and for a phone: each series with its projection and with what
    has happened to it, each loader's payload limit as a line, and what that was before."""
    limits = sorted(payload_limits(headroom))
    return (
        _plot(_WIDE, lines, limits, crossings, happened),
        _plot(_NARROW, lines, limits, crossings, happened),
    )


def _plot(
    size: tuple[float, float],
    lines: Sequence[Series],
    limits: Sequence[tuple[str, int]],
    crossings: Sequence[Crossing],
    happened: Sequence[Event],
) -> str:
    palette = Palette()
    ink, bad = palette["--ink"], palette["--bad"]
    figure = new_figure(*size)
    axes = figure.add_subplot()
    for number, each in enumerate(lines):
        colour = palette[_SERIES[number % len(_SERIES)]]
        places = [point.place for point in each.points]
        sizes = [point.payload_bytes / _MIB for point in each.points]
        axes.plot(places, sizes, color=colour, marker=_MARKS[number % len(_MARKS)],
                  markersize=5, linewidth=1.6, label=each.name)  # fmt: skip
        for end in (one for one in crossings if one.series == each.name and one.releases > 0):
            axes.plot([places[-1], end.place], [sizes[-1], end.limit / _MIB], color=colour,
                      linestyle=(0, (4, 3)), linewidth=1.2)  # fmt: skip
            axes.plot(end.place, end.limit / _MIB, color=bad, marker="x", markersize=7)
    for number, (loader, limit) in enumerate(limits):
        axes.axhline(limit / _MIB, color=bad, linewidth=1.4, label=f"limit of {Path(loader).name}",
                     linestyle=_LIMITS[number % len(_LIMITS)])  # fmt: skip
    _mark(axes, palette, lines, happened)
    _dress(axes, palette, lines, crossings, most=_MOST_LABELS[size])
    left, right = axes.get_xlim()
    for end, row in _rows(crossings, (right - left) * _LABEL[size]):
        axes.annotate(
            end.version, (end.place, end.limit / _MIB), color=ink, ha="center",
            xytext=(0, -17 - _LINE_POINTS * row), textcoords="offset points",
            bbox={"facecolor": palette["--ground"], "linewidth": 0, "pad": 1.0},
        )  # fmt: skip
    # beside the lines they would lie on each other
    figure.legend(loc="outside lower center", ncols=_COLUMNS[size], frameon=False, labelcolor=ink)
    label = "Payload over Linux versions, with each loader's limit"
    return drawing(figure, palette, label, narrow=size == _NARROW)


def _mark(
    axes: "Axes", palette: Palette, lines: Sequence[Series], happened: Sequence[Event]
) -> None:
    """Mark the kernels to which something has happened, and the limits of the past."""
    for what, (mark, colour) in _EVENTS.items():
        releases = {event.release for event in happened if event.what is what}
        points = [point for each in lines for point in each.points if point.release in releases]
        if points:
            axes.plot([point.place for point in points],
                      [point.payload_bytes / _MIB for point in points], color=palette[colour],
                      marker=mark, markersize=13, markerfacecolor="none", markeredgewidth=1.8,
                      linestyle="none", label=what)  # fmt: skip
    for event in happened:
        if event.limit:
            until = datetime.fromtimestamp(event.at, UTC).strftime("%Y-%m-%d")
            axes.axhline(event.limit / _MIB, color=palette["--dim"], linewidth=1.2,
                         linestyle="dotted",
                         label=f"limit of {Path(event.loader).name} until {until}")  # fmt: skip


def _rows(crossings: Iterable[Crossing], width: float) -> Iterable[tuple[Crossing, int]]:
    """Yield each crossing with how many lines lower its version is written, so that those that
    are closer than a version is wide do not lie on each other."""
    row, last = 0, None
    for each in sorted((one for one in crossings if one.releases > 0), key=lambda one: one.place):
        row = row + 1 if last is not None and each.place - last < width else 0
        last = each.place
        yield each, row


def _dress(
    axes: "Axes",
    palette: Palette,
    lines: Sequence[Series],
    crossings: Sequence[Crossing],
    *,
    most: int,
) -> None:
    ink, line = palette["--ink"], palette["--line"]
    places = [point.place for each in lines for point in each.points]
    last = max([*places, *(one.place for one in crossings)])
    first = int(min(places))
    step = max(1, -(-(int(last) + 2 - first) // most))
    ticks = range(first, int(last) + 2, step)
    axes.set_xticks(list(ticks), [version_name(tick) for tick in ticks])
    axes.set_xlabel("Linux version", color=ink)
    axes.set_ylabel("payload, MiB", color=ink)
    axes.tick_params(colors=palette["--dim"])
    axes.grid(color=line, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.margins(y=0.12)
    for spine in axes.spines.values():
        spine.set_color(line)
