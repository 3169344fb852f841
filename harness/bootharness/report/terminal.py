"""The verdict on a boot, and what shows it, as lines for a terminal."""

import enum
from collections.abc import Iterator
from typing import TextIO

import click

from bootharness.diagnosis import Judgement, Verdict
from bootharness.report.lines import say
from bootharness.text import count, first_lines, last_lines, printable
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.host import EMULATOR, QEMU, SERIAL_LINE
from bootharness.trace.network_facts import NetEventKind, NetworkFacts

__all__ = ["COLOURS", "Detail", "counted", "print_result"]

COLOURS = {Verdict.GOOD: "green", Verdict.BAD: "red", Verdict.SKIP: "yellow"}
_WORDS = {Verdict.GOOD: "good", Verdict.BAD: "bad", Verdict.SKIP: "unknown"}
_SERIAL_LINES = 6
_EVIDENCE_LINES = 16
_INDENT = 5
_WORTH_A_RATE = 100_000
_SHOWN_ROLES = ("nbp", "kernel", "initrd")
_NAMES = 12
"""Of what was asked for in vain."""


class Detail(enum.IntEnum):
    """How much is printed: a line for each boot, what shows that one is bad, or everything."""

    QUIET = 0
    USUAL = 1
    ALL = 2


def print_result(
    trace: BootTrace, judgement: Judgement, output: TextIO, detail: Detail = Detail.USUAL
) -> None:
    """Print the verdict on one boot, and what shows it unless it is good."""
    head = (f"{judgement.verdict.upper():<4}", {"fg": COLOURS[judgement.verdict], "bold": True})
    name = (printable(trace.source), {"bold": True})
    summary = printable(judgement.summary)
    cause = (f"{judgement.cause}:", {"bold": True})
    if detail is Detail.QUIET:
        said = (cause, summary) if judgement.cause else ()
        say(output, head, name, *(("", *said) if said else ()))
        return
    if judgement.verdict is Verdict.GOOD:
        say(output, head, name, "", summary, f"({'; '.join(_machine(trace))})")
    else:
        say(output, head, name, "", "; ".join([*_kernel(trace), *_machine(trace)]))
        say(output, cause, summary, indent=_INDENT)
    for warning in judgement.warnings:
        say(output, ("warning:", {"fg": "yellow"}), printable(warning), indent=_INDENT)
    for event in trace.network.events if trace.network else ():
        if event.kind is NetEventKind.FAULT_UNUSED:
            unused = f"the fault of {event.file}, block {event.block:,}: {event.text}"
            say(output, printable(unused), indent=_INDENT)
    all_of_it = detail is Detail.ALL or judgement.verdict is Verdict.BAD
    for line in _course(trace, all_of_it=all_of_it):
        say(output, (line, {"dim": True}), indent=_INDENT)
    if judgement.diagnosis is None or judgement.verdict is Verdict.SKIP:
        return
    for line in first_lines(judgement.diagnosis.evidence, _EVIDENCE_LINES):
        say(output, (f"| {line}", {"dim": True}), indent=_INDENT)
    for sentence in trace.recorded.sentences if trace.recorded else ():
        say(output, ("going back in its recording:", {"bold": True}), printable(sentence),
            indent=_INDENT)  # fmt: skip
    for consequence in judgement.consequences:
        then = f"then {consequence.cause}: {printable(consequence.sentence)}"
        say(output, then, indent=_INDENT)
    for line in last_lines(trace.serial, _SERIAL_LINES):
        # as the guest has written it, however long
        click.echo(click.style(f"{'':{_INDENT}}serial | {line}", dim=True), file=output)


def counted(judgements: list[Judgement], *, colours: bool = True) -> str:
    """Return how many boots had which verdict."""
    counts = [
        (sum(each.verdict is verdict for each in judgements), verdict, word)
        for verdict, word in _WORDS.items()
    ]
    return ", ".join(
        click.style(f"{number} {word}", fg=COLOURS[verdict]) if colours else f"{number} {word}"
        for number, verdict, word in counts
    )


def _kernel(trace: BootTrace) -> list[str]:
    if not trace.kernel or not trace.names_kernel:
        return []
    kernel = trace.kernel
    size = f"{kernel.release or 'Linux'}, {kernel.payload_bytes:,} bytes"
    return [f"{size}, {kernel.inside}" if kernel.inside else size]


def _machine(trace: BootTrace) -> list[str]:
    told = trace.host in (QEMU, EMULATOR, SERIAL_LINE) or trace.host.name == trace.source
    parts = [] if told else [trace.host.name]
    if trace.machine:
        machine = trace.machine
        parts.append(f"{machine.qemu} {machine.qemu_version}, {machine.runs_by}")
        if machine.instead_of:
            parts.append(f"{machine.instead_of}, chosen first, has no CPU for it")
        if machine.firmware == "uefi" and not trace.network:
            parts.append("UEFI with Secure Boot" if machine.secure_boot else "UEFI")
    if trace.network:
        network = trace.network
        whose = f", from {network.server}" if network.servers else ""
        secure = ", Secure Boot" if trace.machine and trace.machine.secure_boot else ""
        parts.append(f"{network.path} over {network.nic}{secure}{whose}")
    return parts


def _course(trace: BootTrace, *, all_of_it: bool) -> Iterator[str]:
    """Yield how a boot went, and from where on if it was not all waited for."""
    if trace.milestones and all_of_it:
        yield _progress(trace)
        yield from _over_the_wire(trace.network)
    if trace.machine and (restored := trace.machine.restored):
        saved = f"{restored.saved_s:.1f} s saved"
        before = "its first packet" if trace.network else "it looked for a disk"
        yield f"restored from a machine saved before {before}, {saved}"


def _over_the_wire(network: NetworkFacts | None) -> Iterator[str]:
    """What came over the network, and of somebody's own files what was asked for in vain."""
    if network is None:
        return
    yield _served(network)
    if network.brought and (missing := network.not_there):
        some = [*map(printable, missing[:_NAMES]), *(["..."] if len(missing) > _NAMES else [])]
        yield f"not there, of what was asked for: {count(len(missing), 'name')}: {', '.join(some)}"


def _served(network: NetworkFacts) -> str:
    """The files that came over the network: how much of each, how fast, and whether intact; of
    somebody's own those that have a part in every boot, and how many others there were."""
    files, others = [], 0
    for file in network.files:
        if not file.sent_bytes and file.outcome == "aborted":
            continue  # a client that only asked for the size
        if network.brought and file.intact and file.role not in _SHOWN_ROLES:
            others += 1
            continue
        whole = file.sent_bytes == file.file_bytes
        size = count(file.sent_bytes, "byte")
        if not whole:
            size = f"{file.sent_bytes:,} of {count(file.file_bytes, 'byte')}"
        if file.outcome == "read":
            files.append(f"{printable(file.name)} {size} read")
            continue
        digest = "" if file.intact else f", {file.outcome}" if not whole else ", not intact"
        rate = f" at {file.rate / 1e6:.1f} MB/s" if file.sent_bytes >= _WORTH_A_RATE else ""
        files.append(f"{printable(file.name)} {size}{rate}{digest}")
    if others:
        files.append(f"{count(others, 'other')}")
    if not files:
        return "served: nothing"
    came = [file.intact for file in network.files if file.sent_bytes and file.outcome != "read"]
    intact = ", all intact" if came and all(came) else ""
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
