"""A network boot made ready: the files, the network that serves them, the guest's card."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootharness.errors import UsageError
from bootharness.host.workspace import Workspace
from bootharness.kernels.content import Piece
from bootharness.kernels.image import KernelImage
from bootharness.kernels.initrd import initrd_bytes
from bootharness.machine.device import Device, network_device
from bootharness.network.files import FileTable
from bootharness.network.network import Network, Plug
from bootharness.network.uplink import Uplink
from bootharness.network.wire import Wire
from bootharness.plan import BootPlan
from bootharness.routes.disk import Initrd
from bootharness.routes.medium import Medium
from bootharness.routes.net_connection import MAC, Connection
from bootharness.routes.net_image import NetImage
from bootharness.routes.net_paths import PATHS, UEFI

__all__ = ["flash_of", "net_image", "network_for", "plugged_in", "prepare"]

# in frames: five blocks of 1432 bytes overrun its ring of 8 KiB, and QEMU drops what does
_RINGS = {"rtl8139": 4}
_HANG = b"\xeb\xfe" + bytes(510)


@contextmanager
def prepare(kernel: KernelImage, plan: BootPlan, workspace: Workspace) -> Iterator[Medium]:
    """Serve a kernel on a network of its own, and plug one guest in."""
    image = net_image(kernel, plan)
    with (
        network_for(image, plan) as network,
        plugged_in(network, image, plan, workspace) as medium,
    ):
        yield medium


def net_image(kernel: KernelImage, plan: BootPlan) -> NetImage:
    """Return the files that a plan serves to boot a kernel.

    Raises ToolMissing when a boot program is not installed, UsageError for what no such
    boot can be.
    """
    path = PATHS[plan.route]
    if path.firmware == "uefi" and not kernel.header.is_64_bit:
        raise UsageError(f"the route {path.name}: a 64-bit UEFI cannot start {kernel.source}")
    initrd = initrd_bytes(kernel, plan)
    contents = path.files(_read(kernel.path), initrd, plan.cmdline)
    return NetImage(path.name, kernel, initrd, contents, dict(path.roles))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


@contextmanager
def network_for(image: NetImage, plan: BootPlan) -> Iterator[Network]:
    """Run the network that serves these files, with the faults of the plan.

    Raises UsageError for a fault that could never act.
    """
    path, faults = PATHS[image.path], plan.net.faults
    contents = dict(image.contents)
    faults.check(path.name, {name: len(each) for name, each in contents.items()}, path.over_http)
    if "script-error" in faults:
        contents[image.roles["script"]] = path.wrong_script
    if "nbp-hang" in faults:
        contents[image.roles.get("nbp", image.roles["script"])] = _HANG
    wire = Wire(FileTable(contents), path.rules, faults, ring=_RINGS.get(path.card(plan.net.nic)))
    with Network(wire) as network:
        yield network


@contextmanager
def plugged_in(
    network: Network, image: NetImage, plan: BootPlan, workspace: Workspace
) -> Iterator[Medium]:
    """Plug one guest into a network, which may have others, with HTTP if its path needs that."""
    path, plug = PATHS[image.path], network.plug()
    uplink = None
    try:
        uplink = Uplink(network, plug, workspace) if path.http else None
        nic = path.card(plan.net.nic)
        yield Medium(
            device=_device(plug, image, nic, workspace.path),
            kernel=image.kernel,
            initrd=Initrd(Piece.of(image.initrd)),
            wire=Connection(network, plug, image, nic, path.firmware, uplink),
            saves=_saves(plan),
        )
    finally:
        if uplink:
            uplink.close()
        plug.close()


def _saves(plan: BootPlan) -> bool:
    """Whether the machine may be saved, and go on from there in another boot: not where something
    of this boot happens before its first packet."""
    at_first = any(fault.kind == "link-down" and not fault.file for fault in plan.net.faults)
    return not (
        plan.net.cold
        or at_first
        # which frames are lost is counted from the first on, and the firmware's own are among them
        or "loss" in plan.net.faults
        # the guest's clock is counted from its launch on
        or plan.at_most_s is not None
        # what is to be typed may be asked for by the firmware
        or plan.send
    )


def _device(plug: Plug, image: NetImage, nic: str, folder: Path) -> Device:
    fd = plug.guest_end.fileno()
    return network_device(
        nic=nic,
        mac=MAC.format(plug.port),
        netdev=f"dgram,id=net0,local.type=fd,local.str={fd}",
        rom=PATHS[image.path].rom,
        flash=flash_of(image, folder),
        fds=(fd,),
    )


def flash_of(image: NetImage, folder: Path) -> tuple[Path, Path] | None:
    """Return a UEFI's code and a copy of its variables in ``folder``; None for a BIOS."""
    if PATHS[image.path].firmware != "uefi":
        return None
    code, variables = UEFI
    copy = folder / variables.name
    shutil.copyfile(variables, copy)
    return code, copy
