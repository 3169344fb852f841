"""Who wrote a byte of memory last, before a position of a recorded boot."""

from pathlib import Path

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.elf import line_of
from bootharness.formats.record import Record
from bootharness.host.regular import read_regular
from bootharness.recording.calls import Counted, Records
from bootharness.recording.player import Player
from bootharness.recording.watching import written_at
from bootharness.report.disassembly import decode
from bootharness.routes.loader import ORIGIN, Loader
from bootharness.text import address, seg_off
from bootharness.trace.backwards import LastWrite
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.machine_facts import CpuSample
from bootharness.trace.reads import disk_reads

__all__ = ["Spans", "last_write", "next_instruction", "source_of"]

_BIOS_FROM = 0xC0000
_LOW_END = 0xA0000
_LONGEST = 15
_SOURCE_BYTES = 1 << 20
_BITS = {"real": 16, "protected": 32, "paged": 32, "long": 64}


class _Span(Struct, frozen=True):
    """A BIOS call, and between which of the recorder's records it was made; ``returned`` is behind
    all of them for one that did not return. ``wrote`` is what it read from a disk into."""

    index: int
    call: BiosCall
    called: int
    returned: int
    wrote: range
    what: str


class Spans(Struct, frozen=True):
    """The BIOS calls of a recorded boot, by records."""

    every: tuple[_Span, ...]
    handoff: int | None
    """The record of the handoff, None without one."""

    @classmethod
    def of(cls, trace: BootTrace, records: Records) -> "Spans":
        """Return the calls of a recorded boot's own trace."""
        reads = {id(read.call): read for read in disk_reads(trace.bios_calls, trace.disk)}
        spans, moves = [], 0
        called = [at for at, each in enumerate(records.every) if each.tag == "C"]
        for index, (call, at) in enumerate(zip(trace.bios_calls, called, strict=False)):
            wrote, what = range(0), f"INT {call.number:02x}h AH={call.function:02x}h"
            if read := reads.get(id(call)):
                wrote = range(read.buffer, read.buffer + read.bytes)
                sector = "the boot sector" if read.lba == 0 else f"LBA {read.lba:,}"
                what = f"reading {sector} to {address(read.buffer)}" if read.lba is not None else (
                    f"reading sectors to {address(read.buffer)}"
                )  # fmt: skip
            elif call.table:
                what = f"making block move {moves}"
            moves += call.table is not None
            spans.append(_Span(index, call, at, _return(records.every, at), wrote, what))
        return cls(tuple(spans), _handoff(records.every))

    def around(self, count: int) -> _Span | None:
        """Return the innermost call that was going on when so many records had been sent."""
        inside = [each for each in self.every if each.called < count <= each.returned]
        return inside[-1] if inside else None

    def last_read_to(self, linear: int, count: int) -> _Span | None:
        """Return the last read from a disk to an address that was begun by then."""
        reads = [each for each in self.every if linear in each.wrote and each.called < count]
        return reads[-1] if reads else None


def _handoff(records: tuple[Record, ...]) -> int | None:
    """Return which record is the handoff's; of a call by which a kernel was known, that one: it is
    sent once more at once, as the handoff."""
    at = next((at for at, each in enumerate(records) if each.tag == "H"), None)
    if not at:
        return at
    call, handed = records[at - 1], records[at]
    same = (call.registers.cs, call.registers.ip) == (handed.registers.cs, handed.registers.ip)
    return at - 1 if call.tag == "C" and same else at


def _return(records: tuple[Record, ...], called: int) -> int:
    """Return which record tells of a call's return."""
    call, nested = records[called], 0
    for at in range(called + 1, len(records)):
        each = records[at]
        if each.number != call.number:
            continue
        nested += {"C": 1, "R": -1}.get(each.tag, 0)
        if nested < 0:
            return at
    return len(records)


def last_write(
    player: Player, counted: Counted, spans: Spans, loader: Loader | None, linear: int, what: str
) -> LastWrite:
    """Return who wrote a byte last before where a player stands, which is moved there.

    A watchpoint sees what the CPU writes. What a disk's controller writes by itself is told by the
    BIOS call that had it read.
    """
    here, before = player.position, counted.count()
    value = player.stub.memory(linear, 1)[0]
    subject = f"{what} ({address(linear)}, 0x{value:02x})"
    read = spans.last_read_to(linear, before)
    entered = read is not None and read.call.from_bios and ORIGIN in read.wrote
    position = written_at(player, counted, linear, here, entered=entered)
    count = counted.count() if position is not None else 0
    if read and count <= read.called:
        return LastWrite(
            what, linear, value, "device", f"{subject} was last written by the BIOS {read.what}"
            f"{_asked_for_by(read.call)}{_never(read.call)}", call=read.index,
        )  # fmt: skip
    if position is None:
        return LastWrite(
            what, linear, value, "nobody",
            f"{subject} has not been written since the machine was started",
        )  # fmt: skip
    cpu, instruction = next_instruction(player)
    span, source = spans.around(count), source_of(loader, cpu.linear)
    by = _whose(cpu)
    if span and by == "bios":
        said = f"by the BIOS {span.what}{_asked_for_by(span.call)}{_never(span.call)}"
    elif by == "bios":
        said = f"by the BIOS itself at {address(cpu.linear)}"
    else:
        where = seg_off(cpu.cs, cpu.ip) if cpu.mode == "real" else address(cpu.linear)
        whose = "the loader" if by == "loader" else "code"
        lies = f" ({source})" if source else ""
        said = f"by {whose} at {where}, `{instruction}`{lies}"
    return LastWrite(
        what, linear, value, by, f"{subject} was last written {said}", position, cpu.linear,
        instruction, source, span.index if span and by == "bios" else None,
    )  # fmt: skip


def next_instruction(player: Player) -> tuple[CpuSample, str]:
    """Return where a player stands, and what is executed next."""
    cpu = player.cpu()
    code = player.stub.memory(cpu.linear, _LONGEST)
    decoded = decode(code, cpu.ip, _BITS[cpu.mode])
    return cpu, next((" ".join(each.text.split()) for each in decoded), "")


def source_of(loader: Loader | None, linear: int) -> str:
    """Return file, line and text of a loader's source for the code at an address, empty where
    nobody knows."""
    found = line_of(loader.elf, linear) if loader and loader.elf else None
    if found is None or loader is None:
        return ""
    file, line = Path(found[0]).name, found[1]
    text = ""
    if loader.source and loader.source.name == file:
        try:
            content = read_regular(loader.source, most=_SOURCE_BYTES).decode(errors="replace")
            text = " ".join(content.splitlines()[line - 1].partition(";")[0].split())
        except (UsageError, IndexError):
            text = ""
    return f"{file}:{line}" + (f": {text}" if text else "")


def _whose(cpu: CpuSample) -> str:
    if _BIOS_FROM <= cpu.linear < 1 << 20 or cpu.linear >= 0xFFF00000:
        return "bios"
    return "loader" if cpu.linear < _LOW_END else "other"


def _asked_for_by(call: BiosCall) -> str:
    if call.from_bios:
        return ""
    registers = call.registers_in
    return f", which was asked of it before {seg_off(registers.cs, registers.ip)}"


def _never(call: BiosCall) -> str:
    """What follows of a write that came before the loader ran."""
    return "; no instruction of the loader ever wrote it" if call.from_bios else ""
