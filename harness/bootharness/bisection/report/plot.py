"""The plot of a hunt: the boots next to the boundary, each by its payload."""

from collections.abc import Mapping, Sequence

from bootharness.bisection.answer import Answer
from bootharness.bisection.log import Seen
from bootharness.diagnosis.verdict import Verdict
from bootharness.report.page import Palette, drawing, new_figure
from bootharness.text import printable

__all__ = ["hunt_plots", "nearest"]

_COLOURS = {Verdict.GOOD: "--good", Verdict.BAD: "--bad", Verdict.SKIP: "--unknown"}
_MARKS = {Verdict.GOOD: "o", Verdict.BAD: "X", Verdict.SKIP: "s"}
_NAMES = {Verdict.GOOD: "good", Verdict.BAD: "bad", Verdict.SKIP: "unknown"}
_WIDE, _NARROW = (10.5, 4.8), (4.4, 5.4)
"""In inches: for a page, and for a phone."""
_MOST = {_WIDE: 11, _NARROW: 7}
_LABEL = {_WIDE: 26, _NARROW: 20}
_TURNED = {_WIDE: 35, _NARROW: 60}


def hunt_plots(seen: Sequence[Seen], answer: Answer | None) -> tuple[str, ...]:
    """Return the SVGs, for a page and for a phone; nothing where all payloads that are known are
    the same."""
    known = [each for each in seen if each.facts.payload_bytes]
    differ = len({each.facts.payload_bytes for each in known}) > 1
    return tuple(_plot(size, known, answer) for size in (_WIDE, _NARROW) if differ)


def nearest(positions: Sequence[int], boundary: float, most: int) -> tuple[int, ...]:
    """Return those positions that are nearest to the boundary, in order."""
    return tuple(sorted(sorted(set(positions), key=lambda each: abs(each - boundary))[:most]))


def _plot(size: tuple[float, float], known: Sequence[Seen], answer: Answer | None) -> str:
    figure = new_figure(*size)
    from matplotlib.ticker import MaxNLocator  # which is here now

    palette = Palette()
    ink, line = palette["--ink"], palette["--line"]
    positions = [each.position for each in known]
    boundary = (answer.found.good + answer.found.bad) / 2 if answer else max(positions) / 2
    shown = nearest(positions, boundary, _MOST[size])
    # one beside the other, and no others: the boundary is where one looks
    rank = {position: number for number, position in enumerate(shown)}
    axes = figure.add_subplot()
    for verdict in Verdict:
        chosen = [each for each in known if each.verdict is verdict and each.position in rank]
        if chosen:
            axes.scatter(
                [rank[each.position] for each in chosen],
                [each.facts.payload_bytes for each in chosen],
                c=palette[_COLOURS[verdict]], marker=_MARKS[verdict], s=44, label=_NAMES[verdict],
            )  # fmt: skip
    if answer and answer.limit:
        axes.axhline(answer.limit, color=palette["--bad"], linewidth=1.2,
                     label=f"limit, {answer.limit:,} bytes")  # fmt: skip
    if answer:
        below = sum(position < boundary for position in shown)
        axes.axvline(below - 0.5, color=ink, linestyle=(0, (4, 3)), linewidth=1,
                     label="the range turns bad")  # fmt: skip
    axes.set_xticks(
        range(len(shown)), _labels(known, shown, _LABEL[size]), rotation=_TURNED[size], ha="right"
    )
    axes.set_xlim(-0.6, len(shown) - 0.4)
    axes.set_ylabel("payload, bytes", color=ink)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(colors=ink)
    axes.grid(color=line, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.margins(y=0.12)
    for spine in axes.spines.values():
        spine.set_color(line)
    columns = 5 if size == _WIDE else 2
    figure.legend(loc="outside upper center", ncols=columns, frameon=False, labelcolor=ink)
    return drawing(figure, palette, "Payloads next to the boundary", narrow=size == _NARROW)


def _labels(known: Sequence[Seen], shown: Sequence[int], most: int) -> list[str]:
    """Return what these positions are called; of a long name its first word, the digest of a
    commit, or where it is one word its end, which tells most."""
    names: Mapping[int, str] = {each.position: printable(each.label) for each in known}
    called = [names[position] for position in shown]
    words = [name if len(name) <= most else name.split(" ")[0] for name in called]
    return [name if len(name) <= most else f"…{name[1 - most :]}" for name in words]
