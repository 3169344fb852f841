"""Patterns of a person's own, and when they are found."""

import time

import pytest

from bootharness.errors import PatternTooSlow
from bootharness.plan import BootPlan
from bootharness.watch.lookout import Found, Lookout


def seen(*found: Found) -> list[tuple[str, bool]]:
    return [(each.sighting.line, each.wanted) for each in found]


def test_lines_are_searched_when_they_have_ended() -> None:
    lookout = Lookout.of(BootPlan(until="login:"))
    assert lookout.heard(b"hello\nbox lo", 1.0) == []
    assert seen(*lookout.heard(b"gin: \n", 1.1)) == [("box login:", True)]


def test_a_prompt_is_found_when_it_rests() -> None:
    lookout = Lookout.of(BootPlan(until="login:$"))
    assert lookout.heard(b"login:", 1.0) == []
    assert lookout.rested(1.1) == []
    assert lookout.heard(b" not this", 1.15) == []
    assert lookout.rested(1.9) == []
    assert lookout.heard(b"\nlogin:", 2.0) == []
    assert seen(*lookout.rested(2.3)) == [("login:", True)]
    assert lookout.rested(2.4) == []  # once


def test_a_boot_that_is_over_has_no_line_that_rests() -> None:
    lookout = Lookout.of(BootPlan(until="ready"))
    lookout.heard(b"ready", 1.0)
    assert seen(*lookout.rested(1.0, at_once=True)) == [("ready", True)]


def test_half_a_line_is_not_what_was_said() -> None:
    lookout = Lookout.of(BootPlan(fail_on=("WARNING(?!: known)",)))
    assert lookout.heard(b"WARNING", 1.0) == []
    assert lookout.heard(b": known\n", 1.0) == []
    assert seen(*lookout.heard(b"WARNING: other\n", 1.0)) == [("WARNING: other", False)]


def test_what_makes_it_bad_comes_first_of_the_same_line() -> None:
    lookout = Lookout.of(BootPlan(until="ready", fail_on=("error",)))
    assert seen(*lookout.heard(b"ready with an error\nready\n", 1.0)) == [
        ("ready with an error", False),
        ("ready", True),
    ]


def test_the_screen_is_searched_line_by_line_and_when_it_changes() -> None:
    lookout = Lookout.of(BootPlan(until_screen="^Welcome", fail_on=("error",)))
    lookout.pass_over("Welcome to the BIOS\nerror 7")
    assert seen(*lookout.shown("Welcome to the BIOS\nerror 7\nx", 1.0)) == []
    shown = lookout.shown("Welcome to the BIOS\nWelcome to it", 1.0)
    assert seen(*shown) == [("Welcome to it", True)]
    assert lookout.shown("Welcome to the BIOS\nWelcome to it", 1.5) == []
    lookout.look_again()
    assert lookout.shown("Welcome to the BIOS\nWelcome to it", 1.5) != []


def test_words_for_the_screen_are_none_of_the_line() -> None:
    lookout = Lookout.of(BootPlan(until_screen="Welcome"))
    assert lookout.heard(b"Welcome\n", 1.0) == []
    assert seen(*lookout.written("Wel", 1.0), *lookout.written("come\n", 1.1)) == [
        ("Welcome", True)
    ]


def test_a_pattern_that_takes_for_ever_is_our_side_s_failure() -> None:
    lookout = Lookout.of(BootPlan(until="((x{1,1000}){1,1000}){1,1000}y"))
    began = time.process_time()
    with pytest.raises(PatternTooSlow, match="takes too long"):
        lookout.heard(b"x" * 3000 + b"\n", 1.0)
    assert time.process_time() - began < 60  # and not for ever


def test_a_flood_is_searched_in_no_time() -> None:
    lookout = Lookout.of(BootPlan(until="login:", fail_on=("WARNING", "BUG")))
    for _ in range(4):
        assert lookout.heard(b"x\n" * 500_000, 1.0) == []
