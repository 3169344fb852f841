"""Two sizes, and the first seed, of what `make bench-factors` measures."""

import pytest

from tests.bench.factors import PLANTED, claimed, finds, knowable


@pytest.mark.parametrize(("kernels", "features", "bad"), [(12, 5, 4), (20, 10, 8)])
def test_chance_is_seldom_taken_for_a_rule(kernels: int, features: int, bad: int) -> None:
    assert sum(claimed(kernels, features, bad, seed) for seed in range(200)) <= 10


def test_planted_rules_are_found_although_a_tenth_of_the_verdicts_are_wrong() -> None:
    assert len(PLANTED) == 20
    assert sum(finds(planted, number)[0] for number, planted in enumerate(PLANTED)) >= 19


def test_who_knows_how_the_verdicts_were_made_finds_what_is_there() -> None:
    assert sum(knowable(planted, number) for number, planted in enumerate(PLANTED)) >= 19
    assert not all(knowable(planted, number, 10) for number, planted in enumerate(PLANTED))
