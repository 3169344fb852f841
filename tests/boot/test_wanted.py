"""Boots to a pattern, to the switching off, and those that a pattern makes bad."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bootharness.bisection.bisect import bisect
from bootharness.bisection.report.document import hunt_document
from bootharness.bisection.report.html import hunt_html
from bootharness.bisection.report.markdown import hunt_markdown
from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.report.document import document, encode, read_trace
from bootharness.trace.boot_trace import BootTrace
from tests.boot.test_guests import SAY, disk
from tests.support.boots import boot_through
from tests.support.builders import serial_writer
from tests.support.talker import talking_kernel

# a kernel that waits is waited for, however short --idle is
WAITS = {"timeout_s": 8, "idle_s": 1}


def booted(kernel: str | Path, **options: Any) -> tuple[BootTrace, Judgement]:
    trace = boot(str(kernel), choose(BootPlan(timeout_s=120), options))
    again = read_trace(encode(document(trace, judge(trace))))
    assert judge(again) == judge(trace)
    return trace, judge(trace)


def test_prompt_of_a_guest_is_good_and_quoted(tmp_path: Path) -> None:
    trace, judgement = booted(talking_kernel(tmp_path, b"\r\nbox login: "), until="login:")
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert "reached 'login:' in" in judgement.summary
    assert '("box login:" on the serial line)' in judgement.summary
    assert "65,536 bytes in memory equal the file" in judgement.summary
    assert trace.marker
    assert trace.marker.pattern == "login:"


@pytest.mark.long
def test_pattern_that_never_comes_is_bad_at_the_time_limit(tmp_path: Path) -> None:
    trace, judgement = booted(
        talking_kernel(tmp_path, b"\r\nStarting the shop ...\r\n"), until="login:", **WAITS
    )
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "marker-not-seen")
    assert re.fullmatch(
        r"no 'login:' in \d+ s; the last line was \"Starting the shop \.\.\.\"", judgement.summary
    )
    assert trace.ending.seconds >= 8


def test_words_that_no_kernel_wrote_are_no_proof(tmp_path: Path) -> None:
    """A loader prints the marker, and enters nothing."""
    loader = serial_writer(tmp_path, b"box login: \r\n", "jmp $")
    plan = BootPlan(until="login:", timeout_s=30)
    trace = boot_through(loader, fetch("selfcheck:16000"), plan)
    judgement = judge(trace)
    assert judgement.verdict is Verdict.BAD, judgement.summary
    assert trace.marker is None
    assert trace.heard
    assert "login:" in trace.heard.disowned


def test_words_of_a_whole_disk_may_be_anybody_s(tmp_path: Path) -> None:
    image = disk(tmp_path, SAY.format("'ready for coffee'"))
    trace, judgement = booted(image, route="disk", until="ready")
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.marker


def test_fail_on_quotes_its_line_and_what_came_behind(tmp_path: Path) -> None:
    kernel = talking_kernel(
        tmp_path, b"\r\nWARNING: CPU: 0 PID: 1 at mm/x.c:7\r\nRIP: 7\r\nbox login: "
    )
    trace, judgement = booted(kernel, until="login:", fail_on=("WARNING: CPU",))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "fail-on-seen")
    assert 'said "WARNING: CPU: 0 PID: 1 at mm/x.c:7"' in judgement.summary
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence[:2] == (
        "WARNING: CPU: 0 PID: 1 at mm/x.c:7",
        "RIP: 7",
    )
    assert trace.marker is None


@pytest.mark.parametrize("goal", [{"until": "login:"}, {"until": "init"}])
def test_what_comes_first_wins(tmp_path: Path, goal: dict[str, str]) -> None:
    marker = b"box login: \r\nbootharness: init reached\r\n"
    warning = b"WARNING: CPU: 0\r\n"
    early = talking_kernel(tmp_path, b"\r\n" + warning + marker, name="early")
    late = talking_kernel(tmp_path, b"\r\n" + marker + warning, name="late")
    assert booted(early, **goal, fail_on="WARNING")[1].cause == "fail-on-seen"
    assert booted(late, **goal, fail_on="WARNING")[1].verdict is Verdict.GOOD


def test_guest_that_switches_off_when_done_is_good(tmp_path: Path) -> None:
    kernel = talking_kernel(tmp_path, b"\r\nall done\r\n", "switches off")
    _, judgement = booted(kernel, until="shutdown")
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert "reached shutdown in" in judgement.summary
    _, judgement = booted(kernel, until="login:")
    assert judgement.cause == "guest-powered-off"
    assert "before 'login:' had come" in judgement.summary


@pytest.mark.long
def test_guest_that_does_not_switch_off_is_bad(tmp_path: Path) -> None:
    kernel = talking_kernel(tmp_path, b"\r\nall done\r\n")
    _, judgement = booted(kernel, until="shutdown", **WAITS)
    assert judgement.cause == "not-switched-off"
    assert re.fullmatch(
        r'the guest did not switch the machine off in \d+ s; the last line was "all done"',
        judgement.summary,
    )


def test_switching_off_without_a_kernel_is_bad(tmp_path: Path) -> None:
    says_and_leaves = """
        mov si, words
say:    lodsb
        test al, al
        jz off
        mov dx, 0x3f8
        out dx, al
        jmp say
off:    mov dx, 0x604
        mov ax, 0x2000
        out dx, ax
        hlt
words:  db 'Linux version 6.1.0 (me)', 13, 10, 0
"""
    _, judgement = booted(disk(tmp_path, says_and_leaves), route="disk", until="shutdown")
    assert judgement.verdict is Verdict.BAD, judgement.summary


@pytest.mark.long
def test_pattern_on_the_screen(tmp_path: Path) -> None:
    kernel = talking_kernel(tmp_path, b"\r\nx\r\n", screen=b"Welcome to it")
    trace, judgement = booted(kernel, until_screen="Welc..e to")
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.marker
    assert trace.marker.on == "screen"
    _, judgement = booted(kernel, until_screen="Goodbye", fail_on="to it")
    assert judgement.cause == "fail-on-seen"
    assert judgement.summary.startswith("the screen said")
    # what the BIOS has left there is not the kernel's
    _, judgement = booted(kernel, until_screen="Booting from", **WAITS)
    assert judgement.cause == "marker-not-seen"
    assert re.search(r"on the screen in \d+ s", judgement.summary)


def test_screen_that_is_read_is_not_disturbed(tmp_path: Path) -> None:
    """A guest reads a VGA register through the index that it has set, over and over."""
    watches = """
        mov dx, 0x3d4
        mov al, 0x0a
        out dx, al
        mov cx, 0xffff
        mov bp, 40
again:  in al, dx
        cmp al, 0x0a
        jne spoilt
        loop again
        mov cx, 0xffff
        dec bp
        jnz again
        mov si, fine
        jmp say
spoilt: mov si, words
say:    lodsb
        test al, al
        jz $
        mov dx, 0x3f8
        out dx, al
        jmp say
fine:   db 'all was as I had left it', 13, 10, 0
words:  db 'somebody has been at my VGA', 13, 10, 0
"""
    _, judgement = booted(
        disk(tmp_path, watches), route="disk", until_screen="never",
        fail_on=("somebody", "all was"), timeout_s=60,
    )  # fmt: skip
    assert "all was as I had left it" in judgement.summary


def test_what_is_asked_on_the_serial_line_is_answered_there(tmp_path: Path) -> None:
    kernel = talking_kernel(tmp_path, b"\r\nbox login: ", "asks")
    trace, judgement = booted(kernel, until="thanks", send="login:=>root<enter>")
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert "'root<enter>' typed at 'login:'" in judgement.summary
    assert [(each.line, each.on) for each in trace.sent] == [("box login:", "serial line")]
    assert "login: root" in trace.serial
    # who is not asked a second time has not answered twice
    trace, judgement = booted(kernel, until="thanks", send=["login:=>root<enter>", "login:=>x"])
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "prompt-not-seen")
    assert "'login:' was not seen by then, so 'x' was not typed" in judgement.summary
    assert len(trace.sent) == 1


@pytest.mark.long
def test_own_userspace_of_a_debian_kernel(debian: str) -> None:
    """The tiny /init is given for what comes behind the banner, too."""
    _, judgement = booted(debian, until="Run /init as", timeout_s=300)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    trace, judgement = booted(debian, until="shutdown", fail_on="WARNING: CPU", timeout_s=300)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert "userspace alive" in judgement.summary
    assert json.loads(encode(document(trace, judgement)))["fail_on"] == ["WARNING: CPU"]


def test_boot_that_takes_the_guest_longer_than_it_may_is_too_slow(tmp_path: Path) -> None:
    """Of 100 million instructions, whatever the host does meanwhile."""
    kernel = talking_kernel(tmp_path, b"", "works", loops=50_000_000)
    _, judgement = booted(kernel, until="done", at_most_s=2)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    trace, judgement = booted(kernel, until="done", at_most_s=0.1)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "too-slow")
    assert trace.guest_s
    assert 0.1 < trace.guest_s < 0.5  # it waits for its disk, too
    assert judgement.summary == (
        f"'done' was reached after {trace.guest_s:.3f} s by the guest's own clock; at most 0.1 s "
        "were asked for"
    )


@pytest.mark.long
def test_hunt_for_what_became_slower(tmp_path: Path) -> None:
    """Each is a little slower than the one before, and one much."""
    kernels = [
        talking_kernel(tmp_path, b"", "works", name=f"v{number}",
                       loops=10_000_000 + 100_000 * number + (90_000_000 if number > 2 else 0))
        for number in range(5)
    ]  # fmt: skip
    plan = BootPlan(until="done", timeout_s=120)
    result = bisect(kernels, plan, slower=True, jobs=1, history=tmp_path / "history.sqlite3",
                    log=tmp_path / "hunt.jsonl")  # fmt: skip
    assert result.answer, result.lost
    assert (result.answer.good.source, result.answer.bad.source) == (kernels[2], kernels[3])
    assert "which is all that the ends differ by" in result.answer.conclusion
    assert result.hunted.startswith("too-slow: more than 0.")


@pytest.mark.long
def test_hunt_for_a_warning_that_appeared(tmp_path: Path) -> None:
    """One of the good ones switches itself off, which is another matter."""
    warning = b"WARNING: CPU: 0 PID: 1\r\n"
    kernels = [
        talking_kernel(
            tmp_path,
            b"\r\n" + (warning if number > 3 else b"") + (b"" if number == 2 else b"login: "),
            "switches off" if number == 2 else "waits",
            name=f"v{number}",
        )
        for number in range(7)
    ]
    plan = BootPlan(until="login:", fail_on=("WARNING: CPU",), timeout_s=60)
    result = bisect(
        kernels, plan, jobs=1, history=tmp_path / "history.sqlite3", log=tmp_path / "hunt.jsonl"
    )
    assert result.answer, result.lost
    assert (result.answer.good.source, result.answer.bad.source) == (kernels[3], kernels[4])
    assert result.hunted == "fail-on-seen: 'WARNING: CPU'"
    assert "(fail-on-seen: 'WARNING: CPU')" in result.answer.conclusion
    assert result.hunted in hunt_document(result)["hunted"]
    assert "hunted: fail-on-seen: 'WARNING: CPU'" in hunt_markdown(result).replace("\\", "")
    assert "fail-on-seen: &#39;WARNING: CPU&#39;" in hunt_html(result)
