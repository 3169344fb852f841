"""Programs of this host and their libraries, against ldd."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.formats.elf_dynamic import is_elf
from bootharness.initramfs.programs import closure, found


@pytest.mark.parametrize("name", ["sh", "gdb", "git", "qemu-img", "openssl"])
def test_libraries_are_those_that_ldd_finds(name: str) -> None:
    path = found(name, Path())
    if path is None or not shutil.which("ldd") or not is_elf(path.read_bytes()):
        pytest.skip(f"there is no {name}, it is a script, or there is no ldd")
    said = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    libraries = {Path(each).resolve() for each in re.findall(r"(/\S+) \(0x", said)}
    ours = {each.resolve() for each in closure(path)}
    assert ours == libraries | {path.resolve()}


def test_script_brings_what_its_first_line_names(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh -e\nexit 0\n")
    assert Path("/bin/sh") in closure(script)


def test_library_that_is_not_here_is_told_with_who_needs_it(tmp_path: Path) -> None:
    path = found("sh", Path())
    assert path
    data = path.read_bytes()
    assert b"libc.so.6\0" in data
    program = tmp_path / "program"
    program.write_bytes(data.replace(b"libc.so.6\0", b"libq.so.6\0"))
    with pytest.raises(UsageError, match=r"program: its library libq\.so\.6 is not here"):
        closure(program)


def test_program_by_its_path_is_one_from_the_manifests_folder(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("#!/bin/sh\n")
    assert found("./own", tmp_path) == tmp_path / "own"
    assert found("./other", tmp_path) is None
    assert found("no-such-program", tmp_path) is None


def test_what_no_guest_runs_is_told(tmp_path: Path) -> None:
    script, path = tmp_path / "script", found("sh", Path())
    script.write_text("#!/no/such/interpreter\n")
    with pytest.raises(UsageError, match="script needs /no/such/interpreter: No such file"):
        closure(script)
    assert path
    other = tmp_path / "other"
    data = bytearray(path.read_bytes())
    data[18] = 183  # e_machine
    other.write_bytes(data)
    with pytest.raises(UsageError, match="other: a program for arm64, and the guest is a PC"):
        closure(other)
