"""An initrd of hundreds of megabytes over our wire beside the servers that people run: part of
`make bench-net`.

For TFTP and HTTP: seconds from QEMU's start to the kernel's entry, of pairs that are booted one
after the other, so that a busy host is busy for both. The card and the files are the same.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from statistics import median

import click

from bootharness.errors import ToolMissing
from bootharness.host.workspace import Workspace
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot_medium
from bootharness.plan import BootPlan, MachineConfig, NetPlan
from bootharness.routes.net import net_image, network_for, plugged_in
from bootharness.routes.net_image import NetImage
from bootharness.trace.boot_trace import BootTrace
from tests.servers import control

__all__ = ["MEGABYTES", "bench"]

MEGABYTES = 400
_KERNEL = "selfcheck:1000000"
_MEMORY_MIB = 2048
_ENTERED = "setup-entered"
_Serving = Callable[[NetImage, Workspace], AbstractContextManager[control.Control]]
_OTHERS: dict[str, _Serving] = {"ipxe": control.dnsmasq, "ipxe-http": control.nginx}


def bench(rounds: int, megabytes: int = MEGABYTES) -> bool:
    """Print the medians of pairs for each protocol, and return whether ours is as fast."""
    fast = True
    with Workspace() as workspace:
        initrd = workspace.path / "initrd.img"
        with initrd.open("wb") as file:
            # what is packed has no zeros, of which checksums are made in no time
            packed = os.urandom(1_000_000)
            for _ in range(megabytes):
                file.write(packed)
        for path, serving in _OTHERS.items():
            plan = BootPlan(
                route=path,
                until="setup",
                initrd=str(initrd),
                timeout_s=900,
                machine=MachineConfig(memory_mib=_MEMORY_MIB),
                net=NetPlan(cold=True),
            )
            image = net_image(fetch(_KERNEL), plan)
            try:
                pairs = [(_ours(image, plan), _theirs(serving, image, plan)) for _ in range(rounds)]
            except ToolMissing as error:
                click.echo(f"{megabytes} MB by {path}: {error}")
                continue
            ours, theirs = (median(each) for each in zip(*pairs, strict=True))
            ratio = median(own / other for own, other in pairs)
            fast = fast and ratio <= 1
            click.echo(
                f"{megabytes} MB by {path}: kernel entered after {ours:.1f} s from our wire, "
                f"{theirs:.1f} s from {serving.__name__}, ratio {ratio:.2f} (goal 1)"
            )
    return fast


def _ours(image: NetImage, plan: BootPlan) -> float:
    with (
        network_for(image, plan) as network,
        Workspace() as workspace,
        plugged_in(network, image, workspace) as medium,
    ):
        return _entered(boot_medium("wire", medium, plan, workspace))


def _theirs(serving: _Serving, image: NetImage, plan: BootPlan) -> float:
    with Workspace() as workspace, serving(image, workspace) as running:
        return _entered(control.boot(running, 0, image, plan, captured=False))


def _entered(trace: BootTrace) -> float:
    found = [each.seconds for each in trace.milestones if each.name == _ENTERED]
    if not found:
        raise ToolMissing(f"does not boot: {trace.ending.kind} {trace.ending.detail}")
    return found[0]
