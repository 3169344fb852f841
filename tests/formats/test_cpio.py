"""The initrd archive, against the cpio that everybody has."""

import shutil
import subprocess

import pytest

from bootharness.formats.cpio import CpioEntry, build
from bootharness.kernels.initrd import INIT_MARKER, tiny_initrd


@pytest.mark.skipif(not shutil.which("cpio"), reason="cpio is not installed")
def test_cpio_lists_what_we_pack() -> None:
    done = subprocess.run(
        ["cpio", "-itv", "--quiet"], input=tiny_initrd(wide=True), capture_output=True, check=True
    )
    lines = done.stdout.decode().splitlines()
    assert [line.split()[-1] for line in lines] == ["dev", "dev/console", "init"]
    assert lines[0].startswith("drwxr-xr-x")
    assert lines[1].startswith("crw-------")
    assert "5,   1" in lines[1]
    assert lines[2].startswith("-rwxr-xr-x")


def test_archive_is_aligned_and_ends_as_newc_does() -> None:
    archive = build((CpioEntry("a", 0o100644, b"12345"),))
    assert archive.startswith(b"070701")
    assert len(archive) % 4 == 0
    assert archive.rstrip(b"\0").endswith(b"TRAILER!!!")
    assert build((CpioEntry("a", 0o100644, b"12345"),)) == archive


@pytest.mark.parametrize(("wide", "machine"), [(True, 62), (False, 3)])
def test_init_is_an_elf_for_its_machine(wide: bool, machine: int) -> None:
    archive = tiny_initrd(wide=wide)
    elf = archive[archive.index(b"\x7fELF") :]
    assert elf[4] == (2 if wide else 1)
    assert int.from_bytes(elf[18:20], "little") == machine
    assert INIT_MARKER.encode() in elf
    assert len(archive) < 1024
