"""A disk that is written by the machine itself, and only if it is the one that was named."""

import subprocess
import sys
from pathlib import Path

import pytest

from bootharness.network.namespace import why_no_namespace
from tests.support.processes import environment
from tests.support.wired_desk import SERIAL

pytestmark = pytest.mark.skipif(
    why_no_namespace() is not None, reason="no network namespace can be made"
)
_SIGNATURE = "c0ffee01"
_DISK_BYTES = 4 << 20
_STALE = b"\xa5" * 512
_STALE_AT, _BEHIND_AT = 64 << 10, 3 << 20


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A disk with a signature, something in the gap behind its MBR, and something far behind."""
    disk = bytearray(_DISK_BYTES)
    disk[440:444] = bytes.fromhex(_SIGNATURE)[::-1]
    disk[510:512] = b"\x55\xaa"
    for at in (_STALE_AT, _BEHIND_AT):
        disk[at : at + len(_STALE)] = _STALE
    path = tmp_path / "scratch.img"
    path.write_bytes(disk)
    return path


def write_disk(
    scratch: Path, source: str, *words: str, place: str = "written"
) -> subprocess.CompletedProcess[str]:
    return on_desk(scratch, place, "boot", "apu2", source, *words)


def on_desk(scratch: Path, place: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "-n", sys.executable, "-m", "tests.support.wired_desk", str(scratch.parent),
         place, str(scratch), "--", "hardware", *words],
        env=environment(), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


@pytest.mark.long
def test_a_kernel_is_written_to_the_disk_that_is_named_and_boots(scratch: Path) -> None:
    done = write_disk(scratch, "selfcheck:1000000", "--write-disk", _SIGNATURE, "--until", "banner")
    assert done.returncode == 0, done
    assert "1,000,000 bytes in memory equal the file" in done.stdout
    disk = scratch.read_bytes()
    assert disk[440:444] == bytes.fromhex(_SIGNATURE)[::-1]
    assert disk[_STALE_AT : _STALE_AT + len(_STALE)] == bytes(len(_STALE))
    assert disk[_BEHIND_AT : _BEHIND_AT + len(_STALE)] == _STALE


@pytest.mark.long
def test_an_image_is_on_the_disk_byte_by_byte(scratch: Path, tmp_path: Path) -> None:
    """Its last run of sectors is a short one; that nothing boots from it is another matter."""
    image = tmp_path / "image.img"
    content = bytearray(_DISK_BYTES - 512)
    content[0:2], content[440:444], content[510:512] = b"\xcd\x18", b"mine", b"\x55\xaa"
    content[-512:] = bytes(range(256)) * 2
    content[(1 << 20) + 1] = 1
    image.write_bytes(content)
    done = write_disk(scratch, str(image), "--write-disk", SERIAL)
    assert done.returncode == 1 and "loader-gave-up" in done.stdout, done
    assert scratch.read_bytes() == content + bytes(512)


@pytest.mark.long
@pytest.mark.parametrize(
    ("word", "megabytes", "why"),
    [("deadbeef", 1, "it is not deadbeef"), ("SCRATCH-2", 1, "it is not SCRATCH-2"),
     (SERIAL, 5, "the image has 10,240 sectors and the disk 8,192")],
)  # fmt: skip
@pytest.mark.sample(2)
def test_another_disk_is_left_as_it_is(
    scratch: Path, tmp_path: Path, word: str, megabytes: int, why: str
) -> None:
    image, before = tmp_path / "image.img", scratch.read_bytes()
    image.write_bytes((bytes(510) + b"\x55\xaa").ljust(megabytes << 20, b"\x01"))
    done = write_disk(scratch, str(image), "--write-disk", word)
    assert done.returncode == 129, done
    assert f"signature {_SIGNATURE}, serial number {SERIAL}; {why}: nothing was written" in (
        done.stderr
    )
    assert scratch.read_bytes() == before


@pytest.mark.long
def test_a_serial_number_that_cannot_be_confirmed_writes_nothing(scratch: Path) -> None:
    before = scratch.read_bytes()
    done = write_disk(scratch, "selfcheck:1000000", "--write-disk", SERIAL, place="ahci")
    assert done.returncode == 129 and scratch.read_bytes() == before, done
    assert f"whether it is {SERIAL} cannot be confirmed" in done.stderr
    assert f"signature {_SIGNATURE}, no serial number to be had" in done.stderr


@pytest.mark.long
def test_the_doctor_says_what_disk_there_is(scratch: Path) -> None:
    before = scratch.read_bytes()
    done = on_desk(scratch, "written", "doctor", "apu2", "--disk")
    assert done.returncode == 0 and scratch.read_bytes() == before, done
    assert f"disk 4 MiB, signature {_SIGNATURE}, serial number {SERIAL}" in done.stdout
