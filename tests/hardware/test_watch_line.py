"""What is made of a line's bytes, without a machine: those that come, and those that do not."""

import re
from collections.abc import Iterable

import pytest

from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.errors import LineLost
from bootharness.hardware.heard_line import HeardLine
from bootharness.hardware.watch_line import Booted, watch_line
from bootharness.report.document import document, encode, read_trace
from bootharness.trace.boot_trace import BootTrace
from tests.formats.test_serial_record import CALLER, LOG, MOVE, Recorder, boot

STEP_S = 0.5
SEABIOS = b"SeaBIOS (version 1.16.2)\r\nBooting from Hard Disk...\r\n"


class Said:
    """A line on which pieces come half a second apart, then nothing, or its end."""

    def __init__(self, pieces: Iterable[bytes], *, lost: bool = False) -> None:
        self.pieces, self.lost, self.now = [*pieces], lost, 0.0

    def read(self, timeout_s: float) -> bytes:
        self.now += STEP_S
        if self.pieces:
            return self.pieces.pop(0)
        if self.lost:
            raise LineLost("the line to apu2 has ended")
        return b""

    def write(self, data: bytes) -> None:
        raise AssertionError(data)

    def close(self) -> None:
        raise AssertionError

    def clock(self) -> float:
        return self.now


def heard(
    *pieces: bytes, until: str = "setup", recorder: bool = True, lost: bool = False
) -> BootTrace:
    line = Said(pieces, lost=lost)
    booted = Booted("apu2", until=until, route="disk", recorder=recorder)
    return watch_line(line, booted, timeout_s=100, silence_s=10, start_s=30, clock=line.clock)


def judged(*pieces: bytes, **how: object) -> Judgement:
    return judge(heard(*pieces, **how))  # type: ignore[arg-type]


def skips(judgement: Judgement, words: str) -> None:
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "line-lost"), judgement.summary
    assert words in judgement.summary


def test_a_handoff_is_as_far_as_wanted() -> None:
    trace = heard(LOG)
    assert trace.ending.kind == "reached"
    assert trace.handoff
    assert trace.handoff.registers.fs == 7
    assert [call.table is not None for call in trace.bios_calls[2:5]] == [True] * 3
    assert judge(trace).verdict is Verdict.GOOD
    assert read_trace(encode(document(trace, judge(trace)))) == trace


def test_a_mute_line_proves_nothing() -> None:
    skips(judged(), "nothing at all came over the line")


def test_a_line_that_ends_proves_nothing() -> None:
    skips(judged(LOG[:200], lost=True), "the line to apu2 has ended")


def test_another_baud_rate_proves_nothing() -> None:
    skips(judged(bytes(range(0x80, 0xF0)) * 4, recorder=False), "baud rate")
    skips(judged(bytes(range(0x80, 0xF0)) * 4), "baud rate")


@pytest.mark.parametrize("item", range(1, len(boot()) - 1))
def test_a_line_that_loses_something_proves_nothing(item: int) -> None:
    items = boot()
    del items[item]
    skips(judged(b"".join(items)), "loses or changes bytes")


def test_a_second_recorder_is_a_reset() -> None:
    trace = heard(LOG[:120], LOG, until="banner")
    assert trace.ending.kind == "guest-reset"
    assert judge(trace).cause == "machine-reset"
    assert trace.ending.seconds == 2 * STEP_S


def test_a_firmware_that_begins_again_is_a_reset_without_a_recorder() -> None:
    judgement = judged(SEABIOS, b"stage1: hello\r\n", SEABIOS, recorder=False, until="banner")
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "machine-reset")
    assert "the firmware began again" in judgement.summary


def test_stages_of_one_firmware_are_no_reset() -> None:
    stages = (b"coreboot-4.12 %s starting...\r\n" % name for name in (b"bootblock", b"romstage"))
    judgement = judged(*stages, SEABIOS, recorder=False, until="banner")
    assert judgement.verdict is Verdict.SKIP


def test_a_kernel_that_panics_says_so_without_a_recorder() -> None:
    said = b"Linux version 6.1 (x)\r\n[ 0.1] Kernel panic - not syncing: VFS: no root\r\n"
    judgement = judged(SEABIOS, said, recorder=False, until="init")
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "kernel-panic")


def test_a_kernel_that_greets_is_good_without_a_recorder() -> None:
    said = b"Linux version 6.1 (x)\r\n"
    judgement = judged(SEABIOS, said, recorder=False, until="banner")
    assert judgement.verdict is Verdict.GOOD
    assert "memory was not compared" in judgement.summary


def test_a_recorder_that_does_not_come_proves_nothing() -> None:
    judgement = judged(SEABIOS)
    assert judgement.verdict is Verdict.SKIP


def test_who_calls_and_is_silent_hangs() -> None:
    to = Recorder()
    log = to.installed() + to.frame(0x82, MOVE)
    assert judged(log + to.short(0x1D, 0xDE)).cause == "stage1-hang"
    assert judged(log).cause == "bios-hang"


def test_who_waits_for_a_key_says_so() -> None:
    to = Recorder()
    registers = bytes(36)
    log = to.installed() + to.frame(0x83, b"\x16\x00" + CALLER + registers)
    judgement = judged(log)
    assert judgement.cause == "stage1-hang"
    assert "waits for a key" in judgement.summary


def test_a_pattern_is_found_in_pieces_and_only_what_is_new_is_searched() -> None:
    """A line of a hundred thousand pieces is searched in a time that grows as it does."""
    goal = Counting(rb"^ready: (\w+)\r\n", re.MULTILINE)
    line = HeardLine([], re.compile(b"^none$"), goal)  # type: ignore[arg-type]
    for number in range(2_000):
        line.feed(b"x" * 99 + b"\n", float(number))
    assert goal.searched < 3 * 2_000 * 4_196
    for piece in (b"not ready: at", b" all\r\nrea", b"dy: lo", b"gin\r\nready: twice\r\n"):
        assert line.found is None
        line.feed(piece, 1.0)
    assert line.found == "ready: login\r\n"


class Counting:
    """A pattern that counts the bytes that it is looked for in."""

    def __init__(self, pattern: bytes, flags: re.RegexFlag) -> None:
        self._pattern, self.searched = re.compile(pattern, flags), 0

    def search(self, text: bytes, start: int = 0) -> re.Match[bytes] | None:
        self.searched += len(text) - start
        return self._pattern.search(text, start)
