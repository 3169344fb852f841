"""Boots that go on from a saved machine beside boots from the beginning: part of `make bench-net`.

For each path: seconds from QEMU's start to the banner, of pairs that are booted one after the
other, so that a busy host is busy for both.

What is spared is for the most part waiting: of a BIOS's 2.2 s before the first packet iPXE counts
down 2 s for a key. A busy host makes what is left longer and that not, so the goals are for one
with CPUs to spare.
"""

import os
from collections.abc import Iterable
from statistics import median

import click

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import ToolMissing
from bootharness.kernels.image import KernelImage
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose

__all__ = ["bench"]

_GOALS = {"ipxe": 0.4, "uefi-ipxe": 0.25}
_BUSY = 1.0
"""How many others may want each CPU."""


def bench(paths: Iterable[str], rounds: int, source: str) -> bool:
    """Print the medians of pairs for each path, and return whether the goals are met, which a busy
    host cannot say."""
    kernel, met = fetch(source), True
    for path in paths:
        try:
            _seconds(path, kernel, cold=False)  # this one saves, if none has
            pairs = [_pair(path, kernel) for _ in range(rounds)]
        except ToolMissing as error:
            click.echo(f"{path}: {error}")
            continue
        cold, restored = (median(each) for each in zip(*pairs, strict=True))
        ratio = median(each / whole for whole, each in pairs)
        goal = _GOALS.get(path)
        click.echo(
            f"{path}: to the banner cold {cold:.2f} s, restored {restored:.2f} s, "
            f"ratio {ratio:.2f}{f' (goal {goal})' if goal else ''}"
        )
        load, cpus = os.getloadavg()[0], os.cpu_count() or 1
        if load > cpus * (1 + _BUSY):
            click.echo(f"  the host is busy, load {load:.1f} on {cpus} CPUs: no goal is judged")
            continue
        met = met and (goal is None or ratio <= goal)
    return met


def _pair(path: str, kernel: KernelImage) -> tuple[float, float]:
    cold, _ = _seconds(path, kernel, cold=True)
    restored, saved = _seconds(path, kernel, cold=False)
    if not saved:
        raise ToolMissing("no machine is saved here")
    return cold, restored


def _seconds(path: str, kernel: KernelImage, *, cold: bool) -> tuple[float, bool]:
    """Return the seconds from QEMU's start to the banner, and whether the machine was restored."""
    plan = choose(BootPlan(), {"route": path, "until": "banner", "timeout_s": 180, "cold": cold})
    trace = boot(kernel, plan)
    banner, judgement = trace.milestone("banner"), judge(trace)
    if judgement.verdict is not Verdict.GOOD or banner is None or trace.machine is None:
        raise ToolMissing(f"does not boot: {judgement.cause}: {judgement.summary}")
    restored = trace.machine.restored
    return banner.seconds - (restored.saved_s if restored else 0.0), restored is not None
