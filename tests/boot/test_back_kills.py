"""What is left when somebody is killed who records a boot, or plays it."""

from pathlib import Path

import pytest

from tests.support.kills_back import (
    BY_UEFI,
    WAYS,
    WHILE,
    kept_boot,
    kill_debug,
    kill_recording,
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept_boot(tmp_path_factory.mktemp("kept"))


@pytest.mark.sample(4)
@pytest.mark.parametrize("when", WHILE)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left_of_gdb_and_a_recording(
    kept: Path, tmp_path: Path, way: str, when: str
) -> None:
    kill_debug(kept, tmp_path, way, when)


@pytest.mark.sample(2)
@pytest.mark.parametrize("janitors", [False, True])
@pytest.mark.parametrize("word", ["rr=record", "rr=replay"])
def test_nothing_is_left_of_a_boot_that_is_being_recorded(
    tmp_path: Path, word: str, janitors: bool
) -> None:
    kill_recording(tmp_path, word, janitors=janitors)


@pytest.fixture(scope="module")
def kept_by_uefi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept_boot(tmp_path_factory.mktemp("by-uefi"), BY_UEFI)


@pytest.mark.long
@pytest.mark.sample(3)
@pytest.mark.parametrize("when", WHILE)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left_of_gdb_and_a_recording_of_a_uefi(
    kept_by_uefi: Path, tmp_path: Path, way: str, when: str
) -> None:
    kill_debug(kept_by_uefi, tmp_path, way, when, tape=BY_UEFI)


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize("janitors", [False, True])
@pytest.mark.parametrize("word", ["rr=record", "rr=replay"])
def test_nothing_is_left_of_a_boot_by_a_uefi_that_is_being_recorded(
    tmp_path: Path, word: str, janitors: bool
) -> None:
    kill_recording(tmp_path, word, janitors=janitors, tape=BY_UEFI)
