"""Boot one kernel and see everything.

    KernelImage + Loader -> DiskImage -> Machine -> Watch -> BootTrace

This file reads from top to bottom; what goes on while the machine runs is in watch.py.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from harness.disk import DiskImage
from harness.errors import CouldNotFindOut, FormatError
from harness.facts import disk_facts, kernel_facts, loader_facts
from harness.initrd import INIT_MARKER, tiny_initrd
from harness.kernel import KernelImage
from harness.loader import ORIGIN, Loader
from harness.machine.accelerator import kvm_works
from harness.machine.argv import GDB_LOG, QEMU_LOG, SERIAL_LOG
from harness.machine.gdb_log import int_sites
from harness.machine.machine import Machine
from harness.machine.workspace import Workspace
from harness.milestones import bios_milestones
from harness.observer import Observer
from harness.plan import BootPlan, MachineConfig
from harness.signs import kernel_signs
from harness.source import fetch
from harness.trace import MILESTONES, BootTrace, Ending, MachineFacts, Milestone
from harness.watch import Watch

__all__ = ["boot", "boot_disk", "boot_source", "build_disk", "chosen_machine"]

def boot_source(
    source: str,
    loader: Loader,
    plan: BootPlan,
    *,
    observer: Observer | None = None,
    keep: Path | None = None,
) -> BootTrace:
    """Fetch a kernel by its source and boot it; otherwise as `boot`."""
    try:
        kernel = fetch(source)
    except CouldNotFindOut as error:
        return _skipped(source, plan, error)
    return boot(kernel, loader, plan, observer=observer, keep=keep)


def boot(
    kernel: KernelImage,
    loader: Loader,
    plan: BootPlan,
    *,
    observer: Observer | None = None,
    keep: Path | None = None,
) -> BootTrace:
    """Build a disk image with a loader and a kernel, boot it, and return all that was seen.

    ``keep`` is a folder for the disk image and the logs. Raises UsageError for what cannot
    be built. What keeps us from finding out is in the trace, with the ending ``skipped``.
    """
    try:
        with Workspace() as workspace:
            disk = build_disk((keep or workspace.path) / "disk.img", kernel, loader, plan)
            return _boot(kernel.source, disk, plan, workspace, observer, keep)
    except CouldNotFindOut as error:
        return _skipped(kernel.source, plan, error)


def build_disk(path: Path, kernel: KernelImage, loader: Loader, plan: BootPlan) -> DiskImage:
    """Write the disk image that a plan needs; otherwise as `DiskImage.build`."""
    initrd: bytes | Path | None = plan.initrd
    if initrd is None and plan.until == "init":
        initrd = tiny_initrd(wide=kernel.header.is_64_bit)
    return DiskImage.build(
        path,
        loader,
        kernel,
        cmdline=plan.cmdline,
        memory_bytes=plan.machine.memory_bytes,
        initrd=initrd,
    )


def boot_disk(
    disk: DiskImage,
    plan: BootPlan,
    *,
    observer: Observer | None = None,
    keep: Path | None = None,
) -> BootTrace:
    """Boot a disk image that is there already; otherwise as `boot`."""
    source = disk.kernel.source if disk.kernel else str(disk.path)
    try:
        with Workspace() as workspace:
            return _boot(source, disk, plan, workspace, observer, keep)
    except CouldNotFindOut as error:
        return _skipped(source, plan, error)


def _skipped(source: str, plan: BootPlan, error: CouldNotFindOut) -> BootTrace:
    return BootTrace(source, plan.until, Ending("skipped", 0.0, str(error), error.cause))


def chosen_machine(config: MachineConfig, kernel: KernelImage | None) -> MachineConfig:
    """Return the configuration with nothing left to choose."""
    qemu = config.qemu
    if qemu == "auto":
        narrow = kernel is not None and not kernel.header.is_64_bit
        qemu = "qemu-system-i386" if narrow else "qemu-system-x86_64"
    accelerator = config.accelerator
    if accelerator == "auto":
        accelerator = "kvm" if kvm_works(qemu) else "tcg"
    return replace(config, qemu=qemu, accelerator=accelerator)


def _boot(
    source: str,
    disk: DiskImage,
    plan: BootPlan,
    workspace: Workspace,
    observer: Observer | None,
    keep: Path | None,
) -> BootTrace:
    with Machine(
        chosen_machine(plan.machine, disk.kernel),
        disk.path,
        workspace,
        recorder=plan.tracer != "gdb",
        gdb=plan.tracer != "recorder",
        elf=disk.loader.elf if disk.loader else None,
    ) as machine:
        watch = Watch(
            machine,
            disk,
            disk.kernel,
            plan.until,
            kernel_signs(INIT_MARKER if plan.initrd is None else None),
            observer,
        )
        if machine.gdb:
            binary = disk.loader.binary if disk.loader else disk.read(0, 512)
            symbols = disk.loader.symbols if disk.loader else {}
            watch.gdb_log = machine.gdb.trace(int_sites(binary, ORIGIN), symbols)
            machine.gdb.resume()
        try:
            ending = watch.run(plan.timeout_s, plan.idle_s)
        except CouldNotFindOut as error:
            ending = Ending("skipped", round(machine.now(), 6), str(error), error.cause)
        except FormatError as error:
            ending = Ending("skipped", round(machine.now(), 6), str(error), "machine-lost")
        watch.identify_kernel()
        watch.report_progress()
        if keep:
            for log in (SERIAL_LOG, QEMU_LOG, GDB_LOG):
                if (workspace.path / log).exists():
                    shutil.copy(workspace.path / log, keep)
        return _trace(source, watch, plan, ending)


def _trace(source: str, watch: Watch, plan: BootPlan, ending: Ending) -> BootTrace:
    machine, disk, calls = watch.machine, watch.disk, watch.calls()
    kernel = kernel_facts(watch.kernel) if watch.kernel else None
    facts = disk_facts(disk)
    points = bios_milestones(calls, kernel, facts, handed_off=watch.handoff is not None)
    points |= watch.milestones
    config = machine.config
    return BootTrace(
        source=source,
        until=plan.until,
        ending=ending,
        kernel=kernel,
        loader=loader_facts(disk.loader) if disk.loader else None,
        disk=facts,
        machine=MachineFacts(
            qemu=config.qemu,
            qemu_version=machine.qemu_version,
            accelerator=config.accelerator,
            machine_type=config.machine_type,
            disk_interface=config.disk_interface,
            memory_bytes=config.memory_bytes,
            command_line=tuple(machine.argv),
        ),
        tracer=plan.tracer,
        milestones=tuple(
            Milestone(name, points[name]) for name in MILESTONES if name in points
        ),
        bios_calls=calls,
        handoff=watch.handoff,
        serial=machine.serial_log.decode("utf-8", "backslashreplace"),
        events=tuple(watch.events),
        samples=tuple(watch.samples),
    )
