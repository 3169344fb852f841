"""What a file that is to be a disk really is: files by the programs that make them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bootharness.errors import MediumUnavailable, UsageError
from bootharness.formats.media import LOOK_BYTES, foreign_form, is_bare_kernel
from bootharness.routes.disk import DiskImage
from tests.support.builders import bzimage

MIB = 1 << 20


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "raw.img"
    path.write_bytes(bytes(510) + b"\x55\xaa" + bytes(MIB - 512))
    return path


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("qcow2", "a qcow2 image"),
        ("qed", "a QED image"),
        ("vmdk", "a VMDK image"),
        ("vdi", "a VDI image"),
        ("vhdx", "a VHDX image"),
        ("vpc", "a VHD image"),
        ("parallels", "a Parallels image"),
    ],
)
@pytest.mark.skipif(not shutil.which("qemu-img"), reason="qemu-img is not installed")
def test_containers_are_named(raw: Path, tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / f"disk.{kind}"
    convert = ["qemu-img", "convert", "-f", "raw", "-O", kind, str(raw), str(path)]
    subprocess.run(convert, check=True)
    with pytest.raises(MediumUnavailable, match=rf"disk\.{kind}: not a raw disk image, but {name}"):
        DiskImage.existing(path)


@pytest.mark.parametrize("program", ["gzip", "xz", "zstd", "lz4", "bzip2", "lzip"])
def test_compressed_images_are_named(raw: Path, program: str) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    done = subprocess.run([program, "-c", str(raw)], capture_output=True, check=True)
    assert foreign_form(done.stdout) == f"compressed with {program}"


def test_raw_disks_are_taken(raw: Path) -> None:
    assert DiskImage.existing(raw).path == raw
    assert foreign_form(bytes(LOOK_BYTES)) is None


@pytest.mark.parametrize("signature", [True, False])
def test_cd_image_is_a_disk_only_with_a_boot_sector(signature: bool) -> None:
    head = bytearray(LOOK_BYTES)
    head[0x8001:] = b"CD001"
    if signature:
        head[510:512] = b"\x55\xaa"
    name = "a CD image (ISO 9660) without a boot sector for disks"
    assert foreign_form(bytes(head)) == (None if signature else name)


@pytest.mark.parametrize(
    ("code", "bare"),
    [
        (b"MZ", True),
        (b"", True),
        (b"\xea\x05\0\xc0\7Use a boot loader.", True),
        (b"\xea\x05\0\xc0\7\x8c\xc8\x8e\xd8 a loader of its own", False),
    ],
)
def test_kernel_is_no_disk_unless_its_boot_sector_can_load_it(code: bytes, bare: bool) -> None:
    kernel = bzimage(bytes(1000))
    head = code.ljust(440, b"\0") + kernel[440:]
    assert is_bare_kernel(head) is bare
    assert not is_bare_kernel(bytes(LOOK_BYTES))


def test_kernel_given_as_a_disk_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "bzImage"
    path.write_bytes(bytes(440) + bzimage(bytes(1000))[440:])
    with pytest.raises(UsageError, match="a Linux kernel, not a disk image: leave --disk out"):
        DiskImage.existing(path)
