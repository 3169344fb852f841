"""The guest's clock out of what QEMU's monitor says; that of real boots is in tests/boot."""

import pytest

from bootharness.machine.guest_clock import seconds_told

NOWHERE = "portl[0xb008] = 0xffffffff"
TURN_S = (1 << 24) / 3_579_545


def drift(milliseconds: int) -> str:
    return f"TLB stats\r\nHost - Guest clock  {milliseconds} ms\r\n"


@pytest.mark.parametrize(
    ("ticks", "host_s", "behind_ms", "seconds"),
    [
        (3_579_545, 8.0, 7_000, 1.0),
        # the timer has turned twice: only the host's clock knows
        (3_579_545, 18.0, 7_500, 1.0 + 2 * TURN_S),
        # it took QEMU a second to start, and nothing is negative
        (35_795, 3.0, 2_000, 0.01),
        (35_795, 1.0, 4_000, 0.01),
        # a guest that waits is as fast as the host
        (16_000_000, 4.6, 20, 16_000_000 / 3_579_545),
    ],
)
def test_timer_that_turns_is_told_by_the_host_s_clock(
    ticks: int, host_s: float, behind_ms: int, seconds: float
) -> None:
    told = [f"portl[0x0608] = {ticks:#010x}", NOWHERE]
    assert seconds_told(told, drift(behind_ms), host_s, 9_000_000) == pytest.approx(
        seconds, abs=1e-4
    )
    assert seconds_told(told[::-1], drift(behind_ms), host_s, 9_000_000) == pytest.approx(
        seconds, abs=1e-4
    )


def test_machine_without_a_timer_or_without_counting_has_no_clock() -> None:
    assert seconds_told([NOWHERE, NOWHERE], drift(0), 1.0, 0) is None
    assert seconds_told(["portl[0x0608] = 0x00000001"], "TLB stats", 1.0, 0) is None
    assert seconds_told(["unknown command"], drift(0), 1.0, 0) is None


def test_a_timer_that_says_less_than_the_instructions_take_is_not_believed() -> None:
    """A guest may have moved its timer, and put something else there."""
    told = ["portl[0x0608] = 0x00000001", NOWHERE]
    assert seconds_told(told, drift(1_000), 1.0, 2_000_000_000) is None
    assert seconds_told(told, drift(1_000), 1.0, 1_000) is not None
