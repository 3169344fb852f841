"""Recorder and gdb see the same calls, on good loads and on bad ones."""

import pytest

from bootharness.diagnosis import judge
from bootharness.diagnosis.agreement import disagreement
from bootharness.routes.loader import Loader
from tests.boot.conftest import Boot
from tests.boot.test_boundaries import LIMIT, SIZES
from tests.support.builders import without_carry


@pytest.mark.sample(2)
@pytest.mark.parametrize("size", SIZES)
def test_they_agree_call_by_call(boots: Boot, debian: str, size: int) -> None:
    trace = boots(f"grow:{size}:{debian}", tracer="both", until="setup")
    assert judge(trace).cause is None, judge(trace).summary
    assert disagreement(trace.loader_calls, trace.gdb_calls) is None
    moves = -(-size // 0xFE00)
    for calls in (trace.loader_calls, trace.gdb_calls):
        assert sum(call.table is not None for call in calls) == moves
        assert sum(call.packet is not None for call in calls) == moves + 3
        assert sum(call.number == 0x13 and call.function == 0x41 for call in calls) == 1


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 16, 17_000_000])
def test_they_agree_without_the_carry(boots: Boot, debian: str, size: int) -> None:
    loader = without_carry(Loader.stage1())
    trace = boots(f"grow:{size}:{debian}", loader, tracer="both", until="setup")
    assert trace.gdb_calls
    assert disagreement(trace.loader_calls, trace.gdb_calls) is None
    assert judge(trace).cause == (None if size <= LIMIT else "destination-wrapped")


def test_gdb_alone_comes_to_the_same_verdict(boots: Boot, debian: str) -> None:
    loader = without_carry(Loader.stage1())
    trace = boots(f"grow:17000000:{debian}", loader, tracer="gdb", until="banner")
    judgement = judge(trace)
    assert judgement.cause == "destination-wrapped"
    assert "block move 242 went to 0x001c00" in judgement.summary


def test_gdb_alone_sees_a_good_boot_through(boots: Boot, debian: str) -> None:
    trace = boots(debian, tracer="gdb", until="banner")
    assert judge(trace).cause is None
    assert trace.handoff
    assert trace.handoff.exact
    assert (trace.handoff.registers.cs, trace.handoff.registers.ip) == (0x1020, 0)
    assert trace.handoff.memory_equal is True
    assert trace.reached("protected-mode")
