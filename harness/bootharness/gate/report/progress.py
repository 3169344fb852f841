"""A gate while it runs: a bar on a terminal, elsewhere a line for each result."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from bootharness.gate.gate import GateObserver
from bootharness.host.closing import Closing
from bootharness.report.live import clear_width
from bootharness.runs.cell import Cell
from bootharness.runs.result import CellResult

__all__ = ["GateProgress"]

_AT_ONCE = 2


class GateProgress(GateObserver, Closing):
    """Shows how far a gate has come, on standard error; use as a context manager."""

    def __init__(self) -> None:
        console = Console(stderr=True, width=clear_width())
        self._terminal = console.is_terminal
        self._progress = Progress(
            TimeElapsedColumn(),
            MofNCompleteColumn(),
            BarColumn(bar_width=12),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis"),
            ),
            console=console,
            transient=True,
            disable=not self._terminal,
        )
        self._task = self._progress.add_task("booting", total=None)
        self._left: list[Cell] = []
        self._cells = self._done = self._cached = 0
        self._progress.start()

    def begun(self, cells: Sequence[Cell]) -> None:
        """Show how many cells there are, and what is booted first."""
        self._left, self._cells = [*cells], len(cells)
        self._progress.update(self._task, total=self._cells, description=self._booting())

    def _booting(self) -> str:
        """Say what is being booted: those are begun in their order."""
        return ", ".join(f"{each.kernel} ({each.plan.route})" for each in self._left[:_AT_ONCE])

    def result(self, result: CellResult) -> None:
        """Show that a cell is done."""
        self._done += 1
        self._cached += result.cached
        if result.cell in self._left:
            self._left.remove(result.cell)
        self._progress.update(self._task, advance=1, description=self._booting())
        if not self._terminal and not result.cached:
            end = result.decisive.cause or result.verdict
            booted = f"{result.cell.kernel}, {result.cell.plan.route}"
            line = f"[{self._done}/{self._cells}] {booted}: {end}"
            print(line, file=sys.stderr, flush=True)

    def timing(self, boots: int) -> None:
        """Show that times are being measured."""
        self._progress.update(self._task, total=None, description=f"timing: {boots} more boots")
        if not self._terminal:
            print(f"[timing] {boots} more boots, to compare times", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()
