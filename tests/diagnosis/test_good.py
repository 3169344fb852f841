"""What is said of a boot that came as far as wanted, and that all that is said can be shown."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.needle import Likeness
from bootharness.formats.picture import Area
from bootharness.trace.adverse import Adverse
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.milestones import Milestone
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts
from bootharness.trace.sighting import Sighting
from tests.support.traces import CHUNK, handoff, loading_trace, move

pytestmark = pytest.mark.usefixtures("every_word")

PROOF = "1,000 bytes in memory equal the file"
BOOTED = loading_trace(
    1024, [move(0x100000, 1024)], handoff=handoff(1), milestones=(Milestone("banner", 1.5),)
)
BOOTED = replace(BOOTED, ending=Ending("reached", 4.25))
LOGIN = Sighting("log.n:", "debian \x1b[1m login:   \x07", "serial line", 3.5)


def said(**more: Any) -> str:
    judgement = judge(replace(BOOTED, **more))
    assert judgement.verdict is Verdict.GOOD
    return judgement.summary


def test_a_milestone_is_reached_in_its_time() -> None:
    assert said() == f"reached banner in 1.50 s, {PROOF}"
    assert said(milestones=()) == f"reached banner in 4.25 s, {PROOF}"
    assert (
        said(guest_s=0.75) == f"reached banner in 1.50 s, 0.750 s by the guest's own clock, {PROOF}"
    )
    assert said(until="shutdown") == f"reached shutdown in 4.25 s, {PROOF}"


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (LOGIN, '"debian login: \\x07" on the serial line'),
        (replace(LOGIN, line="x" * 130), f'"{"x" * 120}" on the serial line'),
        (replace(LOGIN, line="login:", on="screen"), '"login:" on the screen'),
        (replace(LOGIN, line="l0gin:", on="screen", by="ocr"),
         '"l0gin:", as OCR reads it, on the screen'),
        (replace(LOGIN, line="", on="screen", by="picture",
                 likeness=Likeness(Area(8, 16, 300, 60), 99.5)),
         "99.5 % alike, 300x60 at 8,16 on the screen"),
    ],
)  # fmt: skip
def test_a_pattern_is_told_with_where_it_was_found(seen: Sighting, words: str) -> None:
    assert said(until="log.n:", marker=seen) == f"reached 'log.n:' in 3.50 s ({words}), {PROOF}"


def test_what_was_typed_is_said() -> None:
    given = ("boot:=>linux =>x<enter>", "login:=>root<enter>")
    asked = (Sighting("boot:", "boot:", "screen", 1.0),) * 2
    assert said(send=given, sent=asked) == (
        "reached banner in 1.50 s, 'linux =>x<enter>' typed at 'boot:', 'root<enter>' typed at "
        f"'login:', {PROOF}"
    )


def test_nothing_that_a_guest_writes_can_do_anything_to_who_reads_it() -> None:
    evil = "\x1b[2Jgone\x07"
    wire = NetworkFacts(
        "ipxe", "bios", "virtio", "10.0.2.2", "52:54:00:12:34:56", {"nbp": "a", "kernel": "b"},
        events=(NetEvent(1.0, NetEventKind.FILE_MISSING, "52:54:00:12:34:56", "b"),),
    )  # fmt: skip
    trace = BootTrace("k", "init", Ending("boot-program", 4.0, evil), network=wire)
    adverse = Adverse("DL=81h", "stage1-hang", evil)
    judgement = judge(replace(trace, adverse=(adverse,)))
    assert judgement.diagnosis
    assert judgement.consequences
    assert judgement.warnings
    for text in (
        judgement.summary,
        judgement.diagnosis.sentence,
        judgement.consequences[0].sentence,
        judgement.warnings[0],
    ):
        assert "\\x1b[2Jgone\\x07" in text
        assert text.isprintable()


def test_what_a_boot_has_shown_before_the_emulation_ended_is_told_with_what_followed() -> None:
    calls = [move((0x100000 + at) & 0xFFFFFF, CHUNK) for at in range(0, 17 << 20, CHUNK)]
    trace = loading_trace(17 << 20, calls)
    trace = replace(trace, ending=Ending("skipped", 0.0, "port 0x43", "not-emulated"))
    assert trace.kernel
    cut = judge(replace(trace, kernel=replace(trace.kernel, missing_bytes=16)))
    assert cut.verdict is Verdict.BAD
    assert cut.cause == "payload-truncated"
    assert [each.cause for each in cut.consequences] == ["destination-wrapped", "memory-clobbered"]
