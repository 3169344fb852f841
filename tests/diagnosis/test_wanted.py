"""Patterns that had to come and did not, in words; those of real boots are in tests/boot."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.needle import Likeness
from bootharness.formats.picture import Area
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.heard import Heard
from bootharness.trace.machine_facts import CpuSample, PostMortem
from bootharness.trace.sighting import Closest, Sighting
from tests.support.traces import handoff, loading_trace, move

KERNEL = CpuSample(60.0, 0xFFFFFFFF81000000, 0x10, 0, "long", True, True)
USER = replace(KERNEL, linear=0x401000, cs=0x33)
LATE = replace(
    loading_trace(1008, [move(0x100000, 1008)], handoff=handoff(1), heard=Heard(release="6.1.0")),
    until="login:",
    ending=Ending("timeout", 60.0),
    serial="one\r\n\x1b[0mtwo\r\n",
)


def shown(screen: str) -> PostMortem:
    return PostMortem("paused", KERNEL, "", 64, 0, "", screen=screen)


def on_screen(screen: str) -> BootTrace:
    return replace(LATE, until="screen", until_screen="login:", post_mortem=shown(screen))


def test_the_last_line_is_quoted() -> None:
    judgement = judge(LATE)
    assert judgement.cause == "marker-not-seen"
    assert judgement.summary.startswith("no 'login:' in 60 s; the last line was \"")
    assert "two" in judgement.summary
    assert "\x1b" not in judgement.summary


def test_colours_are_no_part_of_the_last_line() -> None:
    coloured = replace(
        LATE, serial="[\x1b[0;32m  OK  \x1b[0m] Finished \x1b[0;1;39ma.service\x1b[0m.\r\n"
    )
    assert 'the last line was "[  OK  ] Finished a.service."' in judge(coloured).summary


def test_text_on_a_screen_is_bad_and_a_picture_is_not_known() -> None:
    bad = judge(on_screen("hello\nworld"))
    assert (bad.verdict, bad.cause) == (Verdict.BAD, "marker-not-seen")
    assert 'the last line was "world"' in bad.summary
    unknown = judge(on_screen(""))
    assert (unknown.verdict, unknown.cause) == (Verdict.SKIP, "screen-unreadable")


NEAR = Closest(300, 40, 95.0, 640, 480, Likeness(Area(120, 80, 300, 40), 71.66), 4.2)


@pytest.mark.parametrize(
    ("closest", "said"),
    [
        (NEAR, "the area that came closest, 300x40 at 120,80, was 71.66 % like it 4.20 s after "
         "launch, and 95 % are wanted"),
        (replace(NEAR, likeness=Likeness(Area(0, 0, 300, 40), 0.0)), "no area of a screen was"),
        (replace(NEAR, likeness=None), "it is 300x40, and no screen was so large: the last was"),
    ],
)  # fmt: skip
def test_picture_that_did_not_come_is_told_with_how_close_it_came(
    closest: Closest, said: str
) -> None:
    for screen in ("", "some text"):
        trace = replace(on_screen(screen), until_screen="menu.png", closest=closest)
        judgement = judge(trace)
        assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "marker-not-seen")
        assert judgement.summary.startswith("no 'menu.png' on the screen in 60 s; ")
        assert said in judgement.summary


def test_picture_that_nobody_could_look_for_is_not_known() -> None:
    judgement = judge(replace(on_screen(""), until_screen="menu.png"))
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "screen-unreadable")
    assert "nobody could see it" in judgement.summary


def test_what_ocr_reads_makes_no_boot_bad() -> None:
    read = replace(on_screen(""), post_mortem=replace(shown(""), ocr="Welc0me\nlogln:"))
    judgement = judge(read)
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "screen-unreadable")
    assert 'in which OCR reads "logln:" at its end' in judgement.summary
    seen = Sighting("pan.c", "Kernel panic", "screen", 3.0, by="ocr")
    failed = replace(on_screen(""), ending=Ending("failed-on", 3.0, seen.line), failed_on=seen)
    judgement = judge(failed)
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "screen-unreadable")
    assert "'pan.c' was on the screen is not proven" in judgement.summary
    assert judge(replace(failed, failed_on=replace(seen, by="text"))).cause == "fail-on-seen"


@pytest.mark.parametrize("sample", [KERNEL, USER])
def test_silence_is_not_known(sample: CpuSample) -> None:
    """A userspace that runs and writes nowhere may be ready all the same."""
    silent = replace(LATE, serial="", heard=None, samples=(sample,))
    judgement = judge(silent)
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "kernel-silent")


def test_what_was_not_typed_is_said() -> None:
    asked = Sighting("boot:", "boot:", "screen", 1.0)
    trace = replace(LATE, send=("boot:=>two<enter>", "login:=>root<enter>"), sent=(asked,))
    assert "'login:' never came, so 'root<enter>' was not typed" in judge(trace).warnings
    assert not judge(replace(trace, sent=(asked, asked))).warnings
