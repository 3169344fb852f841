"""`python -m tests.bench.net`, which is `make bench-net`: our wire beside slirp and dnsmasq.

For each path and card: seconds to /init, and the rate at which the kernel came. The boots of
the three servers take turns, so that a busy host is busy for all of them.
"""

from collections import defaultdict
from statistics import median
from time import process_time
from typing import Literal, NamedTuple

import click
from rich import box
from rich.console import Console
from rich.table import Table

from bootharness.cli import run
from bootharness.diagnosis import Verdict, judge
from bootharness.errors import ToolMissing
from bootharness.formats.ethernet import (
    ArpMessage,
    Datagram,
    build_udp,
    ip_bytes,
    parse_arp,
    parse_udp,
)
from bootharness.formats.tftp import build_ack
from bootharness.host.workspace import Workspace
from bootharness.kernels.source import fetch
from bootharness.network.files import FileTable
from bootharness.network.wire import SERVER_ADDRESS, Wire
from bootharness.one_boot import boot_medium
from bootharness.plan import OPTIONS, BootPlan, NetPlan
from bootharness.plan.fault import KERNEL_FILE
from bootharness.routes.net import net_image, network_for, plugged_in
from bootharness.routes.net_image import NetImage
from bootharness.routes.net_paths import PATHS
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import http_rate
from tests.bench import large, saved
from tests.servers import control

__all__ = ["command"]

_KERNEL = "deb:linux-image-cloud-amd64/bookworm"
_SERVERS = ("wire", "slirp", "dnsmasq")
_WAYS = (
    *((path, "auto") for path in PATHS),
    *(("ipxe", nic) for nic in OPTIONS["nic"].choices if nic not in ("auto", "virtio")),
)
_GOAL = ("ipxe", "auto", 0.8)
_FRAME_US = 20.0
_COST_BLOCKS = 10_000
_GUEST = ip_bytes("10.0.2.15")


class Sample(NamedTuple):
    """One boot: seconds to /init, and bytes per second of the kernel."""

    seconds: float
    rate: float


Samples = dict[tuple[str, str, str], list[Sample]]


@click.command("bench-net", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Choice(tuple(PATHS)))
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--kernel", default=_KERNEL, show_default=True, metavar="SOURCE")
def command(paths: tuple[str, ...], rounds: int, kernel: str) -> int:
    """Boot each PATH, or all of them, from our wire, from slirp and from dnsmasq; then cold and
    from a saved machine; and an initrd of 400 MB from ours, from dnsmasq and from nginx.

    The exit status is 1 when a goal is missed.
    """
    ways = [(path, nic) for path, nic in _WAYS if not paths or path in paths]
    samples: Samples = defaultdict(list)
    reasons: dict[tuple[str, str, str], str] = {}
    for number in range(rounds):
        for path, nic in ways:
            for server in _SERVERS:
                key = (path, nic, server)
                if key in reasons:
                    continue
                try:
                    sample = _sample(kernel, *key)
                except ToolMissing as error:
                    reasons[key] = str(error)
                    continue
                samples[key].append(sample)
                click.echo(
                    f"{number + 1}/{rounds} {path} {nic} {server}: {sample.seconds:.2f} s, "
                    f"{sample.rate / 1e6:.1f} MB/s",
                    err=True,
                )
    Console().print(_table(ways, samples, reasons))
    cost = frame_cost_us()
    click.echo(
        f"a block costs {cost:.1f} us of Python from frame to frame; the goal is {_FRAME_US}"
    )
    for key, reason in reasons.items():
        click.echo(f"{' '.join(key)}: {reason}")
    missed = [way for way in ways if not _meets(*way, samples)]
    restored_in_time = saved.bench(paths or PATHS, rounds, kernel)
    large_in_time = large.bench(rounds)
    return 1 if missed or cost > _FRAME_US or not (restored_in_time and large_in_time) else 0


def frame_cost_us() -> float:
    """Return the CPU time for an acknowledgement that comes in and the block that goes out."""
    content = bytes(_COST_BLOCKS * 1432)
    wire = Wire(FileTable({KERNEL_FILE: content}), ())
    port, mac = wire.plug(), b"\2guest"
    asks = ArpMessage(1, mac, _GUEST, bytes(6), SERVER_ADDRESS).build()
    ((_, told),) = wire.receive(port, asks, 0.0)
    server_mac = parse_arp(told).sender_mac
    asked = Datagram(mac, server_mac, _GUEST, SERVER_ADDRESS, 2000, 69, b"")
    words = f"\0\1{KERNEL_FILE}\0octet\0blksize\x001432\0".encode()
    ((_, oack),) = wire.receive(port, build_udp(asked._replace(payload=words)), 0.0)
    answered = parse_udp(oack)
    assert answered
    flow = asked._replace(target_port=answered.source_port)
    frames = [build_udp(flow._replace(payload=build_ack(block))) for block in range(_COST_BLOCKS)]
    began = process_time()
    for frame in frames:
        wire.receive(port, frame, 0.0)
    return (process_time() - began) / _COST_BLOCKS * 1e6


def _sample(source: str, path: str, nic: str, server: str) -> Sample:
    plan = BootPlan(route=path, until="init", net=NetPlan(nic, cold=True), timeout_s=180)
    image = net_image(fetch(source), plan)
    trace = _boot(server, image, plan)
    judgement = judge(trace)
    if judgement.verdict is not Verdict.GOOD or trace.network is None:
        raise ToolMissing(f"does not boot: {judgement.cause}: {judgement.summary}")
    tftp = [file for file in trace.network.files if file.name == image.roles["kernel"]]
    rate = tftp[0].rate if tftp and tftp[0].protocol == "tftp" else http_rate(trace.network.files)
    return Sample(trace.milestones[-1].seconds, rate)


def _boot(server: str, image: NetImage, plan: BootPlan) -> BootTrace:
    if server == "wire":
        with (
            network_for(image, plan) as network,
            Workspace() as workspace,
            plugged_in(network, image, workspace) as medium,
        ):
            return boot_medium(server, medium, plan, workspace)
    serving = control.slirp if server == "slirp" else control.dnsmasq
    with Workspace() as workspace, serving(image, workspace) as running:
        return control.boot(running, 0, image, plan)


def _table(
    ways: list[tuple[str, str]], samples: Samples, reasons: dict[tuple[str, str, str], str]
) -> Table:
    table = Table(
        title="Medians: seconds to /init and MB/s; rate against the best, time against slirp",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for column in ("path", "card", *_SERVERS, "rate", "time"):
        justify: Literal["left", "right"] = "left" if column in ("path", "card") else "right"
        table.add_column(column, justify=justify, no_wrap=True)
    for path, nic in ways:
        cells = []
        for server in _SERVERS:
            own = samples[path, nic, server]
            failed = reasons.get((path, nic, server), "")
            none = "fails" if "does not boot" in failed else "-"
            cells.append(f"{_seconds(own):.2f} s {_rate(own) / 1e6:5.1f}" if own else none)
        card = PATHS[path].card(nic)
        table.add_row(path, card, *cells, *_ratios(path, nic, samples))
    return table


def _seconds(samples: list[Sample]) -> float:
    return median(sample.seconds for sample in samples)


def _rate(samples: list[Sample]) -> float:
    return median(sample.rate for sample in samples)


def _ratios(path: str, nic: str, samples: Samples) -> tuple[str, str]:
    ours = samples[path, nic, "wire"]
    others = [samples[path, nic, server] for server in _SERVERS[1:]]
    best = max((_rate(other) for other in others if other), default=0.0)
    rate = f"{_rate(ours) / best:.2f}" if ours and best else "-"
    slirp = samples[path, nic, "slirp"]
    time = f"{_seconds(ours) / _seconds(slirp):.2f}" if ours and slirp else "-"
    return rate, time


def _meets(path: str, nic: str, samples: Samples) -> bool:
    """Say whether the goals are met: a rate as good as the best, and the time of one path."""
    rate, time = _ratios(path, nic, samples)
    slow = rate != "-" and float(rate) < 1
    late = (path, nic) == _GOAL[:2] and time != "-" and float(time) > _GOAL[2]
    if slow:
        click.echo(f"{path} {nic}: our wire's rate is {rate} of the best")
    if late:
        click.echo(f"{path} {nic}: our wire needs {time} of slirp's time, the goal is {_GOAL[2]}")
    return not slow and not late


if __name__ == "__main__":
    run(command)
