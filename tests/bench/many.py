"""`python -m tests.bench.many`, which is `make bench-many`: what a boot costs more on a cluster.

A real scheduler and real workers on loopback. What a boot says that it took by itself is taken off
on both sides, so that a busy host changes little.
"""

import os
import pickle
import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import click

from bootharness.cli import run
from bootharness.gate.gate import GateObserver, run_gate
from bootharness.gate.matrix import Matrix
from bootharness.plan import BootPlan
from bootharness.runs.cell import Cell
from bootharness.runs.remote.dask_workers import DaskWorkers
from bootharness.runs.remote.sealed import Sealed
from bootharness.runs.result import Attempt, CellResult
from bootharness.runs.runner import limit_s, run_cells
from bootharness.runs.work import boot_cell
from bootharness.runs.workers import LocalWorkers
from tests.support.cluster import Cluster

__all__ = ["command"]

_IN_A_ROW = 16
_KERNEL = "selfcheck:1000000"
_LARGE_KERNEL = "deb:linux-image-cloud-amd64/bookworm"
_INITRD_BYTES = 60_000_000
_MOST_SHARE, _MOST_ROW, _MOST_S, _MOST_MB = 0.03, 15_000, 600.0, 500.0
_MOST_SHARE_OF_FASTEST = 0.1
"""Of the boot of a kernel that does nothing, which is over in an eighth of a second."""
_STUB = Path(__file__).parent / "stub"
_TICKS = os.sysconf("SC_CLK_TCK")


@click.command("bench-many", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--pairs", type=click.IntRange(1), default=10, show_default=True)
@click.option("--cells", type=click.IntRange(0, 10_000), default=10_000, show_default=True)
def command(pairs: int, cells: int) -> int:
    """Measure what a cluster adds to a boot to the banner, and a gate of so many CELLS whose boots
    cost nothing. The exit status is 1 when a goal is missed."""
    with Cluster() as cluster:
        cluster.worker("one", BOOTHARNESS_CACHE=str(cluster.folder / "cache"))
        cluster.has(1)
        met = [
            _overhead(cluster, pairs, _KERNEL) <= _MOST_SHARE_OF_FASTEST,
            _overhead(cluster, pairs, _LARGE_KERNEL) <= _MOST_SHARE,
            _rows(),
        ]
        cluster.worker("two", BOOTHARNESS_CACHE=str(cluster.folder / "cache"))
        cluster.has(2)
        met.append(_initrd(cluster))
    if cells:
        met.append(_gate(cells))
    return 0 if all(met) else 1


def _overhead(cluster: Cluster, pairs: int, kernel: str) -> float:
    """Return what comes on top of what a boot says that it took, as a share of it."""
    plans = (
        BootPlan(route="direct", until="banner", cmdline=f"console=ttyS0 n={each}")
        for each in range(_IN_A_ROW)
    )
    cells = [Cell(kernel, plan) for plan in plans]
    boots, ours, theirs = list[float](), list[float](), list[float]()
    with LocalWorkers(1, limit_s=limit_s(cells)) as local, DaskWorkers(cluster.address) as dask:
        for workers in (local, dask):
            list(run_cells(cells, workers, None))
        for _ in range(pairs):
            for workers, more in ((local, ours), (dask, theirs)):
                began = time.monotonic()
                attempts = [each.attempts[0] for each in run_cells(cells, workers, None)]
                seconds = time.monotonic() - began - sum(each.seconds for each in attempts)
                more.append(seconds / len(cells))
                boots += [each.seconds for each in attempts]
    added = [there - here for here, there in zip(ours, theirs, strict=True)]
    share = median(added) / median(boots)
    click.echo(
        f"{kernel} to the banner {median(boots):.3f} s; on top {median(ours) * 1e3:.1f} ms here, "
        f"{median(theirs) * 1e3:.1f} ms on the cluster: {median(added) * 1e3:+.1f} ms, "
        f"{share:.1%} of the boot, median of {pairs} pairs of {_IN_A_ROW} boots in a row"
    )
    return share


def _rows() -> bool:
    """Say how large results are on the wire."""
    small, large = (
        _row_bytes(boot_cell(Cell(kernel, BootPlan(until="init"))))
        for kernel in (_KERNEL, _LARGE_KERNEL)
    )
    click.echo(f"a result on the wire {small:,} bytes, of {_LARGE_KERNEL} {large:,} (goal "
               f"{_MOST_ROW:,})")  # fmt: skip
    return large <= _MOST_ROW


def _row_bytes(attempt: Attempt) -> int:
    return len(pickle.dumps(Sealed.of(attempt)))


def _initrd(cluster: Cluster) -> bool:
    """Have a large file sent to two workers of one computer."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"070701" + os.urandom(_INITRD_BYTES - 6))
        file.flush()
        plan = BootPlan(route="direct", until="setup", initrd=file.name)
        cells = [Cell(f"selfcheck:{65536 + 16 * each}", plan) for each in range(4)]
        with DaskWorkers(cluster.address) as dask:
            began = time.monotonic()
            results = run_cells(cells, dask, None)
            took = -next(results).attempts[0].seconds + time.monotonic() - began
            list(results)
            sent = dask.sent_bytes
    click.echo(
        f"an initrd of {_INITRD_BYTES:,} bytes for 4 boots by 2 workers of a computer: {sent:,} "
        f"bytes sent, {took:.1f} s"
    )
    return sent == _INITRD_BYTES


class _Count(GateObserver):
    """Says how far it is."""

    def __init__(self) -> None:
        self.done, self.began = 0, time.monotonic()

    def result(self, result: CellResult) -> None:
        """Count a result."""
        self.done += 1
        if self.done % 1000 == 0:
            click.echo(f"  {self.done:,} after {time.monotonic() - self.began:.0f} s")


def _gate(cells: int) -> bool:
    """Run a gate whose boots cost nothing, and say what each part of it costs."""
    lines = tuple(f"console=ttyS0 n={number}" for number in range(cells))
    axes = {"cmdline": lines, "until": ("setup",), "route": ("direct",)}
    matrix = Matrix((_KERNEL,), axes=axes)
    with Cluster(PYTHONPATH=f"{_STUB}:{os.environ['PYTHONPATH']}") as cluster:
        for name in ("one", "two"):
            cluster.worker(name, BOOTHARNESS_CACHE=str(cluster.folder / "cache"))
        cluster.has(2)
        before = _cpu_s(cluster.scheduler.pid)
        with DaskWorkers(cluster.address) as dask:
            own, began, count = time.process_time(), time.monotonic(), _Count()
            outcome = run_gate(matrix, executor=dask, history=cluster.folder / "history",
                               timing=False, observer=count)  # fmt: skip
            seconds = time.monotonic() - began
            own = time.process_time() - own
            up, down = _wire_bytes(cluster.address)
        scheduler = _cpu_s(cluster.scheduler.pid) - before
        memory = _memory_mb(cluster.scheduler.pid)
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    good = sum(each.result.verdict == "good" for each in outcome.entries)
    click.echo(
        f"a gate of {cells:,} cells: {seconds:.0f} s, {good:,} good; of each cell the client had "
        f"{own / cells * 1e3:.1f} ms of CPU, the scheduler {scheduler / cells * 1e3:.1f} ms; "
        f"{up / cells:,.0f} bytes up, {down / cells:,.0f} down; memory at most {most_mb:,.0f} MB "
        f"in the client, {memory:,.0f} MB in the scheduler"
    )
    return good == cells and seconds <= _MOST_S and most_mb <= _MOST_MB


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory_mb(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _wire_bytes(address: str) -> tuple[int, int]:
    """Return how many bytes this process has sent to a scheduler, and has had from there."""
    port = address.rpartition(":")[2]
    done = subprocess.run(["ss", "-tinHp", f"dport = :{port}"], capture_output=True, text=True,
                          check=True)  # fmt: skip
    lines = [line for line in _joined(done.stdout) if f"pid={os.getpid()}," in line]
    return _sum("bytes_sent", lines), _sum("bytes_received", lines)


def _joined(text: str) -> list[str]:
    return re.sub(r"\n\s+", " ", text).splitlines()


def _sum(name: str, lines: Iterable[str]) -> int:
    return sum(int(each) for line in lines for each in re.findall(rf"{name}:(\d+)", line))


if __name__ == "__main__":
    run(command)
