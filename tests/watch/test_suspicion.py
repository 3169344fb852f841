"""How often a guest that rests is looked at: each look has it wait."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bootharness.trace.machine_facts import CpuSample
from bootharness.watch.suspicion import Suspicion

TICK_S = 0.05
Looks = Callable[[float, float], int]


@pytest.fixture
def looks_between(tmp_path: Path) -> Looks:
    """Return how many looks are made in a stretch of time at a guest that computes in silence."""
    clock, made = SimpleNamespace(now=0.0), list[CpuSample]()

    def look() -> CpuSample:
        at = 0x10_0000 + len(made) * 0x40
        made.append(CpuSample(clock.now, at, 0x38, at, "long", halted=False, interrupts=True))
        return made[-1]

    (tmp_path / "serial.log").touch()
    course: Any = SimpleNamespace(
        wire=None, ending=None, handoff=None, before_a_kernel=False, waits_for_words=False,
        medium=SimpleNamespace(managed=True), plan=SimpleNamespace(idle_s=10.0),
        words=SimpleNamespace(screen="", look=lambda _sample: None),
    )  # fmt: skip
    machine: Any = SimpleNamespace(
        now=lambda: clock.now, disk_bytes_read=lambda: 0, config=SimpleNamespace(smp=1),
        qemu=SimpleNamespace(serial_log=tmp_path / "serial.log"),
    )  # fmt: skip
    tracer = SimpleNamespace(last_call=lambda: None)
    suspicion = Suspicion(
        course, machine,
        looks=SimpleNamespace(samples=made, look=look, exact=True),  # type: ignore[arg-type]
        hearing=SimpleNamespace(  # type: ignore[arg-type]
            resting=SimpleNamespace(seen=""), read_screen=lambda _idle_s: None),
        loading=SimpleNamespace(  # type: ignore[arg-type]
            repetition=SimpleNamespace(got_on=0), tracer=tracer),
        idle=SimpleNamespace(seconds=lambda _progress: clock.now),  # type: ignore[arg-type]
    )  # fmt: skip

    def between(begins: float, ends: float) -> int:
        before = 0
        while clock.now < ends:
            before = before if clock.now > begins else len(made)
            assert suspicion.look() is None
            clock.now += TICK_S
        return len(made) - before

    return between


def test_a_guest_that_rests_is_looked_at_four_times_in_a_row(looks_between: Looks) -> None:
    assert looks_between(0.0, 0.39) == 4


def test_and_then_ten_times_a_second_until_it_is_in_no_loop(looks_between: Looks) -> None:
    assert looks_between(0.5, 1.5) == pytest.approx(10, abs=1)


def test_a_guest_that_is_at_work_is_looked_at_four_times_a_second(looks_between: Looks) -> None:
    assert looks_between(2.0, 6.0) == pytest.approx(16, abs=3)
