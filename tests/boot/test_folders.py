"""TMPDIR may be any folder that can be written: relative, or deeper than a socket's path may be."""

import os
from pathlib import Path

import pytest

from tests.support.processes import eventually, run

KERNEL = "selfcheck:100000"


@pytest.mark.parametrize("words", [(), ("--tracer", "both"), ("--route", "ipxe-http")])
def test_boot_with_a_tmpdir_deeper_than_a_sockets_path(
    folder: Path, words: tuple[str, ...]
) -> None:
    done = run("boot", KERNEL, *words, TMPDIR=str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [*folder.iterdir()]


@pytest.mark.parametrize("words", [(), ("--route", "ipxe-http")])
def test_boot_with_a_relative_tmpdir(words: tuple[str, ...], tmp_path: Path) -> None:
    relative = os.path.relpath(tmp_path)
    assert not Path(relative).is_absolute()
    done = run("boot", KERNEL, *words, TMPDIR=relative)
    assert done.returncode == 0, done.stdout + done.stderr


def test_memory_that_no_machine_has_is_wrong_usage() -> None:
    done = run("boot", KERNEL, "--memory", str(1 << 70))
    assert done.returncode == 129
    assert "memory 1180591620717411303424: it can be at most 1,048,576" in done.stderr


@pytest.mark.parametrize("command", ["boot", "predict"])
@pytest.mark.parametrize("home", ["/proc/none", ""])
def test_a_home_that_cannot_be_written_to_does(command: str, home: str, tmp_path: Path) -> None:
    without = {"HOME": home, "XDG_CACHE_HOME": "", "BOOTHARNESS_CACHE": "", "TMPDIR": str(tmp_path)}
    if not home:  # nor may the user's own be written to by a test
        without["XDG_CACHE_HOME"] = "/proc/none"
    done = run(command, KERNEL, **without)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not Path("/.cache").exists()
    eventually(tmp_path.iterdir)


def test_a_cache_that_is_named_and_cannot_be_written_to_is_not_gone_round() -> None:
    done = run("boot", KERNEL, BOOTHARNESS_CACHE="/proc/none")
    assert done.returncode == 125
    assert "/proc/none" in done.stdout + done.stderr
    assert "BOOTHARNESS_CACHE can name another folder" in done.stdout + done.stderr
