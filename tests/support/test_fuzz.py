"""The fuzzing targets, for a moment each, and what fuzzing has found."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygdbmi.gdbmiparser import parse_response

from tests.support.fuzz import TARGETS, seeds
from tests.support.fuzz_files import FILE_TARGETS


@pytest.mark.parametrize("name", sorted(set(TARGETS) - set(FILE_TARGETS)))
@given(data=st.binary(max_size=900))
def test_any_bytes_get_an_answer(name: str, data: bytes) -> None:
    TARGETS[name](data)


@pytest.mark.parametrize("name", FILE_TARGETS)
def test_damaged_files_get_an_answer(name: str) -> None:
    for seed in range(10 if name == "history" else 50):
        FILE_TARGETS[name](random.Random(seed).randbytes(12))


@pytest.mark.parametrize("line", ["^done,a=[", '^done,a=[{b="x"]}', "^d,a=[,^"])
def test_list_without_an_end_is_no_gdb_mi(line: str) -> None:
    with pytest.raises(ValueError, match="a list has no end"):
        parse_response(line)


def test_every_target_has_a_seed() -> None:
    found = seeds()
    assert set(found) == set(TARGETS)
    for name, seed in found.items():
        TARGETS[name](seed)
