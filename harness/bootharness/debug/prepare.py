"""What is to be debugged: a kernel with a loader, a disk image, or the boot of a trace."""

import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.debug.listing import listed
from bootharness.debug.place import BEHIND_CALLS, LAST_GOOD_MOVE, Place
from bootharness.debug.replay import replayed
from bootharness.debug.scene import DISK, Scene
from bootharness.debug.trust import machine_of
from bootharness.debug.uefi_recorded import place_in
from bootharness.errors import MachineLost, UsageError
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.loading import SETUP_AT
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.host.workspace import Workspace
from bootharness.kernels.image import KernelImage
from bootharness.machine.choice import chosen_machine
from bootharness.machine.device import Device, Drive, drive_device
from bootharness.one_boot import boot_medium
from bootharness.plan import AUTO, STAGE1, BootPlan, MachineConfig
from bootharness.recording.kept import KeptRecording
from bootharness.recording.player import Reel
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import Loader
from bootharness.routes.medium import Medium
from bootharness.routes.table import route_of
from bootharness.text import count
from bootharness.trace.block_moves import placements
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import DiskFacts

__all__ = ["Prepared", "call_sites", "machine_for", "prepare", "prepare_trace", "scene_of"]

_INT_BYTES = 2
_NOTHING = DiskFacts(DISK, 0, None, None, None, None, None, None, "")
"""The disk of a boot of which gdb need not read it."""
_UNKNOWN = Loader("what came from the network", bytes(1), {})


class Prepared(Struct, frozen=True):
    """A scene, its disk image and the machine for it; ``notes`` say what is not as it was.

    ``medium`` is what the machine boots from where that is not the image, ``reel`` the recording
    that is played in its place.
    """

    scene: Scene
    image: Path
    config: MachineConfig
    notes: tuple[str, ...] = ()
    medium: Medium | None = None
    reel: Reel | None = None

    @property
    def device(self) -> Device:
        """What the machine boots from."""
        if self.medium:
            return self.medium.device
        facts, interface = self.scene.disk, self.config.disk_interface
        return drive_device(Drive.of(facts, interface, self.image.absolute()))


@contextmanager
def prepare(source: str, plan: BootPlan, at: str, workspace: Workspace) -> Iterator[Prepared]:
    """Prepare a boot to be debugged; what is not known of its disk is learned from a boot before.

    Raises UsageError for what cannot be, a route without a loader on a disk among it.
    """
    route = route_of(plan)
    if "tracer" not in route.takes:
        raise UsageError(f"route {route.name}: only what a loader on a disk does can be debugged")
    plan = route.ready(plan)
    with route.prepare(route.fetch(source), plan, workspace) as medium:
        disk = medium.disk
        assert disk
        loader = disk.loader
        # another loader may make its calls from anywhere
        unknown = loader is None or loader.name != STAGE1
        calls_count = at.partition(":")[0] in BEHIND_CALLS or disk.kernel is None
        needed = at == LAST_GOOD_MOVE or (unknown and calls_count)
        before = _boot_before(source, medium, plan) if needed else None
        if loader is None or not loader.elf:
            binary = disk.read(0, len(loader.binary) if loader else SECTOR_BYTES)
            name, symbols = (loader.name, loader.symbols) if loader else (source, {})
            disk = replace(disk, loader=listed(name, binary, symbols))
        machine = replace(
            plan.machine, disk_interface=medium.interface or plan.machine.disk_interface
        )
        config = machine_for(machine, narrow=medium.narrow)
        scene = _scene(disk, at, before)
        if disk.driver != "raw":
            scene = replace(scene, container=disk)
        yield Prepared(scene, disk.path, config)


def prepare_trace(
    trace: BootTrace,
    at: str | None,
    image: Path,
    given: KernelImage | None = None,
    qemu: str = AUTO,
    kept: KeptRecording | None = None,
    trace_file: Path | None = None,
) -> Prepared:
    """Have a boot again of which the trace is there.

    ``given`` is its kernel, where that is elsewhere than it was; without one that can be
    found a stand-in takes its place, which can be loaded but not run. ``qemu`` is a program
    in place of the one that it was; `AUTO` is that one. Of a ``kept`` recording, whose trace is in
    ``trace_file``, the recorded boot is what is debugged. Raises UsageError when the trace does
    not tell enough, or what cannot be.
    """
    notes: list[str] = []
    machine = machine_of(trace, qemu, notes, recorded=kept is not None)
    if kept and kept.reel.by_uefi:
        image.touch()
        of_firmware = replace(_UNKNOWN, name="a UEFI")
        scene = Scene(f"{trace.source}; by a UEFI", of_firmware, _NOTHING, None, place_in(kept, at))
        return _played(scene, image, kept, trace_file, qemu, notes)
    if kept and kept.reel.source.frames:
        image.touch()
        trace = replace(trace, disk=_NOTHING)
        scene = scene_of(trace, _UNKNOWN, at or _where_it_ended(trace, kept), kept)
        return _played(scene, image, kept, trace_file, qemu, notes)
    if kept and trace.disk and isinstance(kept.reel.source, Drive):
        trace = replace(trace, disk=replace(trace.disk, path=str(kept.reel.source.path)))
    again = replayed(trace, given, image)
    scene = scene_of(trace, again.loader, at or _where_it_went_wrong(trace), kept)
    if kept is None:
        return Prepared(scene, image, machine_for(machine), (*again.notes, *notes))
    return _played(scene, image, kept, trace_file, qemu, [*again.notes, *notes])


def _played(
    scene: Scene,
    image: Path,
    kept: KeptRecording,
    trace_file: Path | None,
    qemu: str,
    notes: list[str],
) -> Prepared:
    """Have a recording played in place of a boot."""
    asks = [sys.executable, "-P", "-m", "bootharness.debug.backwards", str(trace_file), qemu]
    named = [] if qemu == AUTO else ["--qemu", qemu]
    recorded = {
        "end": kept.reel.end,
        "goes_on": kept.reel.goes_on,
        "by_uefi": kept.reel.by_uefi,
        "asks": asks,
        "asked_in": str(Path.cwd()),  # a disk may have been named from here
        "again": shlex.join(["bootharness", "debug", str(trace_file), *named, "--at"]),
    }
    scene = replace(scene, recorded=recorded)
    return Prepared(scene, image, kept.reel.config, tuple(notes), reel=kept.reel)


def machine_for(config: MachineConfig, *, narrow: bool = False) -> MachineConfig:
    """Return the machine of a boot, under TCG.

    With KVM a breakpoint is a byte in memory, which is written over when the code that it
    is in is loaded.
    """
    return chosen_machine(replace(config, accelerator="tcg"), narrow=narrow)


def _boot_before(source: str, medium: Medium, plan: BootPlan) -> BootTrace:
    """Boot as far as the kernel's entry. Raises CouldNotFindOut when that shows nothing."""
    plan = replace(plan, until="setup", until_screen=None, fail_on=(), at_most_s=None, send=(),
                   tracer="recorder")  # fmt: skip
    with Workspace() as workspace:
        trace = boot_medium(source, medium, plan, workspace)
    if trace.ending.cause:
        raise MachineLost(f"a boot before, to see what is there: {trace.ending.detail}")
    return trace


def _scene(disk: DiskImage, at: str, before: BootTrace | None) -> Scene:
    assert disk.loader
    if before:
        return scene_of(before, disk.loader, at)
    kernel = disk.kernel
    assert kernel
    return Scene(
        what=f"{kernel.source}  {kernel.release}; {disk.loader.name}",
        loader=disk.loader,
        disk=disk.facts,
        kernel=kernel.facts,
        place=Place.parse(at, disk.loader.symbols, kernel.header),
    )


def scene_of(trace: BootTrace, loader: Loader, at: str, kept: KeptRecording | None = None) -> Scene:
    """Return the scene of a boot that has been seen, or was recorded. Raises UsageError for a place
    that it has not come to."""
    assert trace.disk
    kernel, handoff = trace.kernel, trace.handoff
    if at == LAST_GOOD_MOVE:
        at = f"move:{_last_good_move(trace)}"
    header = kernel.header if kernel else None
    place = Place.parse(at, loader.symbols, header, recorded=kept is not None)
    _check_reached(trace, place.name)
    if kept:
        _check_recorded(kept, place)
    base = handoff.real_mode_address if handoff else None
    return Scene(
        what=f"{trace.source}  {kernel.release if kernel else 'no kernel found'}; {loader.name}",
        loader=loader,
        disk=trace.disk,
        kernel=kernel,
        place=place,
        sites=call_sites(trace.loader_calls),
        kernel_entry=None if base is None else base + SETUP_AT,
    )


def call_sites(calls: Iterable[BiosCall]) -> frozenset[int]:
    """Return the linear addresses of the INT instructions that made calls."""
    return frozenset(
        call.registers_in.cs * 16 + call.registers_in.ip - _INT_BYTES for call in calls
    )


def _check_reached(trace: BootTrace, at: str) -> None:
    """Raise UsageError for a place that a boot has not come to: gdb would wait for ever."""
    kind, _, number = at.partition(":")
    made = len(trace.block_moves)
    if kind == "move" and int(number) >= made:
        raise UsageError(f"--at {at}: that boot made {count(made, 'block move')}, the first is 0")
    if kind in BEHIND_CALLS and kind != "move" and not trace.handoff:
        raise UsageError(f"--at {at}: that boot did not enter the kernel")


def _check_recorded(kept: KeptRecording, place: Place) -> None:
    """Raise UsageError for a place that a recording does not have."""
    for command in place.commands:
        match command.split():
            case ["back-to", "call", number]:
                why = kept.why_not_at(int(number))
            case ["back-to", position]:
                why = kept.why_not_so_far(int(position))
            case ["until-move", number]:
                why = kept.why_not_at_move(int(number))
            case ["until-handoff"]:
                why = kept.why_not_at(None)
            case _:
                continue
        if why:
            raise UsageError(f"--at {place.name}: {why}")


def _last_good_move(trace: BootTrace) -> int:
    """Return the number of the last block move that continues the payload without a gap."""
    moves = (
        [move for move, _ in placements(trace.block_moves, trace.kernel)] if trace.kernel else []
    )
    if not moves:
        raise UsageError(f"--at {LAST_GOOD_MOVE}: no block move of that boot was right")
    return moves[-1].index


def _where_it_ended(trace: BootTrace, kept: KeptRecording) -> str:
    """Return the place to stop at in what came from a network, when nobody says."""
    return "handoff" if trace.handoff and kept.anchor else str(kept.reel.end - 1)


def _where_it_went_wrong(trace: BootTrace) -> str:
    """Return the place to stop at when nobody says: before what went wrong."""
    if trace.handoff:
        return "handoff"
    return LAST_GOOD_MOVE if trace.placed_bytes else "stage1"
