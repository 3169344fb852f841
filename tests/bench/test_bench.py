"""From samples to figures, and the table that shows them; nothing is timed here."""

from io import StringIO

import pytest
from rich.console import Console

from tests.bench.figures import Figure, Row
from tests.bench.pairs import Bench, measure
from tests.bench.table import table

RATIO = Row("boot", "traced", "bare", "ratio", goal=1.25)
# in every pair the harness takes a quarter more, however long the machine takes
SAMPLES = {"traced": [1.25, 12.5, 2.5], "bare": [1.0, 10.0, 2.0]}


def shown(*rows: Row, samples: dict[str, list[float]], width: int = 100) -> str:
    output = StringIO()
    Console(file=output, width=width).print(table([(row, samples) for row in rows], pairs=3))
    return output.getvalue()


def test_ratio_is_that_of_the_pairs() -> None:
    assert RATIO.figure(SAMPLES) == Figure(1.25, 1.25, 1.25)
    assert RATIO.medians(SAMPLES) == (2.5, 2.0)


def test_ratio_needs_pairs() -> None:
    with pytest.raises(ValueError, match="shorter"):
        RATIO.figure({"traced": [1.0, 2.0], "bare": [1.0]})


def test_difference_is_that_of_the_pairs() -> None:
    row = Row("gdb", "gdb", "recorder", "difference", goal=1.0)
    assert row.figure({"gdb": [3.0, 2.0, 9.0], "recorder": [1.0, 1.5, 8.0]}).median == 1.0


def test_spread_are_the_quartiles() -> None:
    assert Figure.of([5.0, 1.0, 4.0, 2.0, 3.0]) == Figure(3.0, 2.0, 4.0)
    assert Figure.of([7.0]) == Figure(7.0, 7.0, 7.0)


@pytest.mark.parametrize(
    ("at_least", "goal", "met"),
    [(False, 1.25, True), (False, 1.24, False), (True, 1.25, True), (True, 1.26, False)],
)
def test_goal(at_least: bool, goal: float, met: bool) -> None:
    row = Row("boot", "traced", "bare", "ratio", goal=goal, at_least=at_least)
    assert row.met(SAMPLES) is met
    assert ("yes" in shown(row, samples=SAMPLES)) is met
    assert ("NO" in shown(row, samples=SAMPLES)) is not met


def test_row_without_a_goal_is_neither_met_nor_missed() -> None:
    row = Row("boot", "traced", "bare", "ratio")
    assert row.met(SAMPLES) is None
    line = shown(row, samples=SAMPLES)
    assert "1.25x (1.25-1.25)" in line
    assert "yes" not in line
    assert "NO" not in line


def test_table_fits_80_columns() -> None:
    memory = Row("memory of one disk image", "bytes", unit="bytes", goal=30e6)
    gdb = Row("gdb tracer, 230 block moves", "gdb", "recorder", "difference", goal=1.0)
    text = shown(
        RATIO,
        memory,
        gdb,
        samples={**SAMPLES, "bytes": [2.5e6], "gdb": [1.5, 1.6], "recorder": [0.5, 0.4]},
        width=80,
    )
    for part in ("1.25x (1.25-1.25)", "2.50 s", "bare 2.00 s", "<=1.25x", "2.50 MB", "<=30 MB",
                 "recorder 450 ms", "1.10 s (1.05-1.15)", "yes", "NO"):  # fmt: skip
        assert part in text


def test_pairs_are_interleaved_and_the_first_of_each_does_not_count() -> None:
    order: list[str] = []

    def side(name: str) -> dict[str, float]:
        order.append(name)
        return {name: float(len(order))}

    bench = Bench("any", (lambda: side("one"), lambda: side("other")), ())
    assert measure([bench], pairs=3) == {"any": {"one": [3.0, 6.0, 7.0], "other": [4.0, 5.0, 8.0]}}
    assert order == ["one", "other", "one", "other", "other", "one", "one", "other"]
