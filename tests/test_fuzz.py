"""The fuzzing targets, for a moment each, and what fuzzing has found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import TARGETS


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=900))
def test_any_bytes_get_an_answer(name: str, data: bytes) -> None:
    TARGETS[name](data)
