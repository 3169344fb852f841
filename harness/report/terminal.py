"""What a person sees of a boot in a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

from harness.diagnosis import Judgement, Verdict
from harness.formats.bioscall import BiosCall
from harness.observer import Observer
from harness.trace import BootTrace, Milestone

__all__ = ["print_result", "print_summary", "watching"]

_COLOURS = {Verdict.GOOD: "bold green", Verdict.BAD: "bold red", Verdict.SKIP: "bold yellow"}
_SERIAL_LINES = 6
_NEVER_RETURN = (0x18, 0x19)
_TELETYPE = (0x10, 0x0E)


def print_result(console: Console, name: str, trace: BootTrace, judgement: Judgement) -> None:
    """Print the verdict on one boot, and what shows it unless it is good."""
    head = Text.assemble(
        (f"{judgement.verdict.upper():<5}", _COLOURS[judgement.verdict]), (name, "bold")
    )
    if where := _where(trace):
        head.append(f"  {where}")
    console.print(head, soft_wrap=True)
    cause = f"{judgement.cause}: " if judgement.cause else ""
    _indented(console, Text.assemble((cause, "bold"), judgement.summary))
    if judgement.verdict is not Verdict.BAD or judgement.diagnosis is None:
        return
    for line in judgement.diagnosis.evidence:
        _indented(console, Text(f"| {line}", style="dim"))
    for consequence in judgement.consequences:
        _indented(console, Text(f"so {consequence.cause}: {consequence.sentence}"))
    for line in trace.serial.split("\n")[-_SERIAL_LINES:] if trace.handoff else ():
        if line.strip():
            _indented(console, Text(f"serial | {line.rstrip()}", style="dim"))


def print_summary(console: Console, judgements: list[Judgement]) -> None:
    """Print how many boots had which verdict."""
    counts = [
        (f"{sum(each.verdict is verdict for each in judgements)} {word}", _COLOURS[verdict])
        for verdict, word in (
            (Verdict.GOOD, "good"),
            (Verdict.BAD, "bad"),
            (Verdict.SKIP, "not found out"),
        )
    ]
    console.print(Text(", ").join(Text(*each) for each in counts))


def _indented(console: Console, text: Text) -> None:
    console.print(Text("     ") + text, soft_wrap=True)


def _where(trace: BootTrace) -> str:
    parts = []
    if trace.kernel:
        parts.append(f"{trace.kernel.release or 'Linux'}, {trace.kernel.payload_bytes:,} bytes")
    if trace.machine:
        machine = trace.machine
        parts.append(f"{machine.qemu} {machine.qemu_version}, {machine.accelerator}")
    return "; ".join(parts)


class LiveBoot:
    """Progress of one boot on a terminal: the last milestone and a bar of bytes placed."""

    def __init__(self, console: Console, name: str) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn(name),
            BarColumn(bar_width=30),
            DownloadColumn(),
            TextColumn("{task.fields[milestone]}"),
            console=console,
            transient=True,
        )
        self._task: TaskID = self._progress.add_task(name, total=None, milestone="starting")

    def __enter__(self) -> "LiveBoot":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def milestone(self, milestone: Milestone) -> None:
        """Show the milestone."""
        said = f"{milestone.name} {milestone.seconds:.2f} s"
        self._progress.update(self._task, milestone=said)

    def placed(self, done: int, total: int) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=done, total=total)

    def calls(self, calls: tuple[BiosCall, ...]) -> None:
        """Nothing: the bar tells enough."""


class CallPrinter:
    """Prints every BIOS call as it happens; consecutive teletype output as one text."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = 0
        self._calls: tuple[BiosCall, ...] = ()
        self._milestones: list[Milestone] = []
        self._text: list[BiosCall] = []

    def milestone(self, milestone: Milestone) -> None:
        """Keep it until the calls before it have been printed."""
        self._milestones.append(milestone)

    def placed(self, done: int, total: int) -> None:
        """Nothing: the moves are printed."""

    def calls(self, calls: tuple[BiosCall, ...]) -> None:
        """Print what has returned since the last time, in order."""
        self._calls = calls
        for call in calls[self._next :]:
            if call.registers_out is None and call.number not in _NEVER_RETURN:
                return
            self._print(call)

    def finish(self) -> None:
        """Print the rest, what has not returned as well."""
        for call in self._calls[self._next :]:
            self._print(call)
        self._flush()
        self._print_milestones(float("inf"))

    def _print_milestones(self, until: float) -> None:
        for milestone in [each for each in self._milestones if each.seconds <= until]:
            self._flush()
            self._milestones.remove(milestone)
            line = f"{milestone.seconds:8.4f} ---- {milestone.name}"
            self._console.print(Text(line, style="bold cyan"), soft_wrap=True)

    def _print(self, call: BiosCall) -> None:
        self._next += 1
        self._print_milestones(call.called_at)
        if (call.number, call.function) == _TELETYPE:
            if self._text and self._text[-1].registers_in.cs != call.registers_in.cs:
                self._flush()
            self._text.append(call)
            return
        self._flush()
        style = "red" if call.failed else ""
        self._console.print(Text(str(call), style=style), soft_wrap=True)

    def _flush(self) -> None:
        if not self._text:
            return
        first, text = self._text[0], "".join(chr(call.registers_in.al) for call in self._text)
        self._text = []
        head = str(first).partition("(")[0]
        self._console.print(Text(f"{head}({text!r})"), soft_wrap=True)


@contextmanager
def watching(console: Console, name: str, *, verbose: bool) -> Iterator[Observer | None]:
    """Show one boot while it runs: every call, or on a terminal its progress."""
    if verbose:
        printer = CallPrinter(console)
        yield printer
        printer.finish()
    elif console.is_terminal:
        with LiveBoot(console, name) as live:
            yield live
    else:
        yield None
