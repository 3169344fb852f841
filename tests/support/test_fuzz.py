"""The fuzzing targets, for a moment each, and what fuzzing has found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fuzz import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=900))
def test_any_bytes_get_an_answer(name: str, data: bytes) -> None:
    TARGETS[name](data)


def test_every_target_has_a_seed() -> None:
    found = seeds()
    assert set(found) == set(TARGETS)
    for name, seed in found.items():
        TARGETS[name](seed)
