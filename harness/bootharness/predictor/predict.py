"""Predict a boot: the same trace as a real one's, up to the handoff, in milliseconds."""

import tempfile
from pathlib import Path

from unicorn import __version__ as unicorn_version

from bootharness.errors import UsageError
from bootharness.predictor.medium import Medium
from bootharness.predictor.pc import Pc
from bootharness.predictor.quirks import Quirks
from bootharness.routes.disk import DiskImage, DiskLayout
from bootharness.trace.bioses import BIOSES
from bootharness.trace.boot_trace import MILESTONES, BootTrace, MachineFacts, Milestone
from bootharness.trace.milestones import bios_milestones
from bootharness.watch.facts import disk_facts, kernel_facts, loader_facts
from bootharness.watch.handoff import look, with_kernel_found

__all__ = ["predict"]

_UNTIL = "setup"
_DEFAULT_MEMORY = 512 << 20
_NONE = Quirks()


def predict(
    disk: DiskImage | DiskLayout,
    *,
    bios: str = "seabios",
    memory_bytes: int = _DEFAULT_MEMORY,
    quirks: Quirks = _NONE,
) -> BootTrace:
    """Return the trace of a boot from the BIOS to the kernel's entry.

    ``bios`` is one of `BIOSES`. Raises UsageError for a BIOS that is not known,
    KernelUnavailable for a disk image that cannot be read.
    """
    if bios not in BIOSES:
        raise UsageError(f"BIOS {bios!r}: known are {', '.join(BIOSES)}")
    pc = Pc(Medium.of(disk, quirks.errors), memory_bytes, BIOSES[bios], quirks)
    ending = pc.boot()
    calls = pc.calls()
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(disk, DiskImage) and disk.kernel is None:
            disk = with_kernel_found(disk, calls, Path(folder))
        handoff = None
        if pc.handoff:
            before = len(calls)
            handoff = look(pc.memory, disk, pc.handoff, exact=pc.exact, calls=before, seconds=0.0)
        kernel = kernel_facts(disk.kernel) if disk.kernel else None
    facts = disk_facts(disk)
    points = bios_milestones(calls, kernel, facts, handed_off=handoff is not None)
    if handoff:
        points["setup-entered"] = 0.0
    return BootTrace(
        source=disk.kernel.source if disk.kernel else disk.name,
        until=_UNTIL,
        ending=ending,
        kernel=kernel,
        loader=loader_facts(disk.loader) if disk.loader else None,
        disk=facts,
        machine=_machine(bios, memory_bytes),
        tracer="emulator",
        milestones=tuple(Milestone(name, points[name]) for name in MILESTONES if name in points),
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
