"""What a judgement says to those who only ask whether the boot is good."""

import pickle

import pytest

from bootharness.diagnosis import Diagnosis, Judgement, Verdict
from bootharness.errors import CouldNotFindOut

WRAPPED = Diagnosis("destination-wrapped", "block move 242 went to 0x001c00\x1b[2J")
SILENT = Diagnosis("kernel-silent", "the kernel runs and says nothing")
BAD = Judgement(Verdict.BAD, WRAPPED.sentence, WRAPPED, (SILENT,))
SKIP = Judgement(Verdict.SKIP, SILENT.sentence, SILENT)


def test_good_boot_is_good_with_warnings_too() -> None:
    Judgement(Verdict.GOOD, "reached init", warnings=("a read was made twice",)).require_good()


def test_bad_boot_is_one_line_that_nothing_of_a_guest_can_break() -> None:
    with pytest.raises(AssertionError) as raised:
        BAD.require_good()
    assert str(raised.value) == (r"BAD destination-wrapped: block move 242 went to 0x001c00\x1b[2J")


def test_what_was_not_found_out_is_neither_good_nor_a_bad_kernel() -> None:
    with pytest.raises(CouldNotFindOut, match=SILENT.sentence) as raised:
        SKIP.require_good()
    assert raised.value.cause == "kernel-silent"
    there_and_back = pickle.loads(pickle.dumps(raised.value))
    assert (str(there_and_back), there_and_back.cause) == (SILENT.sentence, "kernel-silent")


@pytest.mark.parametrize("judgement", [BAD, SKIP])
def test_a_test_that_asks_is_shown_by_its_own_line(judgement: Judgement) -> None:
    with pytest.raises((AssertionError, CouldNotFindOut)) as raised:
        judgement.require_good()
    shown = [entry.name for entry in raised.traceback.filter(raised)]
    assert shown
    assert "require_good" not in " ".join(shown)


def test_what_was_not_found_out_needs_no_cause() -> None:
    with pytest.raises(CouldNotFindOut) as raised:
        Judgement(Verdict.SKIP, "who knows").require_good()
    assert raised.value.cause == "not found out"


@pytest.mark.parametrize(
    ("judgement", "short"),
    [
        (Judgement(Verdict.GOOD, "reached init"), "<Judgement good>"),
        (BAD, "<Judgement bad: destination-wrapped>"),
        (SKIP, "<Judgement skip: kernel-silent>"),
    ],
)
def test_is_short_where_a_test_shows_it(judgement: Judgement, short: str) -> None:
    assert repr(judgement) == short
