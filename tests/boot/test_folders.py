"""TMPDIR may be any folder that can be written: relative, or deeper than a socket's path may be."""

import os
from pathlib import Path

import pytest

from tests.support.processes import run

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
