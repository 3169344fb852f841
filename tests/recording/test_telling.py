"""Where a value came from, or a loader went, in words."""

from bootharness.recording.found import Answer, Found
from bootharness.recording.telling import told
from tests.recording.test_origin import field


def test_where_none_is_guilty_it_is_told_of_what() -> None:
    nowhere = Found((), None, "goes to where nobody has put any code")
    assert told(Answer(nowhere), None).sentence == f"the loader {nowhere.why}"
    never = Found((), None, "no instruction of the loader ever wrote it")
    assert (
        told(Answer(never, field(7), 3), None).sentence == f"it (0x3 instead of 0x7): {never.why}"
    )
