"""A network boot made ready: the files, the network that serves them, the guest's card."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec.structs import replace

from bootharness.errors import FormatError, UsageError
from bootharness.formats.signature_list import signature_lists
from bootharness.formats.uefi_variables import vlan_variable, with_variable
from bootharness.host.workspace import Workspace
from bootharness.kernels.content import Piece
from bootharness.kernels.image import KernelImage
from bootharness.kernels.initrd import initrd_bytes
from bootharness.machine.device import Device, Flash, network_device
from bootharness.machine.uefi import flash_in
from bootharness.network.certificate import clock_for, shown_certificate
from bootharness.network.files import FileTable
from bootharness.network.http_server import HttpServer
from bootharness.network.namespace import Namespace
from bootharness.network.network import Network, Plug
from bootharness.network.tls import tls_context
from bootharness.network.wire import Wire
from bootharness.plan import BootPlan
from bootharness.plan.dhcp_option import read_dhcp_option
from bootharness.plan.fault import Faults
from bootharness.routes.initrd import Initrd
from bootharness.routes.medium import Medium
from bootharness.routes.net_check import card_for
from bootharness.routes.net_connection import MAC, Connection
from bootharness.routes.net_image import Card, NetImage, card_of
from bootharness.routes.net_paths import PATHS

__all__ = ["net_image", "network_for", "on_network", "plugged_in", "prepare"]

# in frames: five blocks of 1432 bytes overrun its ring of 8 KiB, and QEMU drops what does
_RINGS = {"rtl8139": 4}
_HANG = b"\xeb\xfe" + bytes(510)


@contextmanager
def prepare(kernel: KernelImage, plan: BootPlan, workspace: Workspace) -> Iterator[Medium]:
    """Serve a kernel on a network of its own, and plug one guest in."""
    with on_network(net_image(kernel, plan), plan, workspace) as medium:
        yield medium


@contextmanager
def on_network(image: NetImage, plan: BootPlan, workspace: Workspace) -> Iterator[Medium]:
    """Serve what an image has on a network of its own, and plug one guest in."""
    with network_for(image, plan) as network, plugged_in(network, image, workspace) as medium:
        yield medium


def net_image(kernel: KernelImage, plan: BootPlan) -> NetImage:
    """Return the files that a plan serves to boot a kernel.

    Raises ToolMissing when a boot program is not installed, UsageError for what no such
    boot can be.
    """
    path = PATHS[plan.route]
    initrd = initrd_bytes(kernel, plan)
    contents = path.files(_read(kernel.path), initrd, plan.cmdline)
    sizes = {name: len(each) for name, each in contents.items()}
    plan.net.faults.check(path.name, sizes, path.over_http)
    contents |= _spoilt(plan.net.faults, dict(path.roles), path.wrong_script)
    return NetImage(
        path.name,
        card_of(plan, path.firmware, path.card(plan.net.nic), rom=path.rom, http=path.http),
        FileTable(contents),
        path.rules,
        sizes,
        dict(path.roles),
        kernel,
        initrd,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _spoilt(faults: Faults, roles: dict[str, str], wrong_script: bytes) -> dict[str, bytes]:
    """Return the files that faults have others in the place of."""
    spoilt = {}
    if "script-error" in faults:
        spoilt[roles["script"]] = wrong_script
    if "nbp-hang" in faults:
        spoilt[roles.get("nbp", roles["script"])] = _HANG
    return spoilt


@contextmanager
def network_for(
    image: NetImage, plan: BootPlan, *, proxy: bytes | None = None
) -> Iterator[Network]:
    """Run the network that serves an image, with the faults of the plan; with an address as a
    ``proxy`` beside others."""
    wire = Wire(
        image.files,
        image.rules,
        plan.net.faults,
        ring=_RINGS.get(image.card.nic),
        options=dict(map(read_dhcp_option, plan.net.dhcp_options)),
        ip=plan.net.ip,
        vlan=plan.net.vlan,
        https=plan.net.https_cert is not None,
        proxy=proxy,
    )
    with Network(wire) as network:
        yield network


@contextmanager
def plugged_in(
    network: Network, image: NetImage, workspace: Workspace, servers: tuple[Namespace, ...] = ()
) -> Iterator[Medium]:
    """Plug one guest into a network, which may have others, with HTTP if it may ask us for that.

    ``servers`` are those of somebody else's that are on it.
    """
    shown = image.card.certificate
    if certificate := shown:
        faults = network.wire.faults
        shown = shown_certificate(certificate, faults, workspace.path)
        trusted = certificate if "cert-untrusted" in faults else shown
        clock = clock_for(certificate, faults)
        image = replace(image, card=replace(image.card, certificate=trusted, clock=clock))
    plug = network.plug()
    if image.card.mac is None:
        image = replace(image, card=replace(image.card, mac=MAC.format(plug.port)))
    with ExitStack() as stack:
        stack.callback(plug.close)
        if image.card.http:
            server = _http_server(network, plug, image, shown)
            stack.callback(server.stop)
            network.serve_http(plug, server)
        yield Medium(
            device=_device(plug, image.card, workspace.path),
            kernel=image.kernel,
            initrd=None if image.initrd is None else Initrd(Piece.of(image.initrd)),
            wire=Connection(network, plug, image, servers),
        )


def _http_server(
    network: Network, plug: Plug, image: NetImage, certificate: Path | None
) -> HttpServer:
    wire = network.wire
    assert isinstance(wire, Wire)
    tls = tls_context(certificate) if certificate else None
    return HttpServer(
        wire.files,
        wire.faults,
        image.redirects,
        plug.note,
        network.now,
        network.fail,
        tls,
        wire.hosts,
    )


def _device(plug: Plug, card: Card, folder: Path) -> Device:
    fd = plug.guest_end.fileno()
    nic = card.nic
    if isinstance(card.rom, Path) and card.firmware == "bios":
        nic = card_for(nic, card.rom)
    return network_device(
        nic=nic,
        mac=card.mac or "",
        netdev=f"stream,id=net0,server=off,addr.type=fd,addr.str={fd}",
        rom=card.rom,
        flash=_flash(card, folder),
        fds=(fd,),
        others=card.others,
        pxe=card.pxe,
        trusted=_trusted(card, folder),
        clock=card.clock,
    )


def _trusted(card: Card, folder: Path) -> Path | None:
    """Return a file of the certificates that a UEFI is to trust, None where it has no say."""
    if card.certificate is None or card.firmware != "uefi":
        return None
    path = folder / "trusted"
    path.write_bytes(signature_lists(card.certificate.read_text()))
    return path


def _flash(card: Card, folder: Path) -> Flash | None:
    """Return a UEFI's code and a copy of its variables in ``folder``, with the card's set-up; None
    for a BIOS."""
    if card.firmware != "uefi":
        return None
    flash = flash_in(folder, card.machine)
    if card.vlan is not None:
        variables = flash.variables
        set_up = vlan_variable(card.mac or "", card.vlan)
        try:
            variables.write_bytes(with_variable(variables.read_bytes(), *set_up))
        except FormatError as error:
            raise UsageError(f"--nic-vlan {card.vlan}: {variables.name}: {error}") from error
    return flash
