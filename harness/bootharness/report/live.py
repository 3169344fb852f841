"""A boot while it runs: a bar of bytes placed, or every BIOS call and event on the network.

Observers are made before QEMU starts and print after it: what printing needs is imported
when there is something to print.
"""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, TextIO

import click

from bootharness.trace.observer import Observer

if TYPE_CHECKING:
    from rich.progress import Task
    from rich.text import Text

    from bootharness.formats.bioscall import BiosCall
    from bootharness.trace.milestones import Milestone
    from bootharness.trace.network_facts import NetEvent

__all__ = ["Clock", "clear_width", "watching"]

_PATIENCE_S = 0.5
_NEVER_RETURN = (0x18, 0x19)
# BIOS calls are heard of in batches, so late
_BATCH_S = 0.2
_LINE_END = 0x0A


@contextmanager
def watching(name: str, *, verbose: bool, output: TextIO) -> Iterator[Observer]:
    """Show one boot while it runs: every call on ``output``, or its progress on a terminal."""
    if verbose:
        printer = CallPrinter(output)
        yield printer
        printer.finish()
    elif sys.stderr.isatty():
        bar = ProgressBar(name)
        try:
            yield bar
        finally:
            bar.stop()
    else:
        yield Spectator()


def clear_width() -> int:
    """Return how wide what is to vanish again may be: a line that the terminal's ^C makes too long
    would stay."""
    return max(shutil.get_terminal_size().columns - 3, 1)


class Clock:
    """What is being done and for how long, below what has been printed; on a terminal alone."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._progress: Any = None

    def show(self, text: str | Callable[[], str], *, below: str = "") -> None:
        """Show what is being done from now on, and a line below it; a function is asked for its
        lines again and again."""
        self.stop()
        if not self._output.isatty():
            return
        from rich.console import Console
        from rich.progress import Progress, ProgressColumn, SpinnerColumn, TimeElapsedColumn
        from rich.table import Column
        from rich.text import Text

        said = text if callable(text) else lambda: text

        class Said(ProgressColumn):
            """What is being done."""

            def render(self, task: "Task") -> "Text":
                return Text("\n".join(filter(None, (said(), below))))

        self._progress = Progress(
            SpinnerColumn(),
            TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=7)),
            Said(table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=Console(file=self._output, width=clear_width()),
            transient=True,
        )
        self._progress.add_task("", total=None)
        self._progress.start()

    def stop(self) -> None:
        """Take it away."""
        if self._progress:
            self._progress.stop()
        self._progress = None

    close = stop


class Spectator(Observer):
    """Sees nothing, but uses the time in which QEMU starts to import what will be needed."""

    def started(self) -> None:
        """Import what prints the result."""
        import bootharness.report.terminal  # noqa: F401


class ProgressBar(Spectator):
    """The last milestone, a bar of bytes placed and a clock, on standard error; gone at the end.

    What takes no time shows nothing, and nothing is imported for it before QEMU has been started.
    """

    wants_progress = True

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = time.monotonic()
        self._lock = Lock()
        self._over = False
        self._progress: Any = None
        self._task: Any = None
        self._waiting = Timer(_PATIENCE_S, self._update, kwargs={"milestone": "preparing"})
        self._waiting.daemon = True
        self._waiting.start()

    def started(self) -> None:
        """Say that the machine runs."""
        super().started()
        self._update(milestone="started")

    def milestone(self, milestone: "Milestone") -> None:
        """Show the milestone."""
        self._update(milestone=milestone.name)

    def placed(self, done: int, total: int) -> None:
        """Move the bar."""
        self._update(completed=done, total=total)

    def stop(self) -> None:
        """Take the bar away."""
        self._waiting.cancel()
        with self._lock:
            self._over = True
            if self._progress:
                self._progress.stop()

    def _update(self, **fields: Any) -> None:
        with self._lock:
            self._waiting.cancel()
            if self._over:
                return
            if self._progress is None:
                self._start()
            self._progress.update(self._task, **fields)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.table import Column

        class Running(TimeElapsedColumn):
            """Goes on when all bytes are placed: the kernel has only begun by then."""

            def render(self, task: "Task") -> "Text":
                task.finished_time = None
                return super().render(task)

        name = Column(no_wrap=True, overflow="ellipsis")
        self._progress = Progress(
            SpinnerColumn(),
            Running(table_column=Column(no_wrap=True, min_width=7)),
            TextColumn("{task.fields[milestone]}", table_column=Column(no_wrap=True)),
            DownloadColumn(table_column=Column(no_wrap=True)),
            BarColumn(bar_width=12),
            TextColumn("{task.description}", markup=False, table_column=name),
            console=Console(stderr=True, width=clear_width()),
            transient=True,
            get_time=time.monotonic,
        )
        self._task = self._progress.add_task(self._name, total=None, milestone="starting")
        self._progress.tasks[0].start_time = self._began
        self._progress.start()


class CallPrinter(Spectator):
    """Prints every BIOS call as it happens, and what happens on the network; consecutive
    teletype output as one text."""

    wants_progress = True

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._next = 0
        self._calls: tuple[BiosCall, ...] = ()
        self._events = 0
        self._notes: list[tuple[float, str, str]] = []
        self._text: list[BiosCall] = []
        self._bios = ""
        self._bios_lines: list[str] = []

    def milestone(self, milestone: "Milestone") -> None:
        """Keep it until the calls before it have been printed."""
        line = f"{milestone.seconds:8.4f} ---- {milestone.name}"
        self._notes.append((milestone.seconds, line, "cyan"))

    def events(self, events: tuple["NetEvent", ...]) -> None:
        """Print what is new; the calls before it have been heard of by then."""
        self._notes += [(event.seconds, str(event), "blue") for event in events[self._events :]]
        self._events = len(events)
        if events:
            self._print_notes(events[-1].seconds - _BATCH_S)

    def calls(self, calls: tuple["BiosCall", ...]) -> None:
        """Print what has returned since the last time, in order."""
        self._calls = calls
        for call in calls[self._next :]:
            if call.registers_out is None and call.number not in _NEVER_RETURN:
                return
            self._print(call)

    def bios(self, text: str) -> None:
        """Print the lines that are complete, but not amid a line of the screen."""
        from bootharness.text import printable

        *lines, self._bios = (self._bios + text).split("\n")
        self._bios_lines += [f"    BIOS {printable(line)}" for line in lines if line]
        if not self._text or self._text[-1].registers_in.al == _LINE_END:
            self._print_text()

    def finish(self) -> None:
        """Print the rest, what has not returned as well."""
        for call in self._calls[self._next :]:
            self._print(call)
        self._print_text()
        self._print_notes(float("inf"))

    def _print(self, call: "BiosCall") -> None:
        self._next += 1
        self._print_notes(call.called_at)
        from bootharness.formats.call_lines import writes_text  # by now it has been imported

        if writes_text(call):
            if self._text and self._text[-1].registers_in.cs != call.registers_in.cs:
                self._print_text()
            self._text.append(call)
            return
        self._print_text()
        click.secho(str(call), file=self._output, fg="red" if call.failed else None)

    def _print_text(self) -> None:
        from bootharness.formats.call_lines import call_lines  # by now it has been imported

        for line in call_lines(self._text):
            click.echo(line, file=self._output)
        self._text = []
        for line in self._bios_lines:
            click.secho(line, file=self._output, dim=True)
        self._bios_lines = []

    def _print_notes(self, until: float) -> None:
        due = [note for note in self._notes if note[0] <= until]
        for note in sorted(due, key=lambda note: note[0]):
            self._print_text()
            self._notes.remove(note)
            click.secho(note[1], file=self._output, fg=note[2], bold=True)
