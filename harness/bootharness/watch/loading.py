"""Follow the loading: what the BIOS was asked for, what was sent over the wire, how far it is."""

from msgspec import Struct, field

from bootharness.diagnosis.certainty import certain
from bootharness.formats.bzimage import SetupHeader
from bootharness.machine.machine import Machine
from bootharness.routes.kernel_on_disk import read_in_a_row
from bootharness.trace.bios_milestones import bios_milestones
from bootharness.trace.block_moves import block_moves, placements
from bootharness.trace.handoff import Handoff
from bootharness.trace.manager_points import manager_points
from bootharness.trace.network_facts import NetworkFacts, milestones
from bootharness.trace.observer import Observer
from bootharness.trace.uefi_milestones import uefi_milestones
from bootharness.watch.course import Course
from bootharness.watch.hearing import Hearing
from bootharness.watch.idle import Repetition
from bootharness.watch.tracers import Tracer
from bootharness.watch.uefi_entry import code_at

__all__ = ["Loading"]

_DRAIN_S = 0.1
# more than any loader repeats itself, and done in a second or two
_SAME_CALLS = 10_000
# how much rarer what looks at all calls is done than it takes
_SELDOM = 5


class Loading(Struct):
    """Takes in what was recorded, and tells the observer how far the loading has come."""

    course: Course
    machine: Machine
    tracer: Tracer
    hearing: Hearing
    repetition: Repetition = field(default_factory=Repetition)
    bios_log: str = ""
    _recorded: int = 0
    _drained_at: float = 0.0
    _reported_at: float = 0.0
    _report_s: float = 0.0

    def follow(self) -> bool:
        """Take in what was recorded and report it, and return whether it was time to."""
        now = self.machine.now()
        if now - self._drained_at < _DRAIN_S:
            return False
        self.drain()
        if now - self._reported_at >= self._report_s * _SELDOM:
            self.report()
            self._reported_at = self.machine.now()
            self._report_s = self._reported_at - now
        return True

    def drain(self) -> None:
        """Take in the BIOS calls since the last time, and what they wrote."""
        before, self._recorded = self._recorded, self.tracer.drain()
        self._drained_at = self.machine.now()
        if self._recorded == before:
            return
        fresh = self.tracer.fresh()
        self.hearing.take(fresh)
        same = self.repetition.count(fresh)
        if same > _SAME_CALLS and not self.course.wire:
            self.course.finish("idle", f"the last {same:,} BIOS calls asked for nothing new")

    def identify_kernel(self, entered: SetupHeader | None = None) -> None:
        """Find the kernel in a disk image that somebody brought, by what has been read."""
        course = self.course
        course.medium = course.medium.learned(
            self.tracer.calls(),
            self.machine.qemu.workspace.path,
            entered=entered,
            release=course.words.heard.release,
        )

    def identify_uefi_kernel(self, caller: int, entered: SetupHeader | None) -> None:
        """Find the kernel of a UEFI, by what has been read, and by the code that has ended the boot
        services."""
        course, machine = self.course, self.machine
        course.medium = course.medium.learned_by_uefi(
            self.tracer.uefi_calls(),
            machine.qemu.workspace.path,
            entered=entered,
            code=code_at(machine, caller),
            places_of=machine.places_of,
        )

    def piece_together(self, handoff: Handoff) -> None:
        """Take the kernel as what lies in memory was read, where a file system has it in pieces."""
        medium, payload, at = self.course.medium, handoff.payload, handoff.real_mode_address
        if medium.kernel is None or payload is None or at is None:
            return
        read = self.machine.read_memory
        placed = read(at, medium.kernel.real_mode_bytes)
        placed += read(payload.address, payload.compared_bytes)
        folder = self.machine.qemu.workspace.path
        self.course.medium = medium.in_pieces(self.tracer.calls(), folder, placed)

    def in_one_piece(self) -> bool:
        """Whether the kernel was read as one piece, or nobody would have it in several."""
        disk = self.course.medium.disk
        return disk is None or not disk.filed or read_in_a_row(disk, self.tracer.calls())

    def report(self) -> None:
        """Tell the observer how far the loading has come."""
        course = self.course
        observer = self._observer
        if observer is None:
            return
        self.hear_bios()
        calls, handed_off = self.tracer.calls(), course.handoff is not None
        if course.wire:  # which tells how far that has come
            observer.calls(calls)
            return
        if course.medium.device.firmware == "uefi":
            points = uefi_milestones(self.tracer.uefi_calls(), course.kernel_base)
            for name, seconds in points.items():
                course.reach(name, seconds)
            return
        medium = course.medium
        kernel = medium.kernel.facts if medium.kernel and course.names_kernel else None
        disk = medium.disk.facts if medium.disk else None
        points = bios_milestones(calls, kernel, disk, handed_off=handed_off)
        if medium.managed and not handed_off:
            points |= manager_points(calls).points
        for name, seconds in points.items():
            course.reach(name, seconds)
        observer.calls(calls)
        if kernel:
            moves = block_moves(calls, handed_off=handed_off)
            done = max((done for _, done in placements(moves, kernel)), default=0)
            observer.placed(done, kernel.payload_bytes)

    def hear_bios(self) -> None:
        """Take in what the BIOS has said of itself."""
        said = self.machine.bios_log()
        self.bios_log += said
        if said and self.course.observer:
            self.course.observer.bios(said)

    def look_at_wire(self) -> None:
        """Take what has happened on the network, and end what cannot come to anything."""
        course = self.course
        if course.wire is None:
            return
        facts = course.wire.look(self.machine)
        if facts is None and self._observer:
            facts = course.wire.facts()
        if facts is None:
            return
        for name, seconds in milestones(facts).items():
            course.reach(name, seconds)
        if self._observer:
            _show(facts, self._observer)
        # what a kernel does on the network is its own affair
        if course.kernel_entered:
            return
        if failed := certain(facts, self.machine.now(), course.wire.kept_back.since):
            course.finish("network", failed[0])

    @property
    def _observer(self) -> Observer | None:
        observer = self.course.observer
        return observer if observer and observer.wants_progress else None


def _show(facts: NetworkFacts, observer: Observer) -> None:
    observer.events(facts.events)
    for file in facts.files:
        if facts.role(file.name) == "kernel":
            observer.placed(file.sent_bytes, file.file_bytes)
