"""Patterns that had to come and did not, in words; those of real boots are in tests/boot."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.needle import Likeness
from bootharness.formats.picture import Area
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.heard import Heard
from bootharness.trace.machine_facts import CpuSample, PostMortem
from bootharness.trace.network_facts import NetworkFacts
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


def test_text_to_be_typed_may_have_an_arrow_in_it() -> None:
    trace = replace(LATE, send=("login:=>a=>b<enter>",))
    assert "'login:' never came, so 'a=>b<enter>' was not typed" in judge(trace).warnings


def said(trace: BootTrace) -> str:
    return judge(trace).summary


BANNED = replace(
    LATE,
    fail_on=("panic", "over.?flow"),
    ending=Ending("failed-on", 3.0, "BUG: overflow"),
    failed_on=Sighting("over.?flow", "BUG: overflow", "serial line", 2.345),
    serial="one\r\n  \r\n  BUG: overflow in f\r\n" + "".join(f"{at}\r\n \r\n" for at in range(9)),
)


def test_a_pattern_for_the_serial_line_is_not_looked_for_on_the_screen() -> None:
    assert judge(replace(LATE, post_mortem=shown(""))).cause == "marker-not-seen"


def test_what_came_that_must_not_is_quoted_with_what_came_behind_it() -> None:
    judgement = judge(BANNED)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "fail-on-seen")
    assert judgement.summary == (
        "the serial line said \"BUG: overflow\" 2.35 s after launch, in which 'over.?flow' is found"
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == ("BUG: overflow in f", "0", "1", "2", "3", "4")


def test_a_line_that_is_the_pattern_is_said_once() -> None:
    seen = Sighting("panic", "panic", "screen", 2.0)
    judgement = judge(replace(BANNED, failed_on=seen))
    assert judgement.summary == 'the screen said "panic" 2.00 s after launch'
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == ()  # it is not on the serial line


def test_a_picture_that_must_not_come_is_told_with_where_it_was() -> None:
    likeness = Likeness(Area(8, 16, 300, 60), 99.5)
    seen = Sighting("error.png", "", "screen", 2.0, "picture", likeness)
    judgement = judge(replace(BANNED, failed_on=seen))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "fail-on-seen")
    assert judgement.summary == (
        "'error.png' was on the screen 2.00 s after launch (99.5 % alike, 300x60 at 8,16)"
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == ()


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        ("x" * 120, '"' + "x" * 120 + '"'),
        ("x" * 121, '"' + "x" * 120 + '..."'),
        (" \tx\x01 ", '"x\\x01"'),
    ],
)
def test_a_long_line_is_cut_and_what_a_terminal_obeys_is_shown(line: str, quoted: str) -> None:
    seen = Sighting("x+", line, "serial line", 2.0)
    assert f"the serial line said {quoted} 2.00 s" in said(replace(BANNED, failed_on=seen))


def test_an_ending_without_a_sighting_is_no_sign() -> None:
    assert judge(replace(BANNED, failed_on=None)).cause == "timed-out"
    assert judge(replace(LATE, failed_on=BANNED.failed_on)).cause == "marker-not-seen"


def test_what_did_not_come_in_time_is_one_sentence() -> None:
    over = Ending("timeout", 60.4)
    assert said(replace(LATE, ending=over)) == ("no 'login:' in 60 s; the last line was \"two\"")
    assert said(replace(LATE, ending=over, serial="")) == (
        "no 'login:' in 60 s; nothing was written on the serial line"
    )
    assert said(replace(on_screen("a\nb"), ending=over)) == (
        "no 'login:' on the screen in 60 s; the last line was \"b\""
    )
    assert said(replace(on_screen(" \n"), ending=over)) == (
        "whether 'login:' was on the screen is not known: it shows no text but a picture, or "
        "nothing, 60 s after launch"
    )
    assert said(replace(on_screen("x"), post_mortem=None, ending=over)) == (
        "no 'login:' on the screen in 60 s; nothing was written there"
    )
    unpacked = "Initramfs unpacking failed: junk\r\ntwo\r\n"
    assert said(replace(LATE, ending=over, serial=unpacked)) == (
        'no \'login:\' in 60 s; the last line was "two"; the kernel said "Initramfs unpacking '
        'failed: junk"'
    )


def test_evidence_of_a_screen_is_marked_as_such() -> None:
    diagnosis = judge(on_screen("\n".join("abcdefgh"))).diagnosis
    assert diagnosis
    assert diagnosis.evidence == tuple(f"screen: {line}" for line in "cdefgh")
    diagnosis = judge(replace(LATE, serial="\n".join("abcdefgh"))).diagnosis
    assert diagnosis
    assert diagnosis.evidence == tuple("cdefgh")


@pytest.mark.parametrize("kind", ["panic", "guest-reset", "guest-shutdown", "boot-failed"])
def test_what_ended_otherwise_has_a_cause_of_its_own(kind: str) -> None:
    ending = Ending(kind, 9.0)
    for trace in (LATE, on_screen(""), replace(LATE, until="shutdown")):
        cause = judge(replace(trace, ending=ending)).cause
        assert cause not in ("marker-not-seen", "screen-unreadable", "not-switched-off", None)
        assert judge(replace(trace, ending=Ending("unheard-of", 9.0))).cause == "timed-out"


def test_a_machine_that_was_not_switched_off_is_one_sentence() -> None:
    on = replace(LATE, until="shutdown", ending=Ending("timeout", 60.4), serial="0\none\ntwo")
    judgement = judge(on)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "not-switched-off")
    assert judgement.summary == (
        'the guest did not switch the machine off in 60 s; the last line was "two"'
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == ("0", "one", "two")
    assert said(replace(on, serial="", post_mortem=shown("x"))) == (
        "the guest did not switch the machine off in 60 s; it has written nothing"
    )


def test_a_milestone_that_had_to_be_reached_is_no_pattern() -> None:
    for until in ("setup", "banner", "init"):
        assert judge(replace(LATE, until=until)).cause not in (
            "marker-not-seen", "not-switched-off"
        )  # fmt: skip


def test_how_far_it_had_come_is_said_where_that_was_no_kernel() -> None:
    before = replace(LATE, handoff=None, heard=None, tracer="none")
    assert said(before) == (
        "no 'login:' in 60 s; the last line was \"two\"; no milestone was reached; the last BIOS "
        "call was INT 15h AH=87h, block move, from 0000:7d18"
    )
    switched = replace(before, until="shutdown")
    assert said(switched).endswith("; no milestone was reached; the last BIOS call was INT 15h "
                                   "AH=87h, block move, from 0000:7d18")  # fmt: skip
    for heard in (Heard(release="6.1.0"), Heard(on="screen")):
        assert said(replace(before, heard=heard)) == (
            "no 'login:' in 60 s; the last line was \"two\""
        )
    assert said(replace(LATE, heard=None)) == "no 'login:' in 60 s; the last line was \"two\""


def test_a_firmware_that_does_not_get_on_any_more_is_not_waited_for() -> None:
    """Of a kernel that hangs that is the cause."""
    idle = Ending("idle", 30.0)
    assert judge(replace(LATE, ending=idle)).cause == "kernel-hang"
    wire = NetworkFacts("uefi-grub", "uefi", "virtio", "10.0.2.2", "52:54:00:12:34:56", {})
    firmware = replace(LATE, handoff=None, heard=None, tracer="none", network=wire, ending=idle)
    assert judge(firmware).cause == "marker-not-seen"
    assert judge(replace(firmware, until="shutdown")).cause == "not-switched-off"


@pytest.mark.parametrize(
    ("took", "most", "slow"),
    [(2.5004, 2.5, True), (2.5, 2.5, False), (9.0, None, False), (None, 2.5, False)],
)
def test_time_of_the_guests_own_is_counted_where_somebody_asked(
    took: float | None, most: float | None, slow: bool
) -> None:
    timed = replace(LATE, until="banner", ending=Ending("reached", 9.0))
    judgement = judge(replace(timed, guest_s=took, at_most_s=most))
    assert judgement.cause == ("too-slow" if slow else None)
    if slow:
        assert judgement.verdict is Verdict.BAD
        assert judgement.summary == (
            "banner was reached after 2.500 s by the guest's own clock; at most 2.5 s were asked "
            "for"
        )


def test_what_ocr_reads_is_said_whole_and_only_of_a_boot_that_ended_so() -> None:
    read = Sighting("over.?flow", " BUG: overflow ", "screen", 2.345, by="ocr")
    assert said(replace(BANNED, failed_on=read)) == (
        "whether 'over.?flow' was on the screen is not proven: it shows a picture, in which OCR "
        'reads "BUG: overflow" 2.35 s after launch'
    )
    assert judge(replace(LATE, failed_on=read)).cause == "marker-not-seen"
    text = replace(BANNED, until="screen", until_screen="x", post_mortem=shown(""))
    assert (judge(text).cause, judge(text).consequences) == ("fail-on-seen", ())


def test_what_ocr_has_read_at_the_end_is_said_whole() -> None:
    picture = on_screen("")
    assert picture.post_mortem
    read = replace(picture, post_mortem=replace(picture.post_mortem, ocr="one\n\ntwo\nthree\n"))
    judgement = judge(read)
    assert judgement.summary == (
        "whether 'login:' was on the screen is not known: it shows no text but a picture, in which "
        'OCR reads "three" at its end, 60 s after launch'
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == (
        "read by OCR: one", "read by OCR: two", "read by OCR: three",
    )  # fmt: skip
    needle = replace(picture, until_screen="menu.png")
    assert said(needle) == (
        "whether 'menu.png' was on the screen is not known: nobody could see it"
    )


@pytest.mark.parametrize(
    ("likeness", "how"),
    [
        (None, "it is 300x60, and no screen was so large: the last was 64x48"),
        (Likeness(Area(8, 16, 300, 60), 0.0), "no area of a screen was like it"),
        (
            Likeness(Area(8, 16, 300, 60), 93.25),
            "the area that came closest, 300x60 at 8,16, was 93.25 % like it 2.35 s after launch, "
            "and 95 % are wanted",
        ),
    ],
)
def test_how_close_a_screen_came_is_said_whole(likeness: Likeness | None, how: str) -> None:
    closest = Closest(300, 60, 95.0, 64, 48, likeness, 2.345)
    trace = replace(on_screen("a\nb"), until_screen="menu.png", closest=closest, serial="c\n")
    judgement = judge(trace)
    assert judgement.summary == f"no 'menu.png' on the screen in 60 s; {how}"
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == ("screen: a", "screen: b")


def ran(said: str, status: int | None = None, kind: str = "reached") -> BootTrace:
    serial, marker = f"booting\nbootharness: begin 77\n{said}", None
    if status is not None:
        end = f"bootharness: exit 77 {status}"
        serial, marker = f"{serial}\n{end}\n", Sighting("exit 77", end, "serial line", 9.0)
    ending = Ending(kind, 60.0)
    return replace(LATE, run="make test", ending=ending, serial=serial, marker=marker)


def test_a_command_that_failed_is_told_with_its_last_words() -> None:
    judgement = judge(ran("a\nb\n\nlast of it", 7))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "command-failed")
    assert judgement.summary.startswith(
        "'make test' ended with 7 in the guest, and said \"last of it\" last"
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == ("a", "b", "last of it")
    mute = judge(ran("", 1))
    assert mute.summary.startswith("'make test' ended with 1 in the guest, and said nothing")
    long = judge(ran("\n".join("123456789"), 1))
    assert long.diagnosis
    assert long.diagnosis.evidence == tuple("456789")
    assert judge(ran("a", 0)).cause != "command-failed"


def test_a_command_that_cannot_tell_is_skipped() -> None:
    judgement = judge(ran("a", 125))
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "command-skipped")
    assert judgement.summary.startswith(
        "'make test' ended with 125 in the guest, and said \"a\" last"
    )


def test_a_command_that_did_not_end_is_told_apart_from_one_that_was_not_begun() -> None:
    late = ran("x\nof the command\n", kind="timeout")
    judgement = judge(late)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "command-not-ended")
    assert judgement.summary == (
        "'make test' has not ended in 60 s; the last line was \"of the command\""
    )
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == ("x", "of the command")
    assert judge(ran("", kind="timeout")).summary == "'make test' has not ended in 60 s"
    before = judge(replace(late, serial="\n".join("12345678")))
    assert before.summary == "'make test' was not begun in 60 s; the last line was \"8\""
    assert before.diagnosis
    assert before.diagnosis.evidence == tuple("345678")
    assert judge(replace(late, run=None)).cause != "command-not-ended"
    assert judge(ran("x\n", kind="shutdown")).cause != "command-not-ended"
