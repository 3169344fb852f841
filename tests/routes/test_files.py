"""Files that a boot is given: regular ones, and others are refused at once."""

import os
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.plan import BootPlan, choose
from bootharness.routes.loader import Loader
from bootharness.routes.table import ROUTES


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A pipe that nobody writes to."""
    path = tmp_path / "loader.toml"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("option", ["initrd", "bios"])
def test_pipes_devices_and_folders_are_refused(pipe: Path, option: str) -> None:
    for path in (pipe, Path("/dev/zero"), pipe.parent):
        plan = choose(BootPlan(), {option: str(path)})
        with pytest.raises(UsageError, match=f"^{path}: not a regular file$"):
            ROUTES["mbr"].check(plan)
    with pytest.raises(UsageError, match="no such file"):
        ROUTES["mbr"].check(choose(BootPlan(), {option: str(pipe.with_name("none"))}))


@pytest.mark.parametrize("name", ["loader.bin", "loader.elf", "loader.asm"])
def test_profile_that_is_a_pipe_is_refused(pipe: Path, name: str) -> None:
    pipe.with_name(name).write_bytes(b"\x90")
    with pytest.raises(UsageError, match="a pipe or a device"):
        Loader.read(pipe.with_name(name))


@pytest.mark.parametrize("name", ["loader.bin", "loader.elf", "loader.asm"])
def test_loader_that_is_a_pipe_is_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match="a pipe or a device"):
        Loader.read(tmp_path / name)
