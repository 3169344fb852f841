"""What a file really is: files by the programs that make them, and by their first bytes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.formats.forms import LOOK_BYTES, Form, form_of, is_bare_kernel
from bootharness.formats.mbr import Mbr, Partition
from bootharness.routes.disk import DiskImage
from tests.support.builders import bzimage

MIB = 1 << 20


def name_of(head: bytes) -> str | None:
    form = form_of(head)
    return form.name if form else None


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
    assert name_of(path.read_bytes()[:LOOK_BYTES]) == name


@pytest.mark.parametrize("program", ["gzip", "xz", "zstd", "lz4", "bzip2", "lzip"])
def test_compressed_images_are_named(raw: Path, program: str) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    done = subprocess.run([program, "-c", str(raw)], capture_output=True, check=True)
    assert name_of(done.stdout) == f"compressed with {program}"


def test_raw_disks_are_taken(raw: Path) -> None:
    assert DiskImage.existing(raw).path == raw
    assert form_of(bytes(LOOK_BYTES)) is None


@pytest.mark.parametrize(
    ("signature", "boot_record", "kind"),
    [(True, True, "cd"), (False, True, "cd"), (False, False, "cd"), (True, False, "disk")],
)
def test_cd_image_is_a_disk_only_with_a_boot_sector_and_nothing_else_to_boot(
    signature: bool, boot_record: bool, kind: str
) -> None:
    head = bytearray(LOOK_BYTES)
    head[0x8001:0x8006] = b"CD001"
    if signature:
        head[510:512] = b"\x55\xaa"
    if boot_record:
        head[0x8800:] = b"\0CD001\1EL TORITO SPECIFICATION"
    form = form_of(bytes(head))
    assert form
    assert form.name == "a CD image (ISO 9660)"
    assert form.id == kind


def test_file_system_with_a_boot_sector_is_a_disk() -> None:
    head = bytearray(LOOK_BYTES)
    head[0x438:0x43A] = b"\x53\xef"
    assert name_of(bytes(head)) == "an ext2, ext3 or ext4 file system without a boot sector"
    head[510:512] = b"\x55\xaa"
    assert name_of(bytes(head)) == "a disk image"


def test_disk_that_lost_its_signature_is_one_by_its_partitions() -> None:
    table = Mbr(b"", partitions=(Partition.at(2048, 100, kind=0x83, active=True),
                                 *[Partition()] * 3), boot_signature=b"\0\0")  # fmt: skip
    head = table.build().ljust(LOOK_BYTES, b"\0")
    form = form_of(head)
    assert form == Form("a disk image without a boot signature", form.instead, "disk")
    for at, byte in ((0x1BE, 0x7F), (0x1CE, 1), (0x1C2, 0)):
        assert form_of(head[:at] + bytes((byte,)) + head[at + 1 :]) is None


def test_programs_are_named_with_their_machine(tmp_path: Path) -> None:
    source = tmp_path / "empty.c"
    source.touch()
    objects = tmp_path / "empty.o"
    subprocess.run(["as", "-o", str(objects), str(source)], check=True)
    assert name_of(objects.read_bytes()) == "an ELF object file"
    assert name_of(Path("/bin/sh").read_bytes()[:LOOK_BYTES]) == "an ELF file, as a vmlinux is"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"", "empty"),
        (b"\x7fELF\2\1".ljust(16, b"\0") + b"\2\0\xb7\0", "an ELF file for arm64"),
        (b"MZ".ljust(56, b"\0") + b"ARM\x64", "a Linux Image for arm64"),
        (b"MZ\0\0zimg", "a compressed EFI kernel (zboot) of another architecture"),
        (b"MZ".ljust(0x3C, b"\0") + b"\x40\0\0\0PE\0\0\x64\xaa", "an EFI application for arm64"),
        (
            b"MZ".ljust(0x3C, b"\0") + b"\x40\0\0\0PE\0\0\x64\x86",
            "an EFI application without a kernel in it",
        ),
        (b"\x27\x05\x19\x56", "a U-Boot image (uImage)"),
        (b"070701", "a cpio archive, as an initrd is"),
        (b"\xed\xab\xee\xdb", "an RPM package"),
        (b"#!/bin/sh\nexit\n", "a script"),
        (b"; loader\nBITS 16\n org 0x7c00\n", "a program in assembly language"),
        (b"; loader\r\n[org 7C00h] ; where\r\n", "a program in assembly language"),
        (b"# A loader\nIt forgets the\nbits above bit 23, says the org chart.\n", "text"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer to a file in Git LFS"),
        (b"<!DOCTYPE html>\n<html>", "a page of HTML, perhaps an error of the server it came from"),
        (b"hello\n", "text"),
    ],
)
def test_what_is_no_kernel_is_named_with_the_next_step(head: bytes, name: str) -> None:
    form = form_of(head)
    assert form
    assert form.name == name
    assert form.instead


def test_nobody_names_what_nobody_knows() -> None:
    assert form_of(bytes(range(256)) * 8) is None
    assert form_of(bzimage(bytes(1000))) is None


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
