"""Which symbols of a configuration made the kernel grow: builds along a range, without boots."""

from collections.abc import Iterable
from itertools import pairwise
from math import ceil, log2
from pathlib import Path

from bootharness.bisection.config_answer import Growth, growths
from bootharness.bisection.config_range import ConfigRange
from bootharness.bisection.hunt import HuntObserver
from bootharness.bisection.kconfig import differing
from bootharness.bisection.log import Seen
from bootharness.bisection.ranges import NothingThere
from bootharness.errors import CouldNotFindOut
from bootharness.kernels.image import KernelImage

__all__ = ["growth_along"]


def growth_along(
    searched: ConfigRange, seen: Iterable[Seen], observer: HuntObserver
) -> tuple[Growth, ...]:
    """Return the growth along a range that was searched; the stretch that grows most is halved, as
    often as a search has steps."""
    sizes = {each.position: each.facts.payload_bytes for each in seen if each.facts.payload_bytes}
    failed: set[tuple[int, int]] = set()
    for number in range(steps := ceil(log2(len(searched.symbols)))):
        observer.experiments(number, steps)
        places = sorted(sizes)
        open_ = [
            (sizes[other] - sizes[one], one, other)
            for one, other in pairwise(places)
            if other - one > 1 and (one, other) not in failed
        ]
        if not open_:
            break
        _, one, other = max(open_)
        middle = (one + other) // 2
        try:
            path = Path(searched.prepare(middle))
            sizes[middle] = KernelImage.read(path).payload_bytes
        except (CouldNotFindOut, NothingThere):
            failed.add((one, other))
    return growths(
        (differing(searched.config(one), searched.config(other)), sizes[other] - sizes[one])
        for one, other in pairwise(sorted(sizes))
    )
