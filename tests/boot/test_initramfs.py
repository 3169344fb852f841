"""An initramfs made here, in a kernel that Debian ships: its modules load and its programs run."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from bootharness.cli import bootharness
from bootharness.initramfs.sources import modules_of
from bootharness.kernels.source import fetch
from tests.support.faults import DEBIAN

pytestmark = pytest.mark.skipif(
    not shutil.which("busybox"), reason="busybox-static is not installed"
)


def test_modules_load_and_scripts_and_programs_run(tmp_path: Path) -> None:
    modules = modules_of(fetch(DEBIAN), None)
    assert modules
    (tmp_path / "dummy.ko").write_bytes(modules.content("kernel/drivers/net/dummy.ko"))
    script = "ls /init /lib/modules/*/updates/dummy.ko && grep -o ^dummy /proc/modules"
    (tmp_path / "a.sh").write_text(f"#!/bin/sh\n{script} && grep -o ^dm_crypt /proc/modules\n")
    (tmp_path / "m").write_text("bin ls\nautorun a.sh\nkmod dm-crypt\nkmod ./dummy.ko\n")
    image = tmp_path / "guest.img"
    wanted = [str(image), "--kernel", DEBIAN, "--manifest", str(tmp_path / "m")]
    made = CliRunner().invoke(bootharness, ["initramfs", *wanted])
    assert made.exit_code == 0, made.output
    done = CliRunner().invoke(
        bootharness,
        ["boot", DEBIAN, "--route", "direct", "--initrd", str(image), "--until", "^dm_crypt"],
    )
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--module", "dm-crypt"], "modules are of one kernel: name it with --kernel"),
        (["--bin", "no-such-program"], "there is no program no-such-program here"),
        (["--kernel", "selfcheck:1000000", "--module", "a"], "kmod needs the kernel's modules"),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path: Path, words: list[str], said: str) -> None:
    done = CliRunner().invoke(bootharness, ["initramfs", str(tmp_path / "x"), *words])
    assert said in str(done.exception or done.output)
    assert not (tmp_path / "x").exists()


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    done = CliRunner().invoke(bootharness, ["initramfs", str(tmp_path / "x")])
    assert "it is there already" in str(done.exception)
    assert (tmp_path / "x").read_text() == "mine"
