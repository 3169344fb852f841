"""BIOSes that read only so many sectors at once."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["LONG_READS", "MEDIUM_READS"]


def _way(most: int) -> Way:
    return Way(f"at most {most} sectors a read", f"reads more than {most} sectors at once",
               Quirks(most_sectors=most))  # fmt: skip


LONG_READS = Behaviour(
    name="reads-127",
    title="at most 127 sectors a read",
    standing="allowed",
    source="Phoenix EDD and Ralf Brown's list: the count of a packet is at most 7Fh",
    ways=lambda _: [_way(127)],
)

MEDIUM_READS = Behaviour(
    name="reads-64",
    title="at most 64 sectors a read",
    standing="seen",
    source="BIOSes that fail on long reads, for which SYSLINUX has its option --stupid",
    ways=lambda _: [_way(64)],
)
