"""Time in which a guest could have got on: a busy host gives it none."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootharness.machine.machine import Machine
from bootharness.watch.idle import IdleClock


class Host:
    """A machine whose clock and whose share of the host a test sets."""

    def __init__(self) -> None:
        self.now_s = self.cpu_s = self.starved_s = 0.0
        self.halted = False
        self.qemu = SimpleNamespace(
            cpu_seconds=lambda: self.cpu_s, starved_seconds=lambda: self.starved_s
        )

    def now(self) -> float:
        return self.now_s

    def sample(self) -> Any:
        return SimpleNamespace(halted=self.halted)

    def idle_for(self, seconds: float, *, used: float = 0.0, starved: float = 0.0) -> float:
        """Let time pass in steps without progress, and return how long the guest was idle."""
        clock = IdleClock(cast(Machine, self))
        clock.seconds("nothing")
        idle = 0.0
        for _ in range(round(seconds * 10)):
            self.now_s += 0.1
            self.cpu_s += 0.1 * used
            self.starved_s += 0.1 * starved
            idle = clock.seconds("nothing")
        return idle


@pytest.mark.parametrize(
    ("halted", "used", "starved", "idle_s"),
    [
        (False, 1.0, 0.0, 20.0),
        (False, 0.25, 0.75, 5.0),
        (True, 0.0, 0.0, 20.0),
        (True, 0.0, 0.75, 5.0),
        (True, 0.25, 2.5, 5.0),
        (True, 0.75, 0.25, 15.0),
    ],
)
def test_only_what_the_host_gave_makes_a_guest_idle(
    halted: bool, used: float, starved: float, idle_s: float
) -> None:
    host = Host()
    host.halted = halted
    own_work_s = 0.5
    assert host.idle_for(20, used=used, starved=starved) == pytest.approx(idle_s, abs=own_work_s)


def test_progress_begins_anew() -> None:
    host = Host()
    host.halted = True
    clock = IdleClock(cast(Machine, host))
    for at in range(30):
        host.now_s += 0.1
        clock.seconds("first" if at < 20 else "second")
    assert clock.seconds("second") == pytest.approx(0.9, abs=0.1)


def test_stopped_harness_is_no_time_of_the_guests() -> None:
    host = Host()
    host.halted = True
    clock = IdleClock(cast(Machine, host))
    host.now_s += 60
    assert clock.seconds("nothing") <= 0.3
