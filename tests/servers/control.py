"""Servers that are not ours, as control: QEMU's slirp, and dnsmasq in a network namespace."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import LaunchFailed, ToolMissing
from bootharness.formats.ethernet import ip_text
from bootharness.host.deadline import Deadline
from bootharness.host.workspace import Workspace
from bootharness.kernels.content import Piece
from bootharness.machine.choice import chosen_machine
from bootharness.machine.device import Device, network_device
from bootharness.machine.qemu import Qemu
from bootharness.machine.uefi import flash_in
from bootharness.network.http_server import HttpServer
from bootharness.network.wire import HTTP_ADDRESS
from bootharness.plan import BootPlan
from bootharness.plan.fault import Faults
from bootharness.routes.initrd import Initrd
from bootharness.routes.medium import Medium
from bootharness.routes.net_connection import MAC
from bootharness.routes.net_image import NetImage
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.milestones import NET_MILESTONES, ordered
from bootharness.trace.network_facts import NetworkFacts, milestones
from bootharness.watch.see import see
from tests.servers.observed import observe
from tests.support.net_files import contents_of

__all__ = ["CAPTURE_FILE", "Control", "boot", "dnsmasq", "nginx", "slirp"]

CAPTURE_FILE = "control.pcap"

_NAMESPACE = Path(__file__).with_name("namespace.py")
_START_S = 10.0
# for what a server without rules cannot tell clients apart
_ONE_FILE = ("ipxe", "ipxe-http", "pxelinux", "uefi-ipxe")
_ALL_OVER_HTTP = ("ipxe-http",)
_OVER_TFTP = ("ipxe", "pxelinux", "uefi-ipxe", "uefi-snponly")


class Control(Struct, frozen=True, dict=True):
    """A server that runs: its name and the -netdev of each guest, with what QEMU inherits."""

    name: str
    netdevs: tuple[str, ...]
    fds: tuple[int, ...] = ()
    chardev: str | None = None

    def device(
        self, guest: int, image: NetImage, nic: str, folder: Path, *, captured: bool = True
    ) -> Device:
        """Return the card of a guest; what goes over it may be captured in ``folder``."""
        return network_device(
            nic=nic,
            mac=MAC.format(guest + 1),
            netdev=self.netdevs[guest],
            rom=image.card.rom,
            flash=flash_in(folder, image.card.machine) if image.card.firmware == "uefi" else None,
            fds=self.fds[guest : guest + 1],
            capture=folder / CAPTURE_FILE if captured else None,
            chardev=self.chardev,
        )


@contextmanager
def slirp(image: NetImage, workspace: Workspace) -> Iterator[Control]:
    """Serve by QEMU's own network, TFTP by itself and HTTP by handing connections over.

    Raises ToolMissing for a path on which clients have to be told apart.
    """
    if image.path not in _ONE_FILE:
        raise ToolMissing(
            f"slirp names one boot file for all clients and forwards one connection, and "
            f"{image.path} needs more"
        )
    folder = _written(image, workspace)
    workspace.path.chmod(0o755)  # as root QEMU is another user
    netdev = f"user,id=net0,restrict=on,tftp={folder},bootfile={image.rules[0].file}"
    with ExitStack() as stack:
        if image.card.http:
            server = HttpServer(
                image.files, Faults(), image.redirects, _nobody, lambda: 0.0, _nobody
            )
            stack.callback(server.stop)
            ours, theirs = socket.socketpair()
            stack.enter_context(theirs)
            # QEMU's sandbox lets no process start for each connection: there is only this one
            server.serve(ours, 1)
            netdev += f",guestfwd=tcp:{ip_text(HTTP_ADDRESS)}:80-chardev:http"
            chardev = f"socket,id=http,fd={theirs.fileno()}"
            yield Control("slirp", (netdev,), (theirs.fileno(),), chardev)
            return
        yield Control("slirp", (netdev,))


def boot(
    control: Control, guest: int, image: NetImage, plan: BootPlan, *, captured: bool = True
) -> BootTrace:
    """Boot one guest from a server that is not ours.

    What went over its wire is in the trace all the same, read from a capture at the end; one that
    is not ``captured`` costs the guest no time.
    """
    nic = image.card.nic
    with Workspace() as workspace:
        device = control.device(guest, image, nic, workspace.path, captured=captured)
        medium = Medium(device, image.kernel, initrd=Initrd(Piece.of(image.initrd or b"")))
        config = chosen_machine(plan.machine, narrow=medium.narrow)
        with Qemu(config, device, workspace, tracer=plan.tracer) as qemu:
            trace = see(plan.route, qemu, medium, plan, observer=None, keep=None)
            launched = time.time() - qemu.now()
        if not captured:
            return trace
        seen = observe(workspace.path / CAPTURE_FILE, contents_of(image), launched)
    network = NetworkFacts(
        path=image.path,
        firmware=image.card.firmware,
        nic=nic,
        server=control.name,
        mac=MAC.format(guest + 1),
        roles=image.roles,
        events=tuple(seen.events),
        files=tuple(seen.files),
        frames=seen.frames,
    )
    points = milestones(network) | {each.name: each.seconds for each in trace.milestones}
    return replace(trace, network=network, milestones=ordered(points, NET_MILESTONES))


def _nobody(*_said: object, **_more: object) -> None:
    """Nobody keeps a journal of what goes over another's wire."""


@contextmanager
def dnsmasq(image: NetImage, workspace: Workspace, *, guests: int = 1) -> Iterator[Control]:
    """Serve by dnsmasq on a bridge with a tap for each guest, in a network namespace.

    Raises ToolMissing, saying what is not there or not allowed.
    """
    if image.path not in _OVER_TFTP:
        raise ToolMissing(f"dnsmasq serves no HTTP, which {image.path} needs")
    command = _dnsmasq_argv(image, _written(image, workspace))
    with _on_bridge("dnsmasq", command, workspace, guests) as control:
        yield control


@contextmanager
def nginx(image: NetImage, workspace: Workspace) -> Iterator[Control]:
    """Serve by nginx, with dnsmasq for the addresses, as `dnsmasq` does by itself."""
    if image.path not in _ALL_OVER_HTTP:
        raise ToolMissing(f"not all that {image.path} needs comes over HTTP")
    if not shutil.which("nginx", path="/usr/sbin:/usr/bin"):
        raise ToolMissing("nginx is not installed: apt install nginx-light")
    folder, conf = _written(image, workspace), workspace.path / "nginx.conf"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own = " ".join(f"{kind}_temp_path {workspace.path}/{kind};" for kind in kinds)
    conf.write_text(
        f"daemon off; user root; pid {workspace.path}/nginx.pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; sendfile on; {own} server {{ listen 80; root {folder}; }} }}\n"
    )
    both = f"nginx -c {conf} & exec {shlex.join(_dnsmasq_argv(image, folder))}"
    with _on_bridge("nginx", ["sh", "-c", both], workspace, 1) as control:
        yield control


@contextmanager
def _on_bridge(
    name: str, command: list[str], workspace: Workspace, guests: int
) -> Iterator[Control]:
    ours, theirs = socket.socketpair()
    with ours, (workspace.path / "dnsmasq.log").open("wb") as log, ExitStack() as stack:
        with theirs:
            user = [] if os.geteuid() == 0 else ["--map-root-user"]
            ends = ("--pid", "--fork", "--kill-child=KILL")
            argv = ["unshare", "--net", *ends, *user, sys.executable, "-I", "-S", str(_NAMESPACE)]
            process = subprocess.Popen(
                [*argv, str(guests), *command],
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                process_group=workspace.process_group,
            )
        stack.callback(process.wait)
        stack.callback(process.kill)
        ours.settimeout(_START_S)
        _, taps, _, _ = socket.recv_fds(ours, 1, guests)
        for fd in taps:
            stack.callback(os.close, fd)
        log_file = workspace.path / "dnsmasq.log"
        if len(taps) < guests:
            raise ToolMissing(f"no network namespace with taps: {_last_line(log_file)}")
        _wait_until_started(process, log_file)
        netdevs = tuple(f"tap,id=net0,fd={fd}" for fd in taps)
        yield Control(name, netdevs, tuple(taps))


def _wait_until_started(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = Deadline.after(_START_S)
    pause = threading.Event()
    while b"started" not in log.read_bytes():
        if process.poll() is not None:
            raise ToolMissing(f"dnsmasq does not run here: {_last_line(log)}")
        if deadline.expired:
            raise LaunchFailed(f"dnsmasq does not start: {_last_line(log)}")
        pause.wait(0.01)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"


def _dnsmasq_argv(image: NetImage, folder: Path) -> list[str]:
    boots = []
    for rule in image.rules:
        tag = "tag:ipxe," if rule.ipxe else "tag:!ipxe," if len(image.rules) > 1 else ""
        boots.append(f"--dhcp-boot={tag}{rule.file}")
    return [
        *("dnsmasq", "--keep-in-foreground", "--user=root", "--conf-file=/dev/null"),
        *("--log-facility=-", "--log-dhcp", "--port=0", "--bind-interfaces", "--interface=br0"),
        *("--except-interface=lo", "--dhcp-authoritative", "--no-ping", "--leasefile-ro"),
        *("--dhcp-range=192.168.99.10,192.168.99.50,255.255.255.0,1h", "--pid-file="),
        *("--enable-tftp", f"--tftp-root={folder}"),
        # no waiting for IPv6, nor for a proxy
        *("--enable-ra", "--dhcp-range=fd00:99::,ra-only"),
        *("--dhcp-option-force=encap:175,176,1b", "--dhcp-userclass=set:ipxe,iPXE"),
        *boots,
    ]


def _written(image: NetImage, workspace: Workspace) -> Path:
    folder = workspace.path / "tftp"
    for name, content in contents_of(image).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
