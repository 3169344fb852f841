"""A guest that rests: how often it is looked at, for each look has it wait, and when it hangs."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bootharness.trace.machine_facts import CpuSample
from bootharness.watch.suspicion import Suspicion

TICK_S = 0.05
Looks = Callable[[float, float], int]


class Guest(SimpleNamespace):
    """A guest that goes on by so many bytes from one look to the next, and the watch over it."""

    now: float
    suspicion: Suspicion

    def until(self, ends: float) -> str | None:
        """Return how it hangs, None where it does not until then."""
        while self.now < ends:
            if kind := self.suspicion.look():
                return kind
            self.now += TICK_S
        return None


def guest(tmp_path: Path, step: int, *, before_a_kernel: bool = False) -> Guest:
    clock, made = Guest(now=0.0), list[CpuSample]()

    def look() -> CpuSample:
        at = 0x10_0000 + len(made) * step
        made.append(CpuSample(clock.now, at, 0x38, at, "long", halted=False, interrupts=True))
        return made[-1]

    (tmp_path / "serial.log").touch()
    course: Any = SimpleNamespace(
        wire=None, ending=None, handoff=None, before_a_kernel=before_a_kernel,
        waits_for_words=False,
        medium=SimpleNamespace(managed=True), plan=SimpleNamespace(idle_s=10.0),
        words=SimpleNamespace(screen="", look=lambda _sample: None), in_kernel=False,
        handed_off=False,
    )  # fmt: skip
    machine: Any = SimpleNamespace(
        now=lambda: clock.now, disk_bytes_read=lambda: 0, config=SimpleNamespace(smp=1),
        qemu=SimpleNamespace(serial_log=tmp_path / "serial.log"),
    )  # fmt: skip
    tracer = SimpleNamespace(last_call=lambda: None)
    clock.suspicion = Suspicion(
        course, machine,
        looks=SimpleNamespace(samples=made, look=look, exact=True),  # type: ignore[arg-type]
        hearing=SimpleNamespace(  # type: ignore[arg-type]
            resting=SimpleNamespace(seen="", given_up=False, for_a_person=False),
            read_screen=lambda _idle_s: None),
        loading=SimpleNamespace(  # type: ignore[arg-type]
            repetition=SimpleNamespace(got_on=0), tracer=tracer, drain=lambda: None),
        idle=SimpleNamespace(seconds=lambda _progress: clock.now),  # type: ignore[arg-type]
    )  # fmt: skip

    return clock


@pytest.fixture
def looks_between(tmp_path: Path) -> Looks:
    """Return how many looks are made in a stretch of time at a guest that computes in silence."""
    watched = guest(tmp_path, step=0x40)

    def between(begins: float, ends: float) -> int:
        assert watched.until(begins) is None
        before = len(watched.suspicion.looks.samples)
        assert watched.until(ends) is None
        return len(watched.suspicion.looks.samples) - before

    return between


def test_a_guest_that_rests_is_looked_at_four_times_in_a_row(looks_between: Looks) -> None:
    assert looks_between(0.0, 0.39) == 4


def test_and_then_ten_times_a_second_until_it_is_in_no_loop(looks_between: Looks) -> None:
    assert looks_between(0.5, 1.5) == pytest.approx(10, abs=1)


def test_a_guest_that_is_at_work_is_looked_at_four_times_a_second(looks_between: Looks) -> None:
    assert looks_between(2.0, 6.0) == pytest.approx(16, abs=3)


@pytest.mark.parametrize(
    ("looks_at", "ends"),
    [(None, [(None, 1.1), ("loop", 1.4)]), ("port 64h", [(None, 34.0), ("idle", 36.0)])],
)
def test_who_asks_a_device_in_the_same_place_is_no_loop(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    looks_at: str | None,
    ends: list[tuple[str | None, float]],
) -> None:
    monkeypatch.setattr("bootharness.watch.outside.looks_at", lambda _machine, _sample: looks_at)
    watched = guest(tmp_path, step=0, before_a_kernel=True)
    monkeypatch.setattr(type(watched.suspicion), "_works", lambda _self, _idle_s: False)
    assert [(watched.until(end), end) for _, end in ends] == ends
