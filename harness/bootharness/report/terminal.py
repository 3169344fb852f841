"""The verdict on a boot, and what shows it, as lines for a terminal."""

import textwrap
from typing import TextIO

import click

from bootharness.diagnosis import Judgement, Verdict
from bootharness.text import count, first_lines, last_lines, printable
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import NetEventKind, NetworkFacts

__all__ = ["print_result", "print_summary"]

_COLOURS = {Verdict.GOOD: "green", Verdict.BAD: "red", Verdict.SKIP: "yellow"}
_WORDS = {Verdict.GOOD: "good", Verdict.BAD: "bad", Verdict.SKIP: "not found out"}
_SERIAL_LINES = 6
_EVIDENCE_LINES = 16
_INDENT = " " * 5
_WORTH_A_RATE = 100_000


def print_result(trace: BootTrace, judgement: Judgement, output: TextIO) -> None:
    """Print the verdict on one boot, and what shows it unless it is good."""
    head = click.style(f"{judgement.verdict.upper():<5}", fg=_COLOURS[judgement.verdict], bold=True)
    where = _where(trace)
    click.echo(f"{head}{click.style(printable(trace.source), bold=True)}{where}", file=output)
    cause = click.style(f"{judgement.cause}: ", bold=True) if judgement.cause else ""
    _indented(f"{cause}{printable(judgement.summary)}", output)
    for warning in judgement.warnings:
        _indented(f"{click.style('warning: ', fg='yellow')}{printable(warning)}", output)
    if judgement.verdict is Verdict.SKIP or not trace.milestones:
        return
    _indented(_progress(trace), output, dim=True)
    if trace.network:
        _indented(_served(trace.network), output, dim=True)
        for event in trace.network.events:
            if event.kind is NetEventKind.FAULT_UNUSED:
                _indented(f"the fault of {event.file}, block {event.block:,}: {event.text}", output)
    if judgement.diagnosis is None:
        return
    for line in first_lines(judgement.diagnosis.evidence, _EVIDENCE_LINES):
        _indented(f"| {line}", output, dim=True)
    for consequence in judgement.consequences:
        _indented(f"then {consequence.cause}: {printable(consequence.sentence)}", output)
    for line in last_lines(trace.serial, _SERIAL_LINES):
        _indented(f"serial | {line}", output, dim=True)


def print_summary(judgements: list[Judgement], output: TextIO) -> None:
    """Print how many boots had which verdict."""
    counts = (
        click.style(
            f"{sum(each.verdict is verdict for each in judgements)} {word}", fg=_COLOURS[verdict]
        )
        for verdict, word in _WORDS.items()
    )
    click.echo(", ".join(counts), file=output)


def _where(trace: BootTrace) -> str:
    parts = []
    if trace.kernel and trace.names_kernel:
        parts.append(f"{trace.kernel.release or 'Linux'}, {trace.kernel.payload_bytes:,} bytes")
    if trace.machine:
        machine = trace.machine
        parts.append(f"{machine.qemu} {machine.qemu_version}, {machine.runs_by}")
        if machine.instead_of:
            parts.append(f"{machine.instead_of}, chosen first, has no CPU for it")
    if trace.network:
        parts.append(f"{trace.network.path} over {trace.network.nic}")
    return f"  {'; '.join(parts)}" if parts else ""


def _served(network: NetworkFacts) -> str:
    """The files that came over the network: how much of each, how fast, and whether intact."""
    files = []
    for file in network.files:
        if not file.sent_bytes and file.outcome == "aborted":
            continue  # a client that only asked for the size
        whole = file.sent_bytes == file.file_bytes
        size = count(file.sent_bytes, "byte")
        if not whole:
            size = f"{file.sent_bytes:,} of {count(file.file_bytes, 'byte')}"
        digest = "" if file.intact else f", {file.outcome}" if not whole else ", not intact"
        rate = f" at {file.rate / 1e6:.1f} MB/s" if file.sent_bytes >= _WORTH_A_RATE else ""
        files.append(f"{printable(file.name)} {size}{rate}{digest}")
    if not files:
        return "served: nothing"
    intact = ", all intact" if all(file.intact for file in network.files if file.sent_bytes) else ""
    return f"served{intact}: {'; '.join(files)}"


def _progress(trace: BootTrace) -> str:
    """The milestones with their times, and how much of the kernel was placed."""
    points = []
    for milestone in trace.milestones:
        when = f" {milestone.seconds:.2f}" if trace.timed else ""
        points.append(f"{milestone.name}{when}")
    moves = trace.block_moves
    placed = ""
    if moves and trace.kernel:
        total = trace.kernel.payload_bytes
        moved = count(len(moves), "block move")
        placed = f"; {moved}, {trace.placed_bytes:,} of {total:,} bytes placed"
    return f"{', '.join(points)}{' s' if trace.timed else ''}{placed}"


def _indented(text: str, output: TextIO, *, dim: bool = False) -> None:
    line = textwrap.indent(text, _INDENT)
    click.echo(click.style(line, dim=True) if dim else line, file=output)
