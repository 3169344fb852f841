"""A workspace and its end, whatever is left to be ended."""

import signal
import subprocess
from pathlib import Path

import pytest

from bootharness.host.workspace import Workspace


def test_janitor_that_does_not_end_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = Workspace()
    wait, limits = subprocess.Popen.wait, []

    def never(janitor: "subprocess.Popen[bytes]", timeout: float | None = None) -> int:
        assert timeout is not None
        limits.append(timeout)
        wait(janitor)
        raise subprocess.TimeoutExpired(janitor.args, timeout)

    with monkeypatch.context() as patched:
        patched.setattr(subprocess.Popen, "wait", never)
        workspace.close()
    assert len(limits) == 1
    assert not workspace.path.exists()


@pytest.mark.parametrize("path", ["/not/here", ""])
def test_janitor_does_its_work_whatever_programs_we_have(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path)
    workspace = Workspace()
    assert workspace._janitor.stdin
    workspace._janitor.stdin.close()  # as when we are killed
    assert workspace._janitor.wait(60) == -signal.SIGKILL
    assert not workspace.path.exists()
    workspace.close()


def test_janitor_does_not_try_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, status in (("rm", 1), ("sleep", 0)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {status}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    workspace = Workspace()
    assert workspace._janitor.stdin
    workspace._janitor.stdin.close()
    assert workspace._janitor.wait(60) == -signal.SIGKILL
    workspace.close()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, FileNotFoundError),
        ("", OSError),
        ("not a program", OSError),
        ("#!/no/such/interpreter\n", FileNotFoundError),
        ("#!\n", OSError),
    ],
)
def test_program_that_cannot_run_is_told_from_one_that_fails(
    tmp_path: Path, content: str | None, error: type[OSError]
) -> None:
    path = tmp_path / "program"
    if content is not None:
        path.write_text(content)
        path.chmod(0o755)
    with Workspace() as workspace, pytest.raises(error):
        workspace.start([str(path)])
    with Workspace() as workspace, pytest.raises(error):
        workspace.start_untrusted([str(path)])
