"""A sample of what `make bench-factors` measures: the same seeds, fewer of them."""

from tests.bench.factors import PLANTED, claimed, finds


def test_chance_is_seldom_taken_for_a_rule() -> None:
    assert sum(claimed(20, 10, 8, seed) for seed in range(60)) <= 3


def test_planted_rules_are_found_although_a_tenth_of_the_verdicts_are_wrong() -> None:
    assert len(PLANTED) == 20
    assert sum(finds(planted, number)[0] for number, planted in enumerate(PLANTED)) >= 19
