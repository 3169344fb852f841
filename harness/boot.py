"""Boot one kernel and see everything.

    KernelImage + Loader -> DiskImage -> Machine -> Watch -> BootTrace

This file reads from top to bottom; what goes on while the machine runs is in watch.py.
"""

from dataclasses import dataclass, field
from pathlib import Path

from harness.disk import DiskImage
from harness.errors import CouldNotFindOut, FormatError, UsageError
from harness.facts import disk_facts, kernel_facts, loader_facts
from harness.initrd import INIT_MARKER, tiny_initrd
from harness.kernel import KernelImage
from harness.loader import ORIGIN, Loader
from harness.machine.argv import MachineConfig
from harness.machine.gdb_log import int_sites
from harness.machine.machine import Machine
from harness.machine.workspace import Workspace
from harness.milestones import bios_milestones
from harness.signs import kernel_signs
from harness.trace import MILESTONES, BootTrace, Ending, MachineFacts, Milestone
from harness.watch import Observer, Watch

__all__ = ["DEFAULT_CMDLINE", "TRACERS", "UNTIL", "BootPlan", "boot", "boot_disk", "default_until"]

DEFAULT_CMDLINE = "console=ttyS0,115200 earlyprintk=serial,ttyS0,115200 panic=-1"
UNTIL = ("setup", "protected-mode", "banner", "init")
TRACERS = ("recorder", "gdb", "both")


@dataclass(frozen=True, slots=True)
class BootPlan:
    """How to boot, and how far the boot must come to be good.

    ``initrd`` None is the tiny /init where userspace is wanted, and none otherwise. Times
    are in seconds: ``timeout_s`` on the clock, ``idle_s`` of the guest getting nowhere.
    """

    until: str = "init"
    tracer: str = "recorder"
    cmdline: str = DEFAULT_CMDLINE
    initrd: Path | None = None
    machine: MachineConfig = field(default_factory=MachineConfig)
    timeout_s: float = 60.0
    idle_s: float = 10.0

    def __post_init__(self) -> None:
        for name, value, known in (("until", self.until, UNTIL), ("tracer", self.tracer, TRACERS)):
            if value not in known:
                raise UsageError(f"{name} {value!r}: known are {', '.join(known)}")


def default_until(loader: Loader | None) -> str:
    """Return how far a boot has to come if nobody says: userspace with our own loader.

    Of another loader we do not know that it takes an initrd, so the banner has to do.
    """
    return "init" if loader and loader.name == "stage1" else "banner"


def boot(
    kernel: KernelImage,
    loader: Loader,
    plan: BootPlan,
    *,
    observer: Observer | None = None,
) -> BootTrace:
    """Build a disk image with a loader and a kernel, boot it, and return all that was seen.

    Raises UsageError for what cannot be built. What keeps us from finding out is in the
    trace, with the ending ``skipped``.
    """
    try:
        with Workspace() as workspace:
            disk = DiskImage.build(
                workspace.path / "disk.img",
                loader,
                kernel,
                cmdline=plan.cmdline,
                memory_bytes=plan.machine.memory_bytes,
                initrd=_initrd(kernel, plan),
            )
            return _boot(disk, plan, workspace, observer)
    except CouldNotFindOut as error:
        return skipped(error, plan)


def boot_disk(
    disk: DiskImage, plan: BootPlan, *, observer: Observer | None = None
) -> BootTrace:
    """Boot a disk image that is there already; otherwise as `boot`."""
    try:
        with Workspace() as workspace:
            return _boot(disk, plan, workspace, observer)
    except CouldNotFindOut as error:
        return skipped(error, plan)


def skipped(error: CouldNotFindOut, plan: BootPlan) -> BootTrace:
    """Return the trace of a boot that did not take place."""
    return BootTrace(until=plan.until, ending=Ending("skipped", 0.0, str(error), error.cause))


def _initrd(kernel: KernelImage, plan: BootPlan) -> bytes | Path | None:
    if plan.initrd is None and plan.until == "init":
        return tiny_initrd(wide=kernel.header.is_64_bit)
    return plan.initrd


def _boot(
    disk: DiskImage, plan: BootPlan, workspace: Workspace, observer: Observer | None
) -> BootTrace:
    with Machine(
        plan.machine,
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
        return _trace(watch, plan, ending)


def _trace(watch: Watch, plan: BootPlan, ending: Ending) -> BootTrace:
    machine, disk, calls = watch.machine, watch.disk, watch.calls()
    kernel = kernel_facts(watch.kernel) if watch.kernel else None
    facts = disk_facts(disk)
    points = bios_milestones(calls, kernel, facts, handed_off=watch.handoff is not None)
    points |= watch.milestones
    config = machine.config
    return BootTrace(
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
