"""What is left when the harness and its janitor are killed together."""

import os
import random
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from bootharness.host.workspace import Workspace
from tests.boot.test_lifecycle import HANG, KERNEL
from tests.support.builders import edited_stage1
from tests.support.kills import kill_once
from tests.support.processes import COMMAND, environment, eventually, processes_with


@pytest.mark.parametrize("tracer", ["recorder", "both"])
def test_no_process_outlives_harness_and_janitor_and_the_next_start_sweeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracer: str
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    edited_stage1(tmp_path, lambda source: source.replace(*HANG), "hang.asm")
    arguments = ("boot", KERNEL, "--loader", tmp_path / "hang.asm", "--tracer", tracer, "-v")
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=environment(TMPDIR=str(folder)),
        stdout=subprocess.PIPE,
        text=True,
    ) as harness:
        assert harness.stdout
        next(line for line in harness.stdout if "LBA 2052" in line)
        running = processes_with(str(folder))
        assert any("qemu-system" in each for each in running)
        [janitor] = [int(each.split()[0]) for each in running if "janitor" in each]
        for pid in (janitor, harness.pid):
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: processes_with(str(folder)))
    [left] = folder.iterdir()
    assert (left / "disk.img").exists()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with Workspace() as workspace:
        assert list(folder.iterdir()) == [workspace.path]


def test_workspace_that_is_in_use_and_folders_of_others_are_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "bootharness-results").mkdir()
    (tmp_path / "bootharness-ws-abcdefgh").write_text("a file of somebody's")
    with Workspace() as first, Workspace() as second:
        assert first.path.is_dir()
        assert second.path.is_dir()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_left_whenever_they_are_killed(tmp_path: Path, seed: int) -> None:
    kill_once(random.Random(seed), tmp_path)
