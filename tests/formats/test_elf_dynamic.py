"""What programs need, against readelf."""

import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootharness.errors import FormatError
from bootharness.formats.elf_dynamic import dynamic_of, is_elf
from bootharness.formats.modinfo import modinfo

PROGRAMS = [sys.executable, "/bin/sh", "/usr/bin/qemu-system-i386", "/usr/bin/gdb", "/bin/busybox"]


@pytest.mark.skipif(not shutil.which("readelf"), reason="binutils are not installed")
@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_what_readelf_says(program: str) -> None:
    if not Path(program).exists() or not is_elf(Path(program).read_bytes()):
        pytest.skip(f"there is no {program}, or it is a script")
    said = subprocess.run(["readelf", "-Wld", program], capture_output=True, text=True, check=True)
    found = dynamic_of(Path(program).read_bytes())
    assert list(found.needed) == re.findall(r"\(NEEDED\).*\[(.*)\]", said.stdout)
    paths = re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", said.stdout)
    assert ":".join(found.paths) == ":".join(paths)
    interpreter = re.search(r"program interpreter: (.*)\]", said.stdout)
    assert found.interpreter == (interpreter[1] if interpreter else "")


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"#!/bin/sh\n", "not an ELF file"), (b"\x7fELF", "of no PC"),
     (b"\x7fELF\2\2" + bytes(60), "of no PC"), (b"\x7fELF\2\1" + b"\xff" * 60, "damaged")],
)  # fmt: skip
def test_what_is_none_is_told(data: bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        dynamic_of(data)


@given(st.binary(max_size=300), st.sampled_from([b"\x7fELF\1\1", b"\x7fELF\2\1"]))
def test_no_bytes_do_harm(data: bytes, head: bytes) -> None:
    with suppress(FormatError):
        dynamic_of(head + data)
    with suppress(FormatError):
        modinfo(head + data)
