"""A stack that lies in the loader's own code."""

from bootharness.recording.stacked import stacked_on_code
from tests.recording.test_ended import at_int
from tests.recording.test_origin import walked

CALLS = "cd13"


def stacked(top: int) -> list[int]:
    """Return at which of three steps, at 0x7c00 to 0x7c02, a call's frame is put over code."""
    steps = at_int(walked(("90", {"esp": top}), (CALLS, {"esp": top}), ("90", {"esp": top})))
    return [at for at, _ in stacked_on_code(steps)]


def test_a_frame_over_what_is_executed_is_told() -> None:
    assert stacked(0x7C04) == [1]
    assert stacked(0x7C08) == [1]


def test_a_stack_below_the_code_or_far_behind_what_is_executed_is_none() -> None:
    assert stacked(0x7C00) == []
    assert stacked(0x7C09) == []
    assert stacked(0x7E00) == []
    assert stacked(0x6F00) == []
