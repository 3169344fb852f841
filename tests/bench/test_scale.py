"""A gate that is played through takes as long as its slowest part."""

import pytest

from tests.bench.scale import Costs, played

FREE = Costs(client_s=0.0, scheduler_s=0.0)


def test_without_costs_it_is_the_boots_that_take_time() -> None:
    found = played(4000, 10, 1.0, FREE)
    assert found.seconds == pytest.approx(100, rel=0.05)
    assert found.slots == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    "costs", [FREE._replace(client_s=0.01), FREE._replace(scheduler_s=0.01)], ids=["client", "dask"]
)
def test_who_does_one_thing_after_the_other_is_the_limit(costs: Costs) -> None:
    assert played(10_000, 1000, 0.5, costs).seconds == pytest.approx(100, rel=0.05)
