"""Whether a boot is slower: which boots are made to find that out, and of which kernels."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.gate import GateObserver, StoppedGate, run_gate
from bootharness.gate.matrix import Matrix
from bootharness.gate.outcome import GateOutcome, Standing
from bootharness.runs.cell import Cell
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.where import Host
from bootharness.runs.work import boot_cell
from tests.support.processes import run

OLD, NEW = "selfcheck:65536", "selfcheck:65552"


class TimedBoots(Executor):
    """Boots nothing: the new kernel takes twice as long as the old one."""

    def __init__(
        self, compressions: dict[str, str], guest_s: dict[str, float] | None = None,
        cpus: Sequence[str] = ("EPYC",),
    ) -> None:  # fmt: skip
        self._compressions, self._guest_s, self._cpus = compressions, guest_s, cpus
        self.boots: list[str] = []

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(self._boot(*args) if function is boot_cell else function(*args, **kwargs))
        return done

    def _boot(self, cell: Cell) -> Attempt:
        self.boots.append(cell.kernel)
        seconds = (1.0 if cell.kernel == OLD else 2.0) + 0.001 * len(self.boots)
        facts = BootFacts(
            sha256=cell.kernel, compression=self._compressions[cell.kernel],
            milestones={"setup-entered": seconds},
            guest_s=self._guest_s and self._guest_s[cell.kernel],
        )  # fmt: skip
        cpu = self._cpus[(len(self.boots) - 1) % len(self._cpus)]
        return Attempt(Verdict.GOOD, None, "reached setup", 1.0, facts, host=Host("a", cpu))


def gate(
    folder: Path,
    old: str,
    new: str,
    *,
    timing: bool = True,
    guest_s: dict[str, float] | None = None,
    cpus: Sequence[str] = ("EPYC",),
) -> tuple[GateOutcome, list[str]]:
    boots = TimedBoots({OLD: old, NEW: new}, guest_s, cpus)
    matrix = Matrix((NEW,), OLD, {"route": ("direct",), "until": ("setup",)})
    outcome = run_gate(matrix, executor=boots, history=folder / "history", timing=timing)
    return outcome, boots.boots


class HangsOnce(TimedBoots):
    """Does not come to an end with the old kernel in 64 MiB."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if (
            function is boot_cell
            and args[0].kernel == OLD
            and args[0].plan.machine.memory_mib == 64
        ):
            return Future()
        return super().submit(function, *args, **kwargs)


class Impatient(GateObserver):
    """Stops a gate after three results."""

    def __init__(self) -> None:
        self._results = 0

    def result(self, result: CellResult) -> None:
        self._results += 1
        if self._results == 3:
            raise KeyboardInterrupt


def test_gate_that_is_stopped_before_its_baseline_is_booted_in_every_way_says_what_is_known(
    tmp_path: Path,
) -> None:
    boots = HangsOnce({OLD: "zstd", NEW: "zstd"})
    axes = {"route": ("direct",), "until": ("setup",), "memory_mib": (128, 64)}
    with pytest.raises(StoppedGate) as stopped:
        run_gate(Matrix((NEW,), OLD, axes), executor=boots, history=tmp_path / "history",
                 observer=Impatient())  # fmt: skip
    outcome = stopped.value.outcome
    assert (len(outcome.entries), outcome.untried) == (3, 1)


def kinds(outcome: GateOutcome) -> list[str]:
    return [remark.kind for entry in outcome.candidates for remark in entry.remarks]


def test_what_seems_slower_is_booted_again_in_turns_with_its_baseline(tmp_path: Path) -> None:
    outcome, boots = gate(tmp_path, "zstd", "zstd")
    assert kinds(outcome) == ["slower"]
    assert outcome.standing is Standing.WARNING
    assert boots == [OLD, NEW] * 4


@pytest.mark.parametrize(
    ("cpus", "slower", "boots"),
    [
        # no boot of the one was made where one of the other was
        (("486", "EPYC"), [], [OLD, NEW] * 4),
        # the second boot of the new one was made where the first of the old one was
        (("486", "EPYC", "486", "486"), ["slower"], [OLD, NEW] * 4),
    ],
)
def test_boots_of_two_kinds_of_computers_are_not_compared(
    tmp_path: Path, cpus: Sequence[str], slower: list[str], boots: list[str]
) -> None:
    outcome, made = gate(tmp_path, "zstd", "zstd", cpus=cpus)
    assert (kinds(outcome), made) == (slower, boots)
    assert outcome.candidates[0].changes == ()


@pytest.mark.parametrize(
    ("new_s", "slower", "boots"), [(1.55, [], [OLD, NEW]), (1.6, ["slower"], [OLD, NEW] * 4)]
)
def test_where_the_guest_s_own_seconds_were_counted_the_host_s_do_not_count(
    tmp_path: Path, new_s: float, slower: list[str], boots: list[str]
) -> None:
    """By the host's clock the new one takes twice as long in both."""
    outcome, made = gate(tmp_path, "zstd", "zstd", guest_s={OLD: 1.55, NEW: new_s})
    assert (kinds(outcome), made) == (slower, boots)
    if slower:
        [remark] = outcome.candidates[0].remarks
        assert remark.sentence.startswith(
            "setup-entered after 1.60 s instead of 1.55 s (1.03 times) by the guest's own clock, in"
        )


@pytest.mark.parametrize(("old", "new"), [("lz4", "zstd"), ("zstd", "")])
def test_kernels_that_are_compressed_in_different_ways_are_not_compared(
    tmp_path: Path, old: str, new: str
) -> None:
    outcome, boots = gate(tmp_path, old, new)
    assert kinds(outcome) == []
    assert [entry.pace for entry in outcome.candidates] == [None]
    assert outcome.standing is Standing.GOOD
    assert boots == [OLD, NEW]


def test_without_timing_no_boot_is_made_for_it_and_nothing_is_slower(tmp_path: Path) -> None:
    outcome, boots = gate(tmp_path, "zstd", "zstd", timing=False)
    assert kinds(outcome) == []
    assert outcome.standing is Standing.GOOD
    assert boots == [OLD, NEW]


def test_the_option_leaves_timing_out(tmp_path: Path) -> None:
    """What is known already is booted again for its time, unless nobody asks for that."""
    history = tmp_path / "history"
    arguments = ("gate", "selfcheck:65552", "--baseline", "selfcheck:65536", "--until", "setup",
                 "--route", "direct", "--jobs", "1", "--history", history)  # fmt: skip
    first = run(*arguments, "--no-timing")
    assert first.returncode == 0, first.stderr
    assert "\n2 boots (" in first.stdout
    again = run(*arguments, "--no-timing")
    assert "\nno boot, 2 unchanged results reused\n" in again.stdout
    assert "no boot" not in run(*arguments).stdout
    assert "\nno boot, 2 unchanged results reused\n" in run(*arguments).stdout
