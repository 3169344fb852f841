"""The figures as a table for people."""

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from tests.bench.figures import Row, Samples

__all__ = ["table"]

_MET = {True: ("yes", "green"), False: ("NO", "bold red"), None: ("", "")}


def table(measured: Iterable[tuple[Row, Samples]], pairs: int) -> Table:
    """Return the table of the rows with their samples; it fits 80 columns."""
    result = Table(
        title=f"Medians of {pairs} interleaved pairs; in brackets the quartiles",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    result.add_column("", min_width=15)
    for heading in ("harness", "beside", "figure", "goal"):
        result.add_column(heading, justify="right", no_wrap=True)
    result.add_column("met")
    for row, samples in measured:
        ours, other = row.medians(samples)
        word, colour = _MET[row.met(samples)]
        result.add_row(
            row.title,
            _amount(row, ours),
            "" if other is None else f"{row.against} {_amount(row, other)}",
            _figure(row, samples),
            _goal(row),
            Text(word, colour),
        )
    return result


def _figure(row: Row, samples: Samples) -> str:
    figure = row.figure(samples)
    scale, unit = _scale(row, figure.median)
    low, middle, high = (_digits(each / scale) for each in (figure.low, figure.median, figure.high))
    return f"{middle}{unit} ({low}-{high})"


def _goal(row: Row) -> str:
    if row.goal is None:
        return ""
    scale, unit = _scale(row, row.goal)
    return f"{'>=' if row.at_least else '<='}{row.goal / scale:g}{unit}"


def _amount(row: Row, amount: float) -> str:
    scale, unit = _unit(row, amount)
    return f"{_digits(amount / scale)}{unit}"


def _scale(row: Row, figure: float) -> tuple[float, str]:
    """Return what a figure is divided by to be written, and its unit."""
    if row.by == "ratio":
        return 1.0, "x"
    return _unit(row, figure)


def _unit(row: Row, amount: float) -> tuple[float, str]:
    if row.unit == "s":
        return _seconds(amount)
    return (1e6, " MB") if row.unit == "bytes" else (1.0, row.unit)


def _seconds(amount: float) -> tuple[float, str]:
    return (1.0, " s") if abs(amount) >= 1 else (1e-3, " ms")


def _digits(number: float) -> str:
    """Write three digits."""
    return f"{number:.{2 if abs(number) < 10 else 1 if abs(number) < 100 else 0}f}"
