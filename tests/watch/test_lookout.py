"""Patterns of a person's own, and when they are found."""

import time
from pathlib import Path
from typing import Any

import numpy
import pytest

from bootharness.errors import PatternTooSlow
from bootharness.formats.needle import new_needle
from bootharness.formats.picture import Area, Picture
from bootharness.plan import BootPlan
from bootharness.trace.sighting import Sighting
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
    assert lookout.written("Wel", 1.0) == []
    [found] = lookout.written("come\n", 1.1)
    assert found.sighting == Sighting("Welcome", "Welcome", "screen", 1.1)


@pytest.mark.long
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


def screen(*marks: int) -> Picture:
    """Return a screen with marks of their own shapes in its four quarters."""
    pixels = numpy.zeros((80, 160, 3), numpy.uint8)
    for mark in marks:
        y, x = 40 * (mark // 2), 80 * (mark % 2)
        made: Any = numpy.random.default_rng(mark).integers(0, 2, (20, 40, 1)) * 255
        pixels[y + 10 : y + 30, x + 20 : x + 60] = made
    return Picture(pixels)


def needle(folder: Path, mark: int) -> str:
    name = folder / f"mark{mark}.png"
    area = Area(80 * (mark % 2) + 16, 40 * (mark // 2) + 8, 48, 24)
    name.write_bytes(new_needle(screen(mark), area, margin=4))
    return str(name)


def test_picture_that_is_wanted_is_found_when_it_comes(tmp_path: Path) -> None:
    lookout = Lookout.of(BootPlan(until_screen=needle(tmp_path, 1)))
    assert lookout.looks_at_pictures
    assert not lookout.reads_words
    assert lookout.pictured(screen(0), 1.0) == []
    assert lookout.sought
    assert lookout.sought.closest
    assert lookout.sought.closest.seconds == 1.0
    (found,) = lookout.pictured(screen(0, 1), 2.0)
    assert (found.at, found.wanted) == (0, True)
    assert found.sighting.likeness
    assert (found.sighting.likeness.percent, found.sighting.by) == (100, "picture")
    assert lookout.pictured(screen(0, 1), 3.0) == []  # it has been told
    lookout.look_again()
    assert lookout.pictured(screen(0, 1), 3.0) != []


def test_what_the_bios_has_left_on_the_screen_is_not_the_kernel_s(tmp_path: Path) -> None:
    lookout = Lookout.of(BootPlan(until_screen=needle(tmp_path, 1)))
    assert lookout.pictured(screen(1), 1.0, before_kernel=True) == []
    lookout.pass_over("", screen(1))
    assert lookout.pictured(screen(0, 1), 2.0) == []
    assert lookout.pictured(screen(0), 3.0) == []
    lookout.pass_over("", None)
    assert lookout.pictured(screen(1), 4.0) != []


def test_pictures_ask_one_after_the_other(tmp_path: Path) -> None:
    """A prompt that was there before the one before it was answered is not a new one."""
    first, second = needle(tmp_path, 0), needle(tmp_path, 1)
    lookout = Lookout.of(BootPlan(send=(f"{first}=>a", f"{second}=>b", "word=>c", f"{first}=>d")))
    assert lookout.shown(f"word {first}", 0.5) == []
    (asked,) = lookout.pictured(screen(0, 1), 1.0, before_kernel=True)
    assert asked.prompt
    assert asked.at == 0
    assert asked.prompt.text == "a"
    assert lookout.pictured(screen(0, 1, 2), 2.0) == []
    assert lookout.pictured(screen(0), 2.5) == []
    (asked,) = lookout.pictured(Picture(numpy.roll(screen(1).pixels, 1, 1)), 3.0)
    assert asked.prompt
    assert asked.prompt.text == "b"
    assert not lookout.looks_at_pictures
    (asked,) = lookout.shown("a word", 4.0, by="ocr")
    assert asked.prompt
    assert (asked.prompt.text, asked.sighting.by) == ("c", "ocr")
    assert lookout.looks_at_pictures
    assert [each.prompt.text for each in lookout.pictured(screen(0), 5.0) if each.prompt] == ["d"]
    assert lookout.prompts == ()


def test_a_picture_that_is_looked_for_is_looked_for_on_the_screen(tmp_path: Path) -> None:
    wanted = Lookout.of(BootPlan(until_screen=needle(tmp_path, 1)))
    asks = Lookout.of(BootPlan(send=(f"{needle(tmp_path, 0)}=>a",)))
    for lookout in (wanted, asks):
        assert (lookout.reads_screen, lookout.reads_words) == (True, False)
    assert wanted.pictured(screen(1), 1.0, before_kernel=True) == []
    assert len(wanted.pictured(screen(1), 1.5)) == 1  # and now it is a kernel's


def test_picture_that_makes_it_bad_comes_before_what_is_wanted(tmp_path: Path) -> None:
    bad, good = needle(tmp_path, 1), needle(tmp_path, 2)
    lookout = Lookout.of(BootPlan(until_screen=good, fail_on=("words", bad)))
    assert lookout.fail_on == ("words",)
    assert lookout.pictured(screen(1), 1.0, before_kernel=True) == []
    found = lookout.pictured(screen(1, 2), 2.0)
    assert [(each.sighting.pattern, each.wanted) for each in found] == [(bad, False), (good, True)]
    lookout.pass_over("", screen(1))
    assert lookout.pictured(screen(0, 1), 3.0) == []
    alone = Lookout.of(BootPlan(fail_on=(bad,)))
    assert (alone.reads_screen, alone.reads_words) == (True, False)


def test_a_sighting_says_what_where_and_when() -> None:
    lookout = Lookout.of(BootPlan(until="login:", fail_on=("W[A]RN",), send=("boot:=>x",)))
    found = lookout.heard(b"one\n  WARN 7  \nboot: \nbox login: \n", 1.23456789)
    assert [(each.at, each.sighting, each.wanted) for each in found] == [
        (4, Sighting("W[A]RN", "WARN 7", "serial line", 1.234568), False),
        (15, Sighting("boot:", "boot:", "serial line", 1.234568), False),
        (22, Sighting("login:", "box login:", "serial line", 1.234568), True),
    ]
    assert [each.prompt and each.prompt.text for each in found] == [None, "x", None]


def test_of_a_long_line_the_beginning_is_kept() -> None:
    lookout = Lookout.of(BootPlan(until="x"))
    [found] = lookout.heard(b"x" * 600 + b"\n", 1.0)
    assert found.sighting.line == "x" * 500


def test_prompts_are_answered_in_their_order_and_once() -> None:
    plan = BootPlan(until="end", send=("boot:=>one", "login:=>two", "boot:=>three"))
    lookout = Lookout.of(plan)
    heard = [
        *lookout.heard(b"login:\nboot: 1\n", 1.0),
        *lookout.heard(b"boot: 2\nlogin: 3\n", 1.0),
        *lookout.heard(b"boot: 4\nboot: 5\nend\n", 1.0),
    ]
    assert [(each.sighting.line, each.prompt and each.prompt.text) for each in heard] == [
        ("boot: 1", "one"), ("login: 3", "two"), ("boot: 4", "three"), ("end", None),
    ]  # fmt: skip


def test_a_line_that_rests_asks_for_no_second_prompt_when_it_goes_on() -> None:
    lookout = Lookout.of(BootPlan(until="end", send=("boot:=>one", "boot:=>two")))
    lookout.heard(b"boot: ", 1.0)
    assert [each.at for each in lookout.rested(2.0)] == [0]
    assert lookout.heard(b"one\n", 2.1) == []  # its echo
    assert [each.at for each in lookout.heard(b"boot: \n", 2.2)] == [10]


def test_a_line_that_asks_may_be_what_was_wanted_too() -> None:
    lookout = Lookout.of(BootPlan(until="login:", send=("login:=>root",)))
    asked, wanted = lookout.heard(b"login:\n", 1.0)
    assert asked.prompt
    assert not asked.wanted
    assert wanted.wanted
    assert wanted.prompt is None


def test_who_looks_for_nothing_finds_nothing() -> None:
    lookout = Lookout.of(BootPlan(until="banner"))
    assert lookout.heard(b"banner\n", 1.0) == []
    assert lookout.rested(9.0) == []
    assert lookout.written("banner\n", 1.0) == []
    assert lookout.shown("banner\n", 1.0) == []
    assert not lookout.reads_screen


@pytest.mark.parametrize(
    ("plan", "reads"),
    [
        (BootPlan(until="x"), False),
        (BootPlan(fail_on=("x",)), False),
        (BootPlan(until_screen="x"), True),
        (BootPlan(send=("x=>y",)), True),
    ],
)
def test_only_who_looks_for_something_there_reads_the_screen(plan: BootPlan, reads: bool) -> None:
    assert Lookout.of(plan).reads_screen is reads


def test_a_flooding_line_is_looked_at_once_of_what_comes_at_once() -> None:
    lookout = Lookout.of(BootPlan(fail_on=("error",)))
    assert len(lookout.heard(b"error 1\nerror 1\nerror 2\n", 1.0)) == 2
    assert len(lookout.heard(b"error 1\n", 1.1)) == 1


def test_a_line_that_rests_is_looked_at_when_it_has_become_longer() -> None:
    lookout = Lookout.of(BootPlan(until="ready$"))
    lookout.heard(b"not yet", 1.0)
    assert lookout.rested(1.2) == []
    assert lookout.rested(1.3) == []
    lookout.heard(b", now ready", 1.4)
    assert lookout.rested(1.5) == []
    assert seen(*lookout.rested(1.7)) == [("not yet, now ready", True)]
    lookout.heard(b"\nready", 1.8)
    assert seen(*lookout.rested(2.1)) == [("ready", True)]


def test_before_a_kernel_the_screen_is_only_asked_for_prompts() -> None:
    lookout = Lookout.of(BootPlan(until_screen="boot", send=("boot:=>x",)))
    [asked] = lookout.shown("hello\nboot: ", 1.0, before_kernel=True)
    assert asked.prompt
    assert (asked.at, asked.sighting) == (1, Sighting("boot:", "boot:", "screen", 1.0))
    assert lookout.shown("hello\nboot: ", 1.5, before_kernel=True) == []
    [wanted] = lookout.shown("hello\nboot: ", 2.0)  # and now it is a kernel's
    assert (wanted.at, wanted.wanted) == (0, True)
    assert wanted.sighting == Sighting("boot", "boot:", "screen", 2.0)


def test_what_was_on_the_screen_when_one_prompt_was_seen_asks_for_no_other() -> None:
    lookout = Lookout.of(BootPlan(send=("boot:=>x", "boot:=>y")))
    [first] = lookout.shown("boot: \nboot: ", 1.0)
    assert first.at == 0
    assert lookout.shown("boot: \nboot: \n", 1.1) == []
    assert lookout.shown("boot: \nboot: \nmore", 1.1) == []
    [found] = lookout.shown("boot: \nboot: x\nmore", 1.2)
    assert (found.at, found.sighting.line) == (1, "boot: x")
    assert lookout.shown("boot: \nnew boot:", 1.3) == []


def test_what_the_bios_has_on_the_screen_is_seen_no_more_when_it_is_passed_over() -> None:
    lookout = Lookout.of(BootPlan(until_screen="Welcome"))
    lookout.pass_over("Welcome 1\nWelcome 2")
    lookout.pass_over("Welcome 3")
    assert seen(*lookout.shown("Welcome 1\nWelcome 2\nWelcome 3\nWelcome 4", 1.0)) == [
        ("Welcome 4", True)
    ]


def test_the_first_row_that_asks_is_the_one() -> None:
    rows = "\n".join(f"{row}: boot:" for row in range(20))
    [found] = Lookout.of(BootPlan(send=("boot:=>x",))).shown(rows, 1.0)
    assert (found.at, found.sighting.line) == (0, "0: boot:")


def test_a_prompt_alone_is_looked_out_for() -> None:
    lookout = Lookout.of(BootPlan(send=("boot:=>x",)))
    assert [each.sighting.line for each in lookout.heard(b"boot:\n", 1.0)] == ["boot:"]


def test_what_makes_it_bad_is_searched_on_the_screen_only_with_what_is_wanted_there() -> None:
    lookout = Lookout.of(BootPlan(until="x", fail_on=("error",)))
    assert lookout.written("error\n", 1.0) == []
    assert lookout.shown("error\n", 1.0) == []


def test_words_that_are_written_ask_for_nothing() -> None:
    """They are on the screen then, which is looked at."""
    lookout = Lookout.of(BootPlan(until_screen="x", send=("boot:=>y",)))
    assert lookout.written("boot:\n", 1.0) == []
    assert len(lookout.shown("boot:\n", 1.0)) == 1


def test_silence_lets_a_line_rest() -> None:
    lookout = Lookout.of(BootPlan(until="login:"))
    lookout.heard(b"login:", 0.0)
    assert lookout.heard(b"", 0.1) == []
    assert lookout.rested(0.19) == []
    assert seen(*lookout.rested(0.2)) == [("login:", True)]


def test_words_for_the_screen_may_be_no_utf_8() -> None:
    lookout = Lookout.of(BootPlan(until_screen="Wel.ome"))
    assert seen(*lookout.written("Wel\udcffome\n", 1.0)) == [("Wel?ome", True)]


def test_the_pattern_that_is_too_slow_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootharness.watch.lookout._SEARCH_S", 0)
    monkeypatch.setattr("bootharness.watch.lookout.time.process_time", lambda: 7.0)
    for plan, looks in (
        (BootPlan(until="ab"), lambda lookout: lookout.heard(b"x\n", 1.0)),
        (BootPlan(send=("ab=>x",)), lambda lookout: lookout.shown("x", 1.0)),
    ):
        with pytest.raises(PatternTooSlow) as slow:
            looks(Lookout.of(plan))
        assert str(slow.value) == (
            "the pattern 'ab' takes too long to search for in what the guest writes: repeat "
            "nothing in it that is repeated already, as (a+)+ does"
        )
