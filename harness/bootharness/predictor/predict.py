"""Predict a boot: the same trace as a real one's, up to the handoff, in milliseconds."""

import tempfile
from pathlib import Path

from msgspec.structs import replace
from unicorn import __version__ as unicorn_version

from bootharness.errors import CouldNotFindOut, UsageError
from bootharness.kernels.image import KernelImage
from bootharness.plan import BootPlan, MachineConfig
from bootharness.predictor.pc import Pc
from bootharness.predictor.quirks import Quirks
from bootharness.predictor.sectors import Sectors
from bootharness.routes.disk import DiskImage, DiskLayout
from bootharness.routes.table import route_of
from bootharness.trace.bios_milestones import bios_milestones
from bootharness.trace.bioses import BIOSES
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.machine_facts import MachineFacts
from bootharness.trace.milestones import MILESTONES, ordered
from bootharness.watch.entry import look, look_32_bit

__all__ = ["predict", "predict_disk"]

_UNTIL = "setup"
_DEFAULT_MEMORY = MachineConfig().memory_bytes
_NONE = Quirks()


def predict(
    source: str | KernelImage | DiskImage, plan: BootPlan, *, bios: str = "seabios"
) -> BootTrace:
    """Return the trace that a boot would have, from the BIOS to the kernel's entry.

    ``source`` and ``plan`` are as for `boot`, ``bios`` is one of `BIOSES`. What keeps us from
    finding out is in the trace, with the ending ``skipped``. Raises UsageError for what cannot
    be, a route that is not a loader on a disk among it.
    """
    name = source if isinstance(source, str) else source.source
    route = route_of(plan)
    if route.lay_out is None:
        raise UsageError(f"route {route.name}: only what a loader on a disk does can be predicted")
    try:
        plan = route.settled(plan)
        route.check(plan)
        booted = route.fetch(source) if isinstance(source, str) else source
        disk = route.lay_out(booted, plan)
        trace = predict_disk(disk, bios=bios, memory_bytes=plan.machine.memory_bytes)
        return replace(trace, route=plan.route)
    except CouldNotFindOut as error:
        ending = Ending("skipped", 0.0, str(error), error.cause)
        return BootTrace(name, _UNTIL, ending, plan.route)


def predict_disk(
    disk: DiskImage | DiskLayout,
    *,
    bios: str = "seabios",
    memory_bytes: int = _DEFAULT_MEMORY,
    quirks: Quirks = _NONE,
) -> BootTrace:
    """Return the trace that a boot of a disk would have; otherwise as `predict`.

    Raises KernelUnavailable for a disk image that cannot be read.
    """
    if bios not in BIOSES:
        raise UsageError(f"BIOS {bios!r}: known are {', '.join(BIOSES)}")
    pc = Pc(Sectors.of(disk, quirks.errors), memory_bytes, BIOSES[bios], quirks)
    ending = pc.boot()
    calls = pc.calls()
    brought = isinstance(disk, DiskImage) and disk.loader is None
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(disk, DiskImage):
            disk = disk.with_kernel_found(calls, Path(folder))
        handoff = None
        if pc.handoff:
            before, entry = len(calls), (pc.memory, disk.kernel, disk.initrd, pc.handoff)
            if pc.in_protected_mode:
                handoff = look_32_bit(*entry, calls=before, seconds=0.0)
            else:
                handoff = look(*entry, exact=pc.exact, calls=before, seconds=0.0)
        kernel = disk.kernel.facts if disk.kernel else None
    facts = disk.facts
    points = bios_milestones(calls, kernel, facts, handed_off=handoff is not None)
    if handoff:
        points["protected-mode" if pc.in_protected_mode else "setup-entered"] = 0.0
    return BootTrace(
        source=disk.kernel.source if disk.kernel else disk.name,
        until=_UNTIL,
        ending=ending,
        route="disk" if brought else "mbr",
        kernel=kernel,
        loader=disk.loader.facts if disk.loader else None,
        disk=facts,
        machine=_machine(bios, memory_bytes),
        tracer="emulator",
        milestones=ordered(points, MILESTONES),
        bios_calls=calls,
        handoff=handoff,
        serial=pc.ports.serial.decode("utf-8", "backslashreplace"),
        samples=tuple(pc.hang.samples.values()),
    )


def _machine(bios: str, memory_bytes: int) -> MachineFacts:
    return MachineFacts(
        qemu="unicorn",
        qemu_version=unicorn_version,
        accelerator="emulator",
        machine_type="pc",
        disk_interface="ahci",
        memory_bytes=memory_bytes,
        command_line=(),
        bios=bios,
    )
