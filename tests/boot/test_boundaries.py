"""The story's sizes: with stage1 all of them boot, without its carry only those that fit."""

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.routes.loader import Loader
from tests.boot.conftest import Boot
from tests.support.builders import without_carry

LIMIT = 15_735_808
SIZES = (15_728_640, LIMIT, LIMIT + 16, 16_777_216, 33_554_432, 67_108_864)


@pytest.mark.sample(2)
@pytest.mark.parametrize("size", SIZES)
def test_stage1_places_any_size_where_it_belongs(boots: Boot, debian: str, size: int) -> None:
    trace = boots(f"grow:{size}:{debian}", until="banner")
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.placed_bytes == size
    assert trace.handoff
    assert trace.handoff.payload
    assert trace.handoff.payload.equal
    assert trace.handoff.payload.compared_bytes == size


@pytest.mark.sample(2)
@pytest.mark.parametrize("size", SIZES)
def test_without_the_carry_only_the_first_15_mib_are_safe(
    boots: Boot, debian: str, size: int
) -> None:
    trace = boots(f"grow:{size}:{debian}", without_carry(Loader.stage1()), until="banner")
    judgement = judge(trace)
    if size <= LIMIT:
        assert judgement.verdict is Verdict.GOOD, judgement.summary
        return
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "destination-wrapped")
    for part in ("block move 242", "0xff1e00", "0x001c00", "15,735,808 bytes", f"{size:,}"):
        assert part in judgement.summary
    assert trace.placed_bytes == LIMIT


def test_wrapped_kernel_is_bad_even_where_linux_prints_its_banner(boots: Boot, debian: str) -> None:
    # memory is not looked at: nothing but the descriptors tells
    from msgspec.structs import replace

    trace = boots(f"grow:{LIMIT + 16}:{debian}", without_carry(Loader.stage1()), until="banner")
    assert trace.handoff
    seen = replace(trace, handoff=replace(trace.handoff, payload=None))
    assert judge(seen).cause == "destination-wrapped"


@pytest.mark.parametrize("size", [0, 16, 65_008, 65_024, 65_040, 1 << 20])
def test_small_payloads(boots: Boot, size: int) -> None:
    trace = boots(f"selfcheck:{size}")
    assert judge(trace).verdict is Verdict.GOOD
    assert trace.placed_bytes == size
    assert "selfcheck: payload ok" in trace.serial
