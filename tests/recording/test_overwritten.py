"""A loader that copies something over its own code."""

from msgspec.structs import replace

from bootharness.recording.footsteps import Step
from bootharness.recording.overwritten import overwritten, took_half
from tests.recording.test_origin import walked

COPIES, COPIES_BY_EDI = "66f3a5", "6766f3a5"


def steps(wrote: range, code: str = COPIES, **values: int) -> list[Step]:
    """Return a step at 0x7c00, and one at 0x7c01 that copies."""
    first, copy = walked(("90", {}), (code, values))
    return [first, replace(copy, wrote=wrote)]


def test_a_copy_over_what_was_executed_is_told() -> None:
    assert overwritten(steps(range(0x7000, 0x7C01))) == 1
    assert overwritten(steps(range(0x7000, 0x7C00))) is None
    assert overwritten(steps(range(0x7C01, 0x7D00))) is None


def test_a_copy_that_goes_by_half_of_edi_is_guilty_of_that() -> None:
    assert took_half(steps(range(0), edi=0x100000)[1])
    assert took_half(steps(range(0), edi=0x8000)[1]) is None
    assert took_half(steps(range(0), COPIES_BY_EDI, edi=0x100000)[1]) is None
