"""The hunt with an executor that only tells: what is prepared, repeated, resumed and reused."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bootharness.bisection.bisect import bisect
from bootharness.bisection.hunt import Hunt, HuntObserver
from bootharness.bisection.log import HuntLog, Seen
from bootharness.bisection.ranges import KernelRange
from bootharness.bisection.report.markdown import hunt_markdown
from bootharness.bisection.search import Found, Search
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import BuildFailed, KernelUnavailable, MachineLost, UsageError
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.kernels.source import fetch
from bootharness.runs.cell import Cell
from bootharness.runs.identity import worker_facts
from bootharness.runs.result import Attempt, BootFacts

KERNELS, TURN = 16, 11

pytestmark = pytest.mark.skipif(
    not shutil.which("qemu-system-x86_64"), reason="a result is kept by QEMU's version"
)


class Teller(Executor):
    """Says at once what a boot of a selfcheck kernel would: bad from a payload on.

    ``troubles`` are raised first, one for each boot.
    """

    def __init__(self, *troubles: Exception) -> None:
        self.told = Counter[int]()
        self._troubles = list(troubles)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **_: Any) -> "Future[Any]":
        if function is worker_facts:
            asked: Future[Any] = Future()
            asked.set_result(function(*arguments))
            return asked
        (cell,) = arguments
        number = fetch(cell.kernel).payload_bytes // 1600
        answer: Future[Any] = Future()
        if self._troubles:
            answer.set_exception(self._troubles.pop(0))
            return answer
        self.told[number] += 1
        bad = number >= TURN
        facts = BootFacts(payload_bytes=number * 1600)
        attempt = Attempt(
            Verdict.BAD if bad else Verdict.GOOD, "no-init" if bad else None, "", 0.1, facts
        )
        answer.set_result(attempt)
        return answer


class Timer(Executor):
    """Says how long each boot of a selfcheck kernel takes the guest, by the payload; None is a boot
    that fails."""

    def __init__(self, times: dict[int, list[float | None]]) -> None:
        self._times, self.booted = times, 0

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **_: Any) -> "Future[Any]":
        answer: Future[Any] = Future()
        if function is worker_facts:
            answer.set_result(function(*arguments))
            return answer
        (cell,) = arguments
        took = self._times[fetch(cell.kernel).payload_bytes].pop(0)
        self.booted += 1
        verdict, cause = (Verdict.BAD, "no-init") if took is None else (Verdict.GOOD, None)
        answer.set_result(Attempt(verdict, cause, "", facts=BootFacts(guest_s=took)))
        return answer


class Packages(KernelRange):
    """Kernels that have to be downloaded: notes which, and cannot have some of them."""

    prepared: ClassVar[Counter[int]] = Counter()
    missing: ClassVar[frozenset[int]] = frozenset()
    downloads = True  # type: ignore[assignment]

    def prepare(self, position: int) -> str:
        self.prepared[position] += 1
        if position in self.missing:
            raise KernelUnavailable("no such package")
        return super().prepare(position)


class Listener(HuntObserver):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.boots: list[Seen] = []

    def trying(self, search: Search, positions: list[int]) -> None:
        assert len(positions) <= 2

    def seen(self, search: Search, seen: Seen) -> None:
        assert seen.observation in search.observations
        self.boots.append(seen)


@pytest.fixture
def builds(tmp_path: Path) -> KernelRange:
    """Kernels with payloads of 1600 bytes and more."""
    files = []
    for number in range(KERNELS):
        files.append(tmp_path / f"vmlinuz-{number:02}")
        shutil.copy(selfcheck_kernel(1600 * number), files[-1])
    return KernelRange(tuple(map(str, files)))


def run(
    builds: KernelRange, teller: Teller, log: Path, history: Path | None = None, **options: Any
) -> tuple[Search, list[Seen]]:
    listener = Listener()
    options.setdefault("workers", 1)
    with HuntLog(log, {}) as opened:
        hunt = Hunt(builds, Cell(""), opened, teller, history, **options)
        search = hunt.run(Search(len(builds)), listener)
        assert opened.seen == listener.boots
    return search, listener.boots


@pytest.mark.parametrize("workers", [1, 2])
def test_first_bad_one_is_found_and_every_boot_written_down(
    builds: KernelRange, tmp_path: Path, workers: int
) -> None:
    teller = Teller()
    search, boots = run(builds, teller, tmp_path / "log", workers=workers)
    assert isinstance(search.result, Found)
    assert (search.result.good, search.result.bad) == (TURN - 1, TURN)
    assert Counter(each.position for each in boots) <= teller.told
    assert {each.label for each in boots[:2]} == {"vmlinuz-00", "vmlinuz-15"}
    assert search.sought == "no-init"


def test_what_comes_next_is_downloaded_while_a_kernel_boots(
    builds: KernelRange, tmp_path: Path
) -> None:
    packages = Packages(builds.sources)
    packages.prepared.clear()
    _, boots = run(packages, Teller(), tmp_path / "log")
    # after 0 and 15 comes 7 or 8, and while that boots both of the next are fetched
    assert set(packages.prepared) > {each.position for each in boots}


def test_kernels_that_are_given_the_wrong_way_round_are_told_so(
    builds: KernelRange, tmp_path: Path
) -> None:
    how = {"executor": Teller(), "jobs": 1, "history": tmp_path / "history"}
    swapped = KernelRange(builds.sources[::-1])
    told = bisect(swapped, log=tmp_path / "log", **how)  # type: ignore[arg-type]
    assert told.lost
    assert told.advice == "the first is bad and the last is good: give them in the other order"
    assert "give them in the other order" in hunt_markdown(told)
    bad = bisect(KernelRange(builds.sources[TURN:]), log=tmp_path / "bad", **how)  # type: ignore[arg-type]
    assert bad.lost
    assert not bad.advice


def test_trouble_of_our_own_is_no_verdict(builds: KernelRange, tmp_path: Path) -> None:
    lost = MachineLost("QEMU has gone")
    search, boots = run(builds, Teller(lost, lost), tmp_path / "two")
    assert isinstance(search.result, Found)
    assert all(each.verdict is not Verdict.SKIP for each in boots)
    # three times at the bad end: then nothing is found out, and another time it is tried again
    search, boots = run(builds, Teller(lost, lost, lost), tmp_path / "three")
    assert search.result is not None
    assert not isinstance(search.result, Found)
    assert [each.cause for each in boots] == ["machine-lost"]
    search, _ = run(builds, Teller(), tmp_path / "three")
    assert isinstance(search.result, Found)


def test_kernel_that_cannot_be_had_is_gone_round(
    builds: KernelRange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = Packages(builds.sources)
    monkeypatch.setattr(Packages, "missing", frozenset({TURN}))
    search, boots = run(packages, Teller(), tmp_path / "log")
    assert isinstance(search.result, Found)
    assert list(search.result.candidates) == [TURN, TURN + 1]
    assert {each.cause for each in boots if each.position == TURN} == {"kernel-unavailable"}


def test_end_that_did_not_build_is_built_when_somebody_comes_again(
    builds: KernelRange, tmp_path: Path
) -> None:
    def failing(_: KernelRange, position: int) -> str:
        raise BuildFailed(f"{position}: submodule tools is not there")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KernelRange, "prepare", failing)
        search, boots = run(builds, Teller(), tmp_path / "log")
    assert [(each.verdict, each.cause) for each in boots] == [(Verdict.SKIP, "build-failed")]
    assert not isinstance(search.result, Found)
    search, _ = run(builds, Teller(), tmp_path / "log")
    assert isinstance(search.result, Found)


def test_hunt_goes_on_from_its_log_but_for_kernels_that_changed(
    builds: KernelRange, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    first, _ = run(builds, Teller(), log)
    teller = Teller()
    again, boots = run(builds, teller, log)
    assert again.result == first.result
    assert not teller.told
    assert len(boots) == len(first.observations)
    # the first bad one is built anew, and good now
    Path(builds.sources[TURN]).write_bytes(selfcheck_kernel(1600).read_bytes())
    changed, _ = run(builds, teller, log)
    assert isinstance(changed.result, Found)
    assert changed.result.bad == TURN + 1
    assert {1, TURN + 1} >= set(teller.told)


def test_results_of_the_past_are_used_unless_they_must_not(
    builds: KernelRange, tmp_path: Path
) -> None:
    history = tmp_path / "history"
    first, _ = run(builds, Teller(), tmp_path / "one", history)
    teller = Teller()
    again, boots = run(builds, teller, tmp_path / "two", history)
    assert again.result == first.result
    assert all(each.cached for each in boots)
    assert not teller.told
    _, boots = run(builds, teller, tmp_path / "three", history, cache=False)
    assert not any(each.cached for each in boots)
    assert teller.told


def test_what_cannot_be_booted_ends_the_hunt(builds: KernelRange, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a loader"):
        run(builds, Teller(UsageError("not a loader")), tmp_path / "log")


@pytest.mark.parametrize("content", [b"\xff\n", b'{"bootharness_hunt": 1}\n', b"[" * 5000 + b"\n"])
def test_log_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(UsageError, match="not the log of a hunt"):
        HuntLog(tmp_path / "log", {})


def test_pipe_is_no_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    with pytest.raises(UsageError, match="not a regular file"):
        HuntLog(tmp_path / "log", {})
