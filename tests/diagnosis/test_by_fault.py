"""The fault of a disk that is behind a finding."""

import pytest

from bootharness.diagnosis.by_fault import overlap


@pytest.mark.parametrize(
    ("other", "common"),
    [
        (range(4), False),
        (range(5), True),
        (range(5, 6), True),
        (range(7, 9), True),
        (range(8, 9), False),
    ],
)
def test_sectors_side_by_side_have_none_in_common(other: range, *, common: bool) -> None:
    assert overlap(range(4, 8), other) is common
    assert overlap(other, range(4, 8)) is common
