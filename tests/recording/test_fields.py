"""What is followed back, of traces of which not all is known."""

from itertools import combinations

import pytest
from msgspec.structs import replace

from bootharness.recording.fields import FOLLOWED, fields_of
from bootharness.recording.questions import questions
from tests.support.fuzz_files import TRACE

_KNOWN = ("kernel", "disk", "loader", "machine", "handoff")
_UNKNOWN = [lacks for size in range(1, 6) for lacks in combinations(_KNOWN, size)]


@pytest.mark.parametrize("cause", FOLLOWED)
def test_every_cause_can_be_asked_of_a_trace_of_which_not_all_is_known(cause: str) -> None:
    for lacks in _UNKNOWN:
        trace = replace(TRACE, **dict.fromkeys(lacks))
        assert None not in (*fields_of(trace, cause), *questions(trace, cause))


def test_a_destination_is_followed_only_where_something_was_to_be_placed() -> None:
    assert fields_of(replace(TRACE, kernel=None, disk=None), "destination-wrapped") == ()
