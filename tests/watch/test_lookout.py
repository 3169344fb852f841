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
    assert found.wanted
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
    assert lookout.shown("word", 0.5) == []
    (asked,) = lookout.pictured(screen(0, 1), 1.0, before_kernel=True)
    assert asked.prompt
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
