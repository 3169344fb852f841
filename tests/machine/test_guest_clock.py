"""The guest's clock out of what QEMU says; that of real boots is in tests/boot."""

import pytest

from bootharness.machine.guest_clock import seconds_told

NOWHERE = "portl[0xb008] = 0xffffffff"
HZ = 3_579_545
TURN_S = (1 << 24) / HZ
DRIFT = "TLB stats\r\nHost - Guest clock  {} ms\r\n"


def timer(seconds: float) -> str:
    return f"portl[0x0608] = {int(seconds % TURN_S * HZ):#010x}"


def told(
    *timers: str, by_date: float | None, ran_s: tuple[float, float], instructions: float = 0.0
) -> float | None:
    """Where the guest's clock is 100 s behind."""
    ran = ran_s[0] + 100, ran_s[1] + 100
    return seconds_told(timers, by_date, DRIFT.format(100_000), ran, int(instructions * 1e9))


@pytest.mark.parametrize("seconds", [0.017, 0.999, 1.547, 5.0, 20.573, 300.25])
def test_timer_is_exact_and_the_date_tells_how_often_it_turned(seconds: float) -> None:
    """On a busy host the machine's own time is not known well: it has stood still for a while."""
    for timers in ([timer(seconds), NOWHERE], [NOWHERE, timer(seconds)]):
        found = told(*timers, by_date=int(seconds), ran_s=(seconds, seconds + 9))
        assert found == pytest.approx(seconds, abs=1e-4)


@pytest.mark.parametrize("by_date", [None, -4000.0, 90_000.0])
def test_date_that_was_set_is_passed_over(by_date: float | None) -> None:
    found = told(timer(6.2), by_date=by_date, ran_s=(6.0, 7.0), instructions=5.0)
    assert found == pytest.approx(6.2, abs=1e-4)


@pytest.mark.parametrize("timers", [[NOWHERE, NOWHERE], ["unknown command"]])
def test_machine_without_a_timer_is_told_less_well(timers: list[str]) -> None:
    assert told(*timers, by_date=3, ran_s=(3.0, 4.0)) == 3.5
    assert told(*timers, by_date=None, ran_s=(3.0, 4.0)) == 3.5


def test_instructions_are_not_undone() -> None:
    """A guest has set its date back, and put something else where its timer was."""
    took = told(timer(0.001), by_date=0, ran_s=(3.0, 9.0), instructions=8.0)
    assert took is not None
    assert took >= 8.0


def test_qemu_that_does_not_count_tells_nothing() -> None:
    assert seconds_told([timer(1)], 1, "TLB stats", (1.0, 1.0), 0) is None
