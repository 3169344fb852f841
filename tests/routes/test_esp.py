"""What an EFI system partition can hold."""

import os
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.routes.esp import write_esp


def test_a_file_that_no_fat_holds_is_told_with_its_size(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.touch()
    os.truncate(large, 1 << 32)
    with pytest.raises(UsageError, match="initrd, of 4,294,967,296 bytes, cannot be on an EFI"):
        write_esp(tmp_path / "disk.img", {"initrd": large})
    assert not (tmp_path / "disk.img").exists()
