"""Experiments that confirm or refute what a hunt seems to say, each one boot.

grown      the good kernel, its payload grown to the bad one's size: is it the size?
stage1     the bad kernel through a loader without the limit, from a disk: is it the loader, or the
           route?
direct     the bad kernel by QEMU's own loader
network    the bad kernel from a network, which no BIOS disk call takes part in
"""

from collections.abc import Iterator
from concurrent.futures import Executor

from msgspec import Struct
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.kernels.source import fetch
from bootharness.plan import QEMU, STAGE1
from bootharness.routes.mbr import MBR
from bootharness.routes.table import ROUTES
from bootharness.runs.cell import Cell
from bootharness.runs.headroom import takes_loader
from bootharness.runs.history import History
from bootharness.runs.runner import run_cells

__all__ = ["Experiment", "ExperimentOutcome", "experiments", "perform"]

_OTHER_ROUTES = (
    ("network", "ipxe", "from the network"),
    ("direct", "direct", "with QEMU's -kernel"),
)


class Experiment(Struct, frozen=True):
    """A boot that tells something; ``by`` is how it goes, to go into a sentence."""

    name: str
    what: str
    by: str
    cell: Cell
    payload_bytes: int


class ExperimentOutcome(Struct, frozen=True):
    """What came of an experiment."""

    name: str
    what: str
    by: str
    payload_bytes: int
    verdict: Verdict
    cause: str | None
    sentence: str
    cached: bool

    @property
    def why(self) -> str:
        """Why it is not good, in short: the cause, or what there is to say without one."""
        return self.cause or (self.sentence if self.verdict is Verdict.SKIP else "")


def experiments(
    cell: Cell, good: tuple[str, int], bad: tuple[str, int], *, same_kernel: bool = False
) -> Iterator[Experiment]:
    """Yield what to try, given the good and the bad kernel as sources with their payloads.

    ``cell`` is how they were booted. Kernels that differ in nothing but their size are the
    ``same_kernel``: then nothing is grown.
    """
    (good_source, good_bytes), (bad_source, bad_bytes) = good, bad
    if ROUTES[cell.plan.route].fetch is not fetch:
        return  # what was booted is no kernel, so there is nothing else to do with it
    # the one that takes longest first: the others are done beside it
    # what takes long by one way says nothing about another, and a real machine has one way
    alike = cell.plan.at_most_s is None and cell.plan.host == QEMU
    for name, route, by in _OTHER_ROUTES:
        if alike and cell.plan.route != route:
            other = _by(cell, bad_source, route)
            yield Experiment(name, f"the bad kernel {by}", by, other, bad_bytes)
    if bad_bytes > good_bytes and not same_kernel:
        grown = replace(cell, kernel=f"grow:{bad_bytes}:{good_source}")
        what = f"the good kernel grown to {bad_bytes:,} bytes, as large as the bad one"
        yield Experiment("grown", what, "grown", grown, bad_bytes)
    own = takes_loader(cell)
    if alike and not (own and cell.plan.loader == STAGE1):
        other = _by(cell, bad_source, cell.plan.route if own else MBR.name)
        yield Experiment("stage1", "the bad kernel with stage1", "with stage1", other, bad_bytes)


def _by(cell: Cell, kernel: str, name: str) -> Cell:
    """Return a boot of another kernel by a route, as the cell's as can be, with stage1."""
    route = ROUTES[name]
    plan = route.only_used(replace(cell.plan, route=name, loader=STAGE1))
    return replace(cell, kernel=kernel, plan=plan)


def perform(
    wanted: list[Experiment], executor: Executor, history: History | None, *, cache: bool
) -> Iterator[ExperimentOutcome]:
    """Do experiments side by side, and yield what came of each."""
    by_cell = {experiment.cell: experiment for experiment in wanted}
    cells = [experiment.cell for experiment in wanted]
    for result in run_cells(cells, executor, history, most=1, cache=cache):
        done, seen = by_cell[result.cell], result.decisive
        yield ExperimentOutcome(
            name=done.name,
            what=done.what,
            by=done.by,
            payload_bytes=done.payload_bytes,
            verdict=seen.verdict,
            cause=seen.cause,
            sentence=seen.sentence,
            cached=result.cached,
        )
