"""`python -m tests.bench.scale`: where one cluster ends, from what was measured of its parts.

    client: files, identity, submit -> scheduler -> a slot boots -> scheduler -> client: history

Client and scheduler do one thing after the other, each boot takes its time; all of it is played
through, boot by boot.
"""

import heapq
from collections.abc import Sequence
from itertools import count
from math import ceil, log2
from random import Random
from typing import NamedTuple

import click
from rich import box
from rich.console import Console
from rich.table import Table

from bootharness.cli import run

__all__ = ["Costs", "Outcome", "command", "played"]

_SLOTS = 4
_BANNER_S, _LOGIN_S = 0.5, 30.0
_INITRD_BYTES = 60_000_000
_SHARDS = 10


class Costs(NamedTuple):
    """What `bench-many` measured on 2 busy cores: seconds of CPU of one cell, half of them before
    its boot, and bytes. What is kept of a cell, and of a worker, in memory is rounded up."""

    client_s: float = 0.0028
    scheduler_s: float = 0.0030
    up_bytes: int = 1_545
    down_bytes: int = 5_840
    client_mb: float = 90.0
    client_cell_bytes: int = 12_000
    scheduler_mb: float = 70.0
    scheduler_worker_mb: float = 0.25
    link_bytes_s: float = 100e6


class Outcome(NamedTuple):
    """How long it takes, and what each part of it was busy with meanwhile, as a share."""

    seconds: float
    client: float
    scheduler: float
    slots: float


def played(cells: int, workers: int, boot_s: float, costs: Costs, *, seed: int = 1) -> Outcome:
    """Play a gate through on workers of `_SLOTS` slots; boots differ by a third."""
    chance, order = Random(seed), count()
    slots = workers * _SLOTS
    client = scheduler = now = 0.0
    events: list[tuple[float, int, bool]] = []
    begun = busy = 0.0
    left = cells

    def hand_out(at: float) -> None:
        nonlocal client, scheduler, left, busy
        left -= 1
        client = max(client, at) + costs.client_s / 2
        scheduler = max(scheduler, client) + costs.scheduler_s / 2
        took = boot_s * chance.uniform(2 / 3, 4 / 3)
        busy += took
        heapq.heappush(events, (scheduler + took, next(order), True))

    for _ in range(min(slots, cells)):
        hand_out(begun)
    while events:
        now, _, booted = heapq.heappop(events)
        if booted:
            scheduler = max(scheduler, now) + costs.scheduler_s / 2
            heapq.heappush(events, (scheduler, next(order), False))
        else:
            client = max(client, now) + costs.client_s / 2
            now = client
            if left:
                hand_out(client)
    seconds = max(client, now)
    shares = (costs.client_s * cells, costs.scheduler_s * cells, busy / slots)
    return Outcome(seconds, *(each / seconds for each in shares))


@click.command("bench-scale", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--cells", type=int, multiple=True, default=(10_000, 1_000_000), show_default=True)
@click.option("--workers", type=int, multiple=True, default=(100, 1_000), show_default=True)
def command(cells: Sequence[int], workers: Sequence[int]) -> None:
    """Play gates through, by one cluster and in shards."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("cells", "workers", "boot", "shards", "takes", "client", "scheduler", "slots",
                    "client MB", "scheduler MB", "sent", "initrd by us", "passed on"):  # fmt: skip
        table.add_column(heading, justify="right")
    for number in cells:
        for of_them in workers:
            for boot_s in (_BANNER_S, _LOGIN_S):
                for shards in (1, _SHARDS):
                    table.add_row(*_row(number, of_them, boot_s, shards, Costs()))
    Console(width=150).print(table)


def _row(cells: int, workers: int, boot_s: float, shards: int, costs: Costs) -> list[str]:
    own, peers = cells // shards, workers // shards
    outcome = played(own, peers, boot_s, costs)
    client_mb = costs.client_mb + own * costs.client_cell_bytes / 1e6
    scheduler_mb = costs.scheduler_mb + peers * costs.scheduler_worker_mb
    sent = own * (costs.up_bytes + costs.down_bytes) / 1e9
    once_s = _INITRD_BYTES / costs.link_bytes_s
    turns = ceil(log2(peers + 1))
    return [
        f"{cells:,}", f"{workers:,}", f"{boot_s:g} s", str(shards), _time(outcome.seconds),
        f"{outcome.client:.0%}", f"{outcome.scheduler:.0%}", f"{outcome.slots:.0%}",
        f"{client_mb:,.0f}", f"{scheduler_mb:,.0f}", f"{sent:.2f} GB",
        _time(peers * once_s), _time(turns * once_s),
    ]  # fmt: skip


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


if __name__ == "__main__":
    run(command)
