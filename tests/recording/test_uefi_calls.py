"""Positions of a UEFI's calls: found by the recorder's code, and checked as a stranger's."""

from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.machine.rom import uefi_sender, write_rom, write_uefi_rom
from bootharness.recording.manifest import CALLS
from bootharness.recording.uefi_calls import read_called_at

END = 1000


def test_the_code_that_sends_is_found_in_the_rom_for_a_uefi_alone(tmp_path: Path) -> None:
    rom = write_uefi_rom(tmp_path).read_bytes()
    at = uefi_sender(rom)
    assert at is not None
    assert rom.count(rom[at : at + 4]) == 1
    assert b"\xba\x08\x06\0\0" in rom[at : at + 32]  # mov edx, PM_TIMER
    path, _ = write_rom(tmp_path)
    assert uefi_sender(path.read_bytes()) is None


@pytest.mark.parametrize("said", ["[]", "[0]", "[1, 1, 1000]"])
def test_positions_are_read(said: str, tmp_path: Path) -> None:
    (tmp_path / CALLS).write_text(said)
    assert str(list(read_called_at(tmp_path, END))) == said


@pytest.mark.parametrize(
    "said", ["", "{}", "[2, 1]", "[1001]", "[-1]", "[1.5]", '["1"]', "[1" + "0" * 40 + "]", "[[1]]"]
)
def test_what_are_no_positions_is_one_sentence(said: str, tmp_path: Path) -> None:
    (tmp_path / CALLS).write_text(said)
    with pytest.raises(UsageError, match=f"{CALLS}: (not the positions|these are positions)"):
        read_called_at(tmp_path, END)
