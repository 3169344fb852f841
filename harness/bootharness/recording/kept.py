"""A kept recording, checked, with what is known of its boot: to be asked, and gone back in."""

from bisect import bisect_left
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import MachineLost, UsageError
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.record import Pairing
from bootharness.host.kept import digest_of
from bootharness.host.regular import is_regular
from bootharness.machine.device import Drive
from bootharness.machine.taped_card import TapedCard
from bootharness.machine.taped_uefi import TapedUefi
from bootharness.machine.uefi import code_files
from bootharness.plan import MachineConfig
from bootharness.recording.calls import Counted, Records
from bootharness.recording.ended import ended_by
from bootharness.recording.field import Field
from bootharness.recording.fields import FOLLOWED, fields_of
from bootharness.recording.found import Answer
from bootharness.recording.last_write import Spans, last_write
from bootharness.recording.manifest import LOG, RECORDING, ROM, Anchor, Recording
from bootharness.recording.operands import Cpu
from bootharness.recording.player import Player, Reel, Source
from bootharness.recording.questions import Question, questions
from bootharness.recording.search import searched
from bootharness.recording.telling import told, value_at
from bootharness.recording.tracked import Tracked
from bootharness.recording.uefi_calls import calls_in, read_called_at
from bootharness.recording.walk import walk
from bootharness.routes.loader import Loader
from bootharness.text import count, printable
from bootharness.trace.backwards import LastWrite, Origin
from bootharness.trace.boot_trace import BootTrace

__all__ = ["Asked", "KeptRecording"]

_DISK_BYTES = 1 << 44
_CODE_BYTES = 1 << 27
_BEFORE_INT = 48
"""The recorder sends its record so few instructions behind the INT that it hooks."""
_INT = b"\xcd"
_INT_BYTES = 2
_FAR_CALLS = 64
"""Between so many calls a loader executes thousands of instructions."""


class KeptRecording(Struct, frozen=True):
    """A recording and its boot's trace, whose calls are those of the recording."""

    reel: Reel
    trace: BootTrace
    records: Records
    spans: Spans
    anchor: Anchor | None
    called_at: tuple[int, ...] = ()
    """The positions of a UEFI's calls."""

    @classmethod
    def opened(cls, folder: Path, trace: BootTrace, config: MachineConfig) -> "KeptRecording":
        """Return the recording in the folder of a kept boot, of which there is a trace; ``config``
        is its machine, as far as that may be started.

        Raises UsageError for one that is damaged or not of this boot, and OtherBuild for one of
        another QEMU.
        """
        place = folder / RECORDING
        recording = Recording.read(place)
        recording.check_build(config.qemu)
        reel = Reel(
            place,
            replace(config, accelerator="tcg"),
            _source(folder, trace, recording, config),
            recording.end,
            recording.seconds,
        )
        log = (place / LOG).read_bytes()
        if reel.by_uefi:
            positions = read_called_at(place, recording.end)
            trace = replace(trace, uefi_calls=calls_in(log))
            return cls(reel, trace, Records((), frozenset()), Spans((), None), None, positions)
        return cls.of(reel, trace, Records.of(log, (place / ROM).read_bytes()), recording.anchor)

    @classmethod
    def of(
        cls, reel: Reel, trace: BootTrace, records: Records, anchor: Anchor | None
    ) -> "KeptRecording":
        """Return a recording whose parts are known."""
        pairing = Pairing()
        pairing.feed(records.every)
        trace = replace(trace, bios_calls=pairing.calls(float))
        return cls(reel, trace, records, Spans.of(trace, records), anchor)

    @property
    def moves(self) -> list[int]:
        """The numbers of the BIOS calls that were block moves."""
        return [index for index, call in enumerate(self.trace.bios_calls) if call.table]

    def why_not_at(self, number: int | None) -> str | None:
        """Return why nobody can go to a BIOS call, or to the handoff for None, in words."""
        if number is None and self.spans.handoff is None:
            return "that boot did not enter the kernel"
        if number is not None and not 0 <= number < len(made := self.spans.every):
            return f"that boot made {count(len(made), 'BIOS call')}, the first is 0"
        if self.anchor is None:
            return "in that recording no call is found again; a position is"
        return None

    def why_not_at_move(self, number: int) -> str | None:
        """Return why nobody can go to a block move, in words."""
        if number < len(made := self.moves):
            return self.why_not_at(made[number])
        return f"that boot made {count(len(made), 'block move')}, the first is 0"

    def why_not_so_far(self, position: int) -> str | None:
        """Return why nobody can go to a position, in words."""
        last = self.reel.end - 1
        return None if position <= last else f"the recording's last position is {last:,}"


def _source(folder: Path, trace: BootTrace, recording: Recording, config: MachineConfig) -> Source:
    """Return what a recorded boot was from. Raises UsageError where that is not here, or is none of
    the trace's."""
    if recording.nic and recording.mac and trace.network and not trace.disk:
        return TapedCard(recording.nic, recording.mac)
    firmware = trace.machine.firmware if trace.machine else "bios"
    other = (firmware == "uefi") != bool(recording.code_sha256)
    if other or not (trace.disk and recording.interface and recording.disk_sha256):
        raise UsageError(
            f"{folder / RECORDING}: the recording of another boot than the trace is of"
        )
    disk = _disk(folder, Path(trace.disk.path), recording.disk_sha256)
    drive = Drive.of(trace.disk, recording.interface, disk)
    if recording.code_sha256 is None:
        return drive
    for code in code_files(folder, config):
        if is_regular(code, most=_CODE_BYTES) and digest_of(code) == recording.code_sha256:
            return TapedUefi(drive, code.absolute(), recording.own_order)
    raise UsageError(
        f"{folder / RECORDING}: the firmware is not here as it was recorded, and without it "
        "nothing can be played"
    )


def _disk(folder: Path, path: Path, digest: str) -> Path:
    for place in (folder / path.name, path):
        if is_regular(place, most=_DISK_BYTES) and digest_of(place) == digest:
            return place.absolute()
    raise UsageError(
        f"{printable(str(folder / path.name))}: the disk image is not here as it was recorded, and "
        "without it nothing can be played"
    )


class Asked(Struct, frozen=True):
    """A recording that is played to answer questions."""

    kept: KeptRecording
    player: Player
    counted: Counted

    @classmethod
    def by(cls, kept: KeptRecording, player: Player) -> "Asked":
        """Return a recording as a player has it, which stands at its beginning, and is moved to the
        loader's: whatever is asked, what comes before is played once."""
        counted = Counted(player, kept.records)
        if kept.anchor:
            counted.to_entry(kept.anchor.position)
        return cls(kept, player, counted)

    def last_write(self, loader: Loader | None, linear: int, position: int, what: str) -> LastWrite:
        """Return who wrote a byte last before a position. Raises UsageError where no memory is."""
        self.counted.seek(position)
        if not self.player.has_memory(linear):
            raise UsageError(f"{what}: that machine has no memory there")
        return last_write(self.player, self.counted, self.kept.spans, loader, linear, what)

    def by_cause(self, loader: Loader | None, cause: str) -> tuple[LastWrite, ...]:
        """Return who wrote the bytes that a cause is about; empty where it is about none."""
        found = []
        for question in questions(self.kept.trace, cause):
            at = question.address
            if at is not None and self._to(question):
                spans = self.kept.spans
                found.append(
                    last_write(self.player, self.counted, spans, loader, at, question.what)
                )
        return tuple(found)

    def origin(
        self, loader: Loader | None, cause: str, written: tuple[LastWrite, ...] = ()
    ) -> Origin | None:
        """Return where the value came from that a cause is about, or where the loader went wrong
        on its way; None where neither is looked for. ``written`` is what `by_cause` has told."""
        if cause not in FOLLOWED:
            return None
        fields = fields_of(self.kept.trace, cause)
        recent = self._recently(fields[0]) if fields and fields[0].since is not None else None
        if recent and (recent.seen.guilty or _all_is_recent(fields[0], recent, written)):
            return told(recent, loader)
        found = self._searched(fields, cause)
        return told(found, loader) if found else None

    def _recently(self, field: Field) -> Answer | None:
        """Look for where a field came from that had been right not long before."""
        if not self.to_call(field.call):
            return None
        until = self.player.position
        value = self._value(field)
        self.to_call(field.since)
        every = walk(self.player, until).steps
        return searched(every, self.kept.trace, [(field, value, len(every))])

    def _searched(self, fields: tuple[Field, ...], cause: str) -> Answer | None:
        """Look for what was wrong in all that the loader has executed."""
        positions = []
        for field in fields:
            if self.to_call(field.call):
                positions.append((field, self._value(field), self.player.position))
        until = max((position + 1 for *_, position in positions), default=self.kept.reel.end - 1)
        if not positions and self.kept.spans.handoff is not None and self.to_call(None):
            until = self.player.position
        self.counted.to_entry(until)
        walked = walk(self.player, until)
        at = [step.position for step in walked.steps]
        found = searched(
            walked.steps,
            self.kept.trace,
            [
                (field, value, bisect_left(at, position))
                for field, value, position in positions
                if at and (field.call is None or position <= at[-1])
            ],
        )
        if found and found.seen.guilty:
            return found
        return ended_by(walked.steps, self.kept.trace, cause, whole=walked.whole) or found

    def _value(self, field: Field) -> int:
        registers = Cpu.real(self.player.stub.registers())
        if field.call is None and self.kept.trace.handoff:
            # the machine stands in the recorder, which the handoff has called
            registers = registers.with_registers(self.kept.trace.handoff.registers)
        return value_at(field.where, registers, self.player.stub.memory)

    def _to(self, question: Question) -> bool:
        """Go to where a question is asked; return whether there is such a place."""
        if not question.behind or question.call is None:
            return self.to_call(question.call)
        returned = self.kept.spans.every[question.call].returned
        if returned < len(self.kept.records.every) and self.kept.anchor:
            self.counted.go_to(returned, self.kept.anchor)
        else:
            self.counted.seek(self.kept.reel.end - 1)
        return True

    def to_call(self, number: int | None) -> bool:
        """Go to a BIOS call's INT instruction, or to the handoff for None; return whether there is
        one. Raises MachineLost where it is not found."""
        spans, anchor = self.kept.spans, self.kept.anchor
        if self.kept.why_not_at(number):
            return False
        record = spans.handoff if number is None else spans.every[number].called
        assert record is not None
        assert anchor
        self.counted.go_to(record, anchor)
        if number is None:
            return True
        registers = self.kept.trace.bios_calls[number].registers_in
        site = registers.cs * 16 + registers.ip - _INT_BYTES
        begun = self.player.position
        if self.player.stub.memory(site, 1) != _INT:
            return True  # a far call of what else has hooked it, as iPXE does
        self.counted.seek(max(begun - _BEFORE_INT, 0))
        self.player.stub.stop_at(site)
        self.player.go(begun)
        self.player.stub.clear()
        if self.player.position >= begun:
            raise MachineLost(f"the INT of call {number} is not found in the recording")
        return True

    def made_before(self, position: int) -> list[BiosCall]:
        """Return the BIOS calls that were made before a position."""
        self.counted.seek(position)
        count = self.counted.count()
        return [span.call for span in self.kept.spans.every if span.called < count]

    def where(self, position: int) -> str:
        """Say which BIOS call is going on at a position, or was the last."""
        self.counted.seek(position)
        count = self.counted.count()
        span = self.kept.spans.around(count)
        if span and not span.call.from_bios:
            return f"in call {span.index}, {span.what}"
        before = [each for each in self.kept.spans.every if each.called < count]
        return f"behind call {before[-1].index}, {before[-1].what}" if before else "before any call"


def _all_is_recent(field: Field, recent: Answer, written: tuple[LastWrite, ...]) -> bool:
    """Return whether nothing is to be found about a field in what was executed long before, which
    takes minutes to step through: no instruction has written what is wrong of it."""
    by_nobody = {each.address for each in written if each.position is None}
    wrong = Tracked.of(field.where, field.wanted, recent.value).wrong
    return (field.since or 0) > _FAR_CALLS and not recent.seen.through and wrong <= by_nobody
