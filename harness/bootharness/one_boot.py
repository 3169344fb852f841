"""Boot one kernel and see everything.

    KernelImage + Loader -> DiskImage -> Qemu -> Machine -> Watch -> BootTrace

This file ends where QEMU runs; session.py goes on from there.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bootharness.errors import CouldNotFindOut, LaunchFailed, UsageError
from bootharness.host.accelerator import kvm_works
from bootharness.host.workspace import Workspace
from bootharness.kernels.image import KernelImage
from bootharness.kernels.source import fetch
from bootharness.machine.qemu import Qemu
from bootharness.machine.rom import write_rom
from bootharness.plan import BootPlan, MachineConfig
from bootharness.routes.direct import DirectImage
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out

if TYPE_CHECKING:
    from bootharness.network.live import Network
    from bootharness.routes.net_image import NetImage
    from bootharness.trace.boot_trace import BootTrace
    from bootharness.trace.observer import Observer
    from tests.servers.control import Control

__all__ = [
    "boot",
    "boot_control",
    "boot_direct",
    "boot_disk",
    "boot_grub",
    "boot_net",
    "boot_net_source",
    "boot_on",
    "boot_source",
    "build_disk",
    "chosen_machine",
]


def boot_source(
    source: str,
    loader: Loader,
    plan: BootPlan,
    *,
    observer: "Observer | None" = None,
    keep: Path | None = None,
) -> "BootTrace":
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
    observer: "Observer | None" = None,
    keep: Path | None = None,
) -> "BootTrace":
    """Build a disk image with a loader and a kernel, boot it, and return all that was seen.

    ``keep`` is a folder for the disk image, the logs and what the screen shows; what it
    cannot take is named in the trace's ``post_mortem.missing``. Raises UsageError for what
    cannot be built. What keeps us from finding out is in the trace, with the ending ``skipped``.
    """
    try:
        with Workspace() as workspace:
            own = workspace.path / "disk.img"
            if keep is None:
                disk = build_disk(own, kernel, loader, plan)
                return _boot(kernel.source, disk, plan, workspace, observer, keep)
            disk, missing = _build_kept(keep / own.name, own, kernel, loader, plan)
            trace = _boot(kernel.source, disk, plan, workspace, observer, keep)
            return trace.with_missing(*missing)
    except CouldNotFindOut as error:
        return _skipped(kernel.source, plan, error)


def _build_kept(
    path: Path, otherwise: Path, kernel: KernelImage, loader: Loader, plan: BootPlan
) -> tuple[DiskImage, list[str]]:
    """Write a disk image where it is kept, or else where it is not, and a sentence that says so."""
    if path.exists():
        raise UsageError(f"{path}: is there already; keep a boot in a new folder")
    try:
        return build_disk(path, kernel, loader, plan), []
    except LaunchFailed as error:
        path.unlink(missing_ok=True)
        return build_disk(otherwise, kernel, loader, plan), [str(error)]


def build_disk(path: Path, kernel: KernelImage, loader: Loader, plan: BootPlan) -> DiskImage:
    """Write the disk image that a plan needs. Raises as `lay_out` and `DiskLayout.write` do."""
    return lay_out(kernel, loader, plan).write(path)


def boot_disk(
    disk: DiskImage,
    plan: BootPlan,
    *,
    observer: "Observer | None" = None,
    keep: Path | None = None,
) -> "BootTrace":
    """Boot a disk image that is there already; otherwise as `boot`."""
    source = disk.kernel.source if disk.kernel else str(disk.path)
    try:
        with Workspace() as workspace:
            return _boot(source, disk, plan, workspace, observer, keep)
    except CouldNotFindOut as error:
        return _skipped(source, plan, error)


def boot_direct(source: str, plan: BootPlan) -> "BootTrace":
    """Fetch a kernel and have QEMU load it by itself; otherwise as `boot`."""
    try:
        kernel = fetch(source)
        with Workspace() as workspace:
            image = DirectImage.make(kernel, plan, workspace.path)
            rom = write_rom(workspace.path)
            with Qemu(chosen_machine(plan.machine, kernel), image, workspace, rom=rom) as qemu:
                from bootharness.watch.see import see

                return see(source, qemu, image, plan, observer=None, keep=None)
    except CouldNotFindOut as error:
        return _skipped(source, plan, error)


def boot_grub(source: str, plan: BootPlan) -> "BootTrace":
    """Fetch a kernel and boot it from a disk image with GRUB; otherwise as `boot`."""
    from bootharness.routes.grub import grub_disk

    try:
        kernel = fetch(source)
        with Workspace() as workspace:
            disk = grub_disk(workspace.path / "disk.img", kernel, plan)
            return _boot(source, disk, plan, workspace, None, None)
    except CouldNotFindOut as error:
        return _skipped(source, plan, error)


def boot_net_source(
    source: str,
    plan: BootPlan,
    *,
    observer: "Observer | None" = None,
    keep: Path | None = None,
) -> "BootTrace":
    """Fetch a kernel by its source and boot it from a network; otherwise as `boot`."""
    try:
        kernel = fetch(source)
    except CouldNotFindOut as error:
        return _skipped(source, plan, error)
    return boot_net(kernel, plan, observer=observer, keep=keep)


def boot_net(
    kernel: KernelImage,
    plan: BootPlan,
    *,
    observer: "Observer | None" = None,
    keep: Path | None = None,
) -> "BootTrace":
    """Boot a kernel from a network of its own, as ``plan.net`` says; otherwise as `boot`."""
    from bootharness.routes.net import net_image, network_for

    try:
        image = net_image(kernel, plan)
        with network_for(image, plan, keep) as network:
            return boot_on(network, image, plan, observer=observer, keep=keep)
    except CouldNotFindOut as error:
        return _skipped(kernel.source, plan, error)


def boot_on(
    network: "Network",
    image: "NetImage",
    plan: BootPlan,
    *,
    observer: "Observer | None" = None,
    keep: Path | None = None,
) -> "BootTrace":
    """Boot one guest on a network, which may have others; otherwise as `boot`."""
    from bootharness.routes.net import card, with_http
    from bootharness.routes.net_connection import Connection

    assert plan.net
    plug = network.plug()
    try:
        with Workspace() as workspace, with_http(network, plug, image, workspace):
            nic = card(plug, image, plan.net, workspace.path)
            rom = write_rom(workspace.path) if image.firmware == "bios" else None
            with Qemu(chosen_machine(plan.machine, image.kernel), nic, workspace, rom=rom) as qemu:
                plug.started(qemu.launched)
                from bootharness.watch.see import see

                if observer:
                    observer.started()
                watched = Connection(network, plug, image, nic.nic)
                source = image.kernel.source
                return see(source, qemu, image, plan, observer=observer, keep=keep,
                           connection=watched)  # fmt: skip
    finally:
        plug.close()


def boot_control(control: "Control", guest: int, image: "NetImage", plan: BootPlan) -> "BootTrace":
    """Boot one guest from a server that is not ours; otherwise as `boot`.

    What went over its wire is in the trace all the same, read from a capture at the end.
    """
    from bootharness.trace.boot_trace import ordered
    from bootharness.trace.wire import NET_MILESTONES, NetworkFacts, milestones
    from tests.servers.control import CAPTURE_FILE
    from tests.servers.observed import observe

    assert plan.net
    with Workspace() as workspace:
        nic = control.card(guest, image, plan.net.nic, workspace.path)
        rom = write_rom(workspace.path) if image.firmware == "bios" else None
        with Qemu(chosen_machine(plan.machine, image.kernel), nic, workspace, rom=rom) as qemu:
            from bootharness.watch.see import see

            trace = see(image.kernel.source, qemu, image, plan, observer=None, keep=None)
            launched = qemu.launched_wall
        seen = observe(workspace.path / CAPTURE_FILE, image.contents, launched)
        network = NetworkFacts(
            path=image.path,
            firmware=image.firmware,
            nic=nic.nic,
            server=control.name,
            mac=nic.mac,
            roles=image.roles,
            events=tuple(seen.events),
            files=tuple(seen.files),
            frames=seen.frames,
        )
        points = milestones(network) | {each.name: each.seconds for each in trace.milestones}
        return replace(trace, network=network, milestones=ordered(points, NET_MILESTONES))


def _skipped(source: str, plan: BootPlan, error: CouldNotFindOut) -> "BootTrace":
    from bootharness.trace.boot_trace import BootTrace, Ending

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
    observer: "Observer | None",
    keep: Path | None,
) -> "BootTrace":
    config = chosen_machine(plan.machine, disk.kernel)
    with Qemu(
        config,
        disk.path,
        workspace,
        rom=write_rom(workspace.path) if plan.tracer != "gdb" else None,
        gdb=plan.tracer != "recorder",
    ) as qemu:
        # what is not needed to start QEMU is imported while it starts: 0.2 s of a boot
        from bootharness.watch.see import see

        if observer:
            observer.started()
        trace = see(source, qemu, disk, plan, observer=observer, keep=keep)
    if keep:
        from bootharness.watch.rerun import with_exceptions

        trace = with_exceptions(trace, disk, plan, config)
    return trace
