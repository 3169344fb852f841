"""Mutants of the rules: they are what they say, and stand for nothing until one is chosen."""

from pathlib import Path

import pytest

pytest.importorskip("mutmut", reason="make mutants-rules installs it")

from tests.mutants.rule_mutants import _change, _statements, read_rules
from tests.mutants.rules import _RULES


def test_mutants_are_all_different_and_have_words_of_their_file() -> None:
    _, every = read_rules(("diagnosis/vlan.py", "diagnosis/timer.py"))
    assert {each.file for each in every} == {"diagnosis/vlan.py", "diagnosis/timer.py"}
    assert len({each.key for each in every}) == len({each.name for each in every}) == len(every)
    for each in every:
        code = " ".join(Path("harness/bootharness", each.file).read_text().split())
        assert each.source in code
        assert each.lines


def test_every_file_of_the_rules_is_there() -> None:
    for pattern in _RULES:
        assert list(Path("harness/bootharness").glob(pattern))


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("a = bcd + 1", "a = bce + 1", "bcd becomes bce"),
        ("a = b(c, d)", "a = b(c, )", "d dropped"),
        ("a < b", "a <= b", "= added"),
        ("if not a:", "if a:", "not dropped"),
    ],
)
def test_what_became_what(old: str, new: str, change: str) -> None:
    assert _change(old, new) == change


def test_a_statement_ends_where_those_in_it_begin() -> None:
    code = "def f(a):\n    if (\n        a\n    ):\n        return (\n            1\n        )\n"
    assert _statements(code) == [range(1, 8), range(2, 5), range(5, 8)]
    assert _statements("if a: b = 1\n") == [range(1, 2), range(1, 2)]
