"""A gate while it runs: a bar on a terminal, elsewhere a line for each result."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bootharness.gate.gate import GateObserver
from bootharness.host.closing import Closing
from bootharness.runs.result import CellResult

__all__ = ["GateProgress"]


class GateProgress(GateObserver, Closing):
    """Shows how far a gate has come, on standard error; use as a context manager."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._terminal = console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not self._terminal,
        )
        self._task = self._progress.add_task("booting", total=None)
        self._cells = self._done = self._cached = 0
        self._progress.start()

    def begun(self, cells: int) -> None:
        """Show how many cells there are."""
        self._cells = cells
        self._progress.update(self._task, total=cells)

    def result(self, result: CellResult) -> None:
        """Show that a cell is done."""
        self._done += 1
        self._cached += result.cached
        self._progress.update(self._task, advance=1, description=result.cell.kernel)
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
