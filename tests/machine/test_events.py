"""When QEMU's events happened: on the clock that nobody sets."""

import time
from typing import Any

import pytest

from bootharness.machine.machine import Machine


class Answers:
    """A QEMU and its QMP: it was launched at 0, and one event has come."""

    def __init__(self, stamp: float) -> None:
        self.stamp = stamp
        self.at = 7.0

    def now(self) -> float:
        return self.at

    def events(self) -> list[dict[str, Any]]:
        seconds = int(self.stamp)
        parts = int((self.stamp - seconds) * 1e6)
        return [{"event": "RESET", "timestamp": {"seconds": seconds, "microseconds": parts}}]


@pytest.mark.parametrize(
    ("ago", "at"),
    [(0.5, 6.5), (-31_536_000.0, 7.0), (31_536_000.0, 3.0), (4.5, 3.0)],
    ids=["as it was", "the clock was set back", "the clock was set ahead", "before the last look"],
)
def test_wall_clock_that_is_set_moves_no_event(ago: float, at: float) -> None:
    machine: Any = object.__new__(Machine)
    machine.qemu = machine.qmp = Answers(time.time() - ago)
    machine._asked_at = 3.0
    (event,) = machine.events()
    assert event.seconds == pytest.approx(at, abs=0.3)
