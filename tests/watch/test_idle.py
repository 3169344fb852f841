"""Time in which a guest could have got on: a busy host gives it none."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootharness.formats.bioscall import BiosCall
from bootharness.machine.machine import Machine
from bootharness.watch.idle import IdleClock, Repetition
from tests.support.traces import move, read, registers


class Host:
    """A machine whose clock and whose share of the host a test sets."""

    def __init__(self) -> None:
        self.now_s = self.cpu_s = self.starved_s = 0.0
        self.halted = False
        self.asked = 0
        self.qemu = SimpleNamespace(
            cpu_seconds=lambda: self.cpu_s, starved_seconds=lambda: self.starved_s
        )

    def now(self) -> float:
        return self.now_s

    def sample(self) -> Any:
        self.asked += 1
        return SimpleNamespace(halted=self.halted)

    def idle_for(self, seconds: float, *, used: float = 0.0, starved: float = 0.0) -> float:
        """Let time pass in steps without progress, and return how long the guest was idle."""
        return self._passed(IdleClock(cast(Machine, self)), seconds, used, starved)

    def share_of(self, *, used: float, starved: float) -> float:
        """Let time pass so, and return how much of it the host gave."""
        clock = IdleClock(cast(Machine, self))
        self._passed(clock, 1, used, starved)
        return clock.share

    def _passed(self, clock: IdleClock, seconds: float, used: float, starved: float) -> float:
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
        (True, 0.75, 0.0, 15.0),
    ],
)
def test_only_what_the_host_gave_makes_a_guest_idle(
    halted: bool, used: float, starved: float, idle_s: float
) -> None:
    host = Host()
    host.halted = halted
    own_work_s = 0.5
    assert host.idle_for(20, used=used, starved=starved) == pytest.approx(idle_s, abs=own_work_s)


def test_who_waits_for_the_host_is_not_asked_all_the_time_whether_it_has_halted() -> None:
    busy, resting = Host(), Host()
    assert busy.share_of(used=0.2, starved=0.75) == pytest.approx(0.25)
    assert resting.share_of(used=0.2, starved=0.0) == 1.0
    assert resting.share_of(used=0.9, starved=0.1) == 1.0
    busy, resting = Host(), Host()
    busy.idle_for(20, used=0.2, starved=0.85)
    assert busy.asked <= 1
    resting.halted = True
    resting.idle_for(20, used=0.2, starved=0.0)
    assert resting.asked >= 199


def test_progress_begins_anew() -> None:
    host = Host()
    host.halted = True
    clock = IdleClock(cast(Machine, host))
    for at in range(30):
        host.now_s += 0.1
        clock.seconds("first" if at < 20 else "second")
    assert clock.seconds("second") == pytest.approx(0.9, abs=0.1)


def _pass(host: Host, clock: IdleClock, step_s: float, cpu_s: float) -> None:
    """Let ten steps go by in which nothing gets on."""
    for _ in range(10):
        host.now_s += step_s
        host.cpu_s += cpu_s
        clock.seconds("nothing")


def test_stopped_harness_is_no_time_of_the_guests() -> None:
    host = Host()
    host.halted = True
    clock = IdleClock(cast(Machine, host))
    host.now_s += 60
    assert clock.seconds("nothing") <= 0.3
    assert clock.awake_s == pytest.approx(0.2, abs=0.1)
    assert clock.given_s == pytest.approx(0, abs=0.1)


def test_a_qemu_that_is_at_work_for_seconds_without_an_answer_was_given_them() -> None:
    host = Host()
    clock = IdleClock(cast(Machine, host))
    _pass(host, clock, 4.0, 3.9)
    assert clock.awake_s == pytest.approx(39.0, abs=1.0)
    assert clock.given_s == pytest.approx(39.0, abs=1.0)
    assert clock.idle_s == pytest.approx(2.0, abs=0.3)  # nobody has looked at it more often
    assert clock.worked_s == pytest.approx(9 * 3.9, abs=1.0)
    clock.seconds("something")
    assert clock.worked_s == 0


def test_a_clock_begins_with_nothing_and_looks_no_more_often_than_its_ticks() -> None:
    host = Host()
    host.now_s = host.cpu_s = 100.0  # the harness has been at it for a while
    clock = IdleClock(cast(Machine, host))
    assert clock.seconds("nothing") == 0
    host.now_s, host.cpu_s = 100.03, 100.03
    assert clock.seconds("nothing") == 0
    assert (clock.awake_s, clock.given_s) == (0, 0)
    host.now_s, host.cpu_s = 100.05, 100.05
    assert clock.seconds("nothing") == pytest.approx(0.05)
    assert (clock.awake_s, clock.given_s) == (pytest.approx(0.05), pytest.approx(0.05))


def test_what_the_harness_did_itself_is_a_long_step_and_was_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = [1000.0]
    monkeypatch.setattr("bootharness.watch.idle.time.process_time", lambda: own[0])
    host = Host()
    clock = IdleClock(cast(Machine, host))
    clock.seconds("nothing")
    host.now_s, own[0] = 10.0, 1005.0
    assert clock.seconds("nothing") == pytest.approx(5.0)
    assert clock.awake_s == pytest.approx(5.2)
    assert clock.given_s == pytest.approx(5.0)


def test_a_restart_is_progress() -> None:
    host = Host()
    host.halted = True
    clock = IdleClock(cast(Machine, host))
    for _ in range(10):
        host.now_s += 0.1
        clock.seconds("nothing")
    clock.restart()
    assert clock.seconds("nothing") == 0
    assert clock.awake_s == pytest.approx(1.0)


def test_a_cpu_that_runs_without_progress_is_awake_for_what_it_was_given() -> None:
    host = Host()
    clock = IdleClock(cast(Machine, host))
    _pass(host, clock, 0.1, 0.025)
    assert clock.awake_s == pytest.approx(1.0)
    assert clock.given_s == pytest.approx(0.25, abs=0.1)


def call(number: int, function: int, **values: int) -> BiosCall:
    inside = registers(eax=function << 8 | values.pop("al", 0), **values)
    return BiosCall(number, function, inside, inside, 0.0, 0.0)


@pytest.mark.parametrize(
    ("one", "other", "the_same"),
    [
        (call(0x10, 0x0E, al=65), call(0x10, 0x0E, al=65, ebx=7, ecx=9), True),
        (call(0x10, 0x0E, al=65), call(0x10, 0x0E, al=66), False),
        (call(0x10, 0x0E, al=65), call(0x10, 0x09, al=65), False),
        (call(0x16, 0x01), call(0x10, 0x01), False),
        (call(0x13, 0x02, ecx=1, edx=0x80), call(0x13, 0x02, al=5, ecx=1, edx=0x80, ebx=9), True),
        (call(0x13, 0x02, ecx=1, edx=0x80), call(0x13, 0x02, ecx=2, edx=0x80), False),
        (call(0x13, 0x02, ecx=1, edx=0x80), call(0x13, 0x02, ecx=1, edx=0x81), False),
        (call(0x13, 0x02, ecx=1, edx=0x80), call(0x13, 0x02, ecx=0x10001, edx=0x20080), True),
        (call(0x13, 0x02, ecx=0, edx=0), call(0x13, 0x02, ecx=0x8000, edx=0), False),
        (call(0x13, 0x02, ecx=0, edx=0), call(0x13, 0x02, ecx=0, edx=0x8000), False),
        (call(0x15, 0xE8, al=0x20, ebx=1), call(0x15, 0xE8, al=0x20, ebx=2), False),
        (call(0x15, 0xE8, al=0x20, ebx=1), call(0x15, 0xE8, al=0x20, ebx=0x10001), True),
        (call(0x15, 0xE8, al=0x20, ebx=0), call(0x15, 0xE8, al=0x20, ebx=0x8000), False),
        (call(0x15, 0xE8, al=0x20), call(0x15, 0xE8, al=0x01), False),
        (call(0x16, 0x01, ebx=1, ecx=2, edx=3), call(0x16, 0x01), True),
        (read(2048, 4), read(2052, 4), False),
        (read(2048, 4), read(2048, 4, at=9.0), True),
        (move(0x100000), move(0x10FE00), False),
        (move(0x100000), move(0x100000, at=9.0), True),
    ],
)
def test_what_asks_for_the_same_is_no_progress(
    one: BiosCall, other: BiosCall, the_same: bool
) -> None:
    repetition = Repetition()
    assert repetition.count([one]) == 0
    assert repetition.count([other]) == int(the_same)
    assert repetition.got_on == 2


def test_who_repeats_himself_for_long_does_not_get_on() -> None:
    repetition = Repetition()
    assert repetition.count(call(0x10, 0x0E, al=at) for at in range(3)) == 0
    assert repetition.got_on == 3
    assert repetition.count([call(0x10, 0x0E, al=1)] * 2000) == 2000
    assert repetition.got_on == 2003
    assert repetition.count([call(0x10, 0x0E, al=1)]) == 2001
    assert repetition.got_on == 2003
    assert repetition.count([call(0x10, 0x0E, al=9)]) == 0
    assert repetition.got_on == 2005


def test_what_was_asked_for_is_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootharness.watch.idle._REMEMBERED", 3)
    repetition = Repetition()
    assert repetition.count(call(0x10, 0x0E, al=at) for at in range(3)) == 0
    assert repetition.count([call(0x10, 0x0E, al=0)]) == 1  # three are remembered
    assert repetition.count([call(0x10, 0x0E, al=3)]) == 0
    assert repetition.count([call(0x10, 0x0E, al=0)]) == 0  # forgotten with the others


@pytest.mark.parametrize(
    ("used", "starved", "halted", "seconds"),
    [(0.0, 1.0, False, 3.0), (0.1, 0.9, False, 3.0), (1.0, 0.0, False, 0), (0.5, 0.5, False, 0),
     (0.0, 0.0, True, 0)],
)  # fmt: skip
def test_when_the_host_gave_next_to_nothing_is_kept(
    used: float, starved: float, halted: bool, seconds: float
) -> None:
    host = Host()
    clock = IdleClock(cast(Machine, host))
    host._passed(clock, 2, 1.0, 0.0)
    host.halted = halted
    host._passed(clock, 3, used, starved)
    host._passed(clock, 2, 1.0, 0.0)
    host._passed(clock, 0.3, 0.0, 1.0)
    assert [gap.seconds for gap in clock.gaps] == (
        [pytest.approx(seconds, abs=0.15)] if seconds else []
    )


def test_a_step_in_which_everything_was_stopped_is_a_gap() -> None:
    host = Host()
    clock = IdleClock(cast(Machine, host))
    host._passed(clock, 1, 1.0, 0.0)
    host.now_s += 2.5
    clock.seconds("nothing")
    (gap,) = clock.gaps
    assert (gap.begins, gap.ends) == pytest.approx((1.0, 3.5))
