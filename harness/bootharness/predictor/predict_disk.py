"""Predict the boot of one disk, laid out or brought."""

import tempfile
from pathlib import Path

from unicorn import __version__ as unicorn_version

from bootharness.errors import UsageError
from bootharness.plan import MachineConfig
from bootharness.predictor.pc import Pc
from bootharness.predictor.progress import Patience
from bootharness.predictor.quirks import Quirks
from bootharness.predictor.sectors import Sectors
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.kernel_on_disk import with_kernel_found
from bootharness.trace.bios_milestones import bios_milestones
from bootharness.trace.bioses import BIOSES
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.machine_facts import MachineFacts
from bootharness.trace.milestones import MILESTONES, ordered
from bootharness.watch.entry import header_entered, look, look_32_bit

__all__ = ["UNTIL", "predict_disk"]

UNTIL = "setup"
"""How far a prediction goes."""
_DEFAULT_MEMORY = MachineConfig().memory_bytes
_NONE, _ENOUGH = Quirks(), Patience()


def predict_disk(
    disk: DiskImage | DiskLayout,
    *,
    bios: str = "seabios",
    memory_bytes: int = _DEFAULT_MEMORY,
    quirks: Quirks = _NONE,
    patience: Patience = _ENOUGH,
) -> BootTrace:
    """Return the trace that a boot of a disk would have; with times that are 0.

    Raises KernelUnavailable for a disk image that cannot be read.
    """
    if bios not in BIOSES:
        raise UsageError(f"BIOS {bios!r}: known are {', '.join(BIOSES)}")
    sectors = Sectors.of(disk, quirks.errors)
    pc = Pc(sectors, memory_bytes, BIOSES[bios], quirks, patience=patience)
    ending = pc.boot()
    calls = pc.calls()
    brought = isinstance(disk, DiskImage) and disk.loader is None
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(disk, DiskImage):
            seen = None
            if pc.handoff and not pc.in_protected_mode:
                seen = header_entered(pc.memory, pc.handoff, exact=pc.exact)
            disk = with_kernel_found(disk, calls, Path(folder), entered=seen)
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
        until=UNTIL,
        ending=ending,
        route="disk" if brought else "mbr",
        kernel=kernel,
        loader=disk.loader.facts if disk.loader else None,
        disk=facts,
        machine=_machine(bios, memory_bytes, quirks.low_kib),
        tracer="emulator",
        milestones=ordered(points, MILESTONES),
        bios_calls=calls,
        handoff=handoff,
        serial=pc.ports.serial.decode("utf-8", "backslashreplace"),
        a20_wrapped=pc.memory.wrapped,
        samples=tuple(pc.hang.samples.values()),
    )


def _machine(bios: str, memory_bytes: int, low_kib: int) -> MachineFacts:
    return MachineFacts(
        qemu="unicorn",
        qemu_version=unicorn_version,
        accelerator="emulator",
        machine_type="pc",
        disk_interface="ahci",
        memory_bytes=memory_bytes,
        command_line=(),
        bios=bios,
        low_kib=low_kib,
    )
