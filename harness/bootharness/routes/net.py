"""What a plan for a network boot comes to: the files, the network, the guest's card."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootharness.errors import ToolMissing, UsageError
from bootharness.host.workspace import Workspace
from bootharness.kernels.image import KernelImage
from bootharness.kernels.initrd import initrd_bytes
from bootharness.machine.argv import NetworkCard
from bootharness.network.faults import Faults
from bootharness.network.files import FileTable
from bootharness.network.live import Network, Plug
from bootharness.network.uplink import Uplink
from bootharness.network.wire import Wire
from bootharness.plan import BootPlan, NetPlan
from bootharness.routes.net_connection import MAC
from bootharness.routes.net_image import NetImage
from bootharness.routes.net_paths import PATHS

__all__ = ["card", "firmware_of", "net_image", "network_for", "with_http"]

_FIRMWARE = Path("/usr/share/OVMF")
_CAPTURE_FILE = "wire.pcap"
# in frames: five blocks of 1432 bytes overrun its ring of 8 KiB, and QEMU drops what does
_ROOM = {"rtl8139": 4}
_HANG = b"\xeb\xfe" + bytes(510)


def net_image(kernel: KernelImage, plan: BootPlan) -> NetImage:
    """Return the files that a plan serves to boot a kernel.

    Raises ToolMissing when a boot program is not installed, UsageError for what no such
    boot can be.
    """
    if plan.net is None or plan.tracer != "recorder":
        raise UsageError("a network boot is watched by the recorder, not by gdb")
    path = PATHS[plan.net.path]
    if path.firmware == "uefi" and not kernel.header.is_64_bit:
        raise UsageError(f"network path {path.name}: a 64-bit UEFI cannot start {kernel.source}")
    initrd = initrd_bytes(kernel, plan)
    files = path.files(_read(kernel.path), initrd, plan.cmdline)
    return NetImage(
        path.name, path.firmware, kernel, plan.cmdline, initrd, files.contents, files.roles
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


@contextmanager
def network_for(image: NetImage, plan: BootPlan, keep: Path | None) -> Iterator[Network]:
    """Run the network that serves these files, with the faults of the plan.

    Raises UsageError for a fault that cannot be, or could never act.
    """
    assert plan.net
    faults = Faults.parse(plan.net.faults)
    path = PATHS[image.path]
    contents = dict(image.contents)
    faults.check(path.name, {name: len(each) for name, each in contents.items()}, path.over_http)
    if "script-error" in faults:
        contents[image.roles["script"]] = path.wrong_script
    if "nbp-hang" in faults:
        contents[image.roles.get("nbp", image.roles["script"])] = _HANG
    wire = Wire(FileTable(contents), path.rules, faults, room=_ROOM.get(path.card(plan.net.nic)))
    with Network(wire, capture=keep / _CAPTURE_FILE if keep else None) as network:
        yield network


@contextmanager
def with_http(
    network: Network, plug: Plug, image: NetImage, workspace: Workspace
) -> Iterator[None]:
    """Give a guest HTTP, if its path needs it."""
    if not PATHS[image.path].http:
        yield
        return
    uplink = Uplink(network, plug, workspace)
    try:
        yield
    finally:
        uplink.close()


def card(plug: Plug, image: NetImage, plan: NetPlan, folder: Path) -> NetworkCard:
    """Return the card of a guest, plugged in; a UEFI's variables are copied to ``folder``.

    Raises ToolMissing when there is no UEFI.
    """
    fd = plug.guest_end.fileno()
    return NetworkCard(
        nic=PATHS[image.path].card(plan.nic),
        mac=MAC.format(plug.port),
        netdev=f"dgram,id=net0,local.type=fd,local.str={fd}",
        rom=PATHS[image.path].rom,
        firmware=firmware_of(image, folder),
        fds=(fd,),
    )


def firmware_of(image: NetImage, folder: Path) -> tuple[Path, Path] | None:
    """Return a UEFI's code and a copy of its variables in ``folder``; None for a BIOS.

    Raises ToolMissing when there is no UEFI.
    """
    if image.firmware != "uefi":
        return None
    code, variables = _FIRMWARE / "OVMF_CODE_4M.fd", _FIRMWARE / "OVMF_VARS_4M.fd"
    if not code.exists() or not variables.exists():
        raise ToolMissing(f"{code} is not installed: `apt-get install ovmf` brings it")
    copy = folder / variables.name
    shutil.copyfile(variables, copy)
    return code, copy
