"""Boots that go on from a saved machine beside boots from the beginning: part of `make bench-net`.

For each path: seconds from QEMU's start to the banner, of pairs that are booted one after the
other, so that a busy host is busy for both.
"""

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


def bench(paths: Iterable[str], rounds: int, source: str) -> bool:
    """Print the medians of pairs for each path, and return whether the goals are met."""
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
