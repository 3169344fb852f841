"""Images in files as people ship them: compressed, and in containers that QEMU opens."""

import bz2
import gzip
import lzma
import shutil
import subprocess
from pathlib import Path

import pytest

from bootharness.errors import MediumUnavailable, UsageError
from bootharness.routes import found
from bootharness.routes.disk import DiskImage
from bootharness.routes.found import is_medium

MIB = 1 << 20
CONTAINERS = ["qcow2", "qed", "vmdk", "vdi", "vhdx", "vpc", "parallels"]
CONTENT = b"boot".ljust(510, b"\0") + b"\x55\xaa" + bytes(MIB - 512) + b"tail".rjust(MIB, b"\1")
needs_qemu_img = pytest.mark.skipif(not shutil.which("qemu-img"), reason="qemu-img is missing")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "raw.img"
    path.write_bytes(CONTENT)
    return path


def qemu_img(*words: str | Path) -> None:
    subprocess.run(["qemu-img", *words], check=True, capture_output=True)


@needs_qemu_img
@pytest.mark.parametrize("kind", CONTAINERS)
def test_containers_are_read_through_qemus_own_drivers(
    raw: Path, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "disk"
    qemu_img("convert", "-f", "raw", "-O", kind, raw, path)
    assert is_medium(str(path))
    disk = DiskImage.existing(path)
    assert (disk.driver, disk.path, disk.source) == (kind, path, str(path))
    assert disk.size_bytes >= len(CONTENT)  # some have whole cylinders
    assert disk.read(0, len(CONTENT)) == CONTENT
    assert disk.read(1 << 40, 512) == b""


@pytest.mark.parametrize(
    ("compress", "end"), [(gzip.compress, "gz"), (lzma.compress, "xz"), (bz2.compress, "bz2")]
)
def test_compressed_images_are_unpacked_and_keep_their_name(
    raw: Path, tmp_path: Path, compress: object, end: str
) -> None:
    path = tmp_path / f"disk.img.{end}"
    path.write_bytes(compress(raw.read_bytes()))  # type: ignore[operator]
    assert is_medium(str(path))
    disk = DiskImage.existing(path)
    assert disk.source == str(path)
    assert disk.read(0, len(CONTENT)) == CONTENT


@pytest.mark.parametrize("program", ["zstd", "lz4"])
def test_programs_unpack_what_python_does_not(raw: Path, tmp_path: Path, program: str) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    path = tmp_path / "disk.img.packed"
    path.write_bytes(subprocess.run([program, "-c", raw], capture_output=True, check=True).stdout)
    assert is_medium(str(path))
    assert DiskImage.existing(path).read(0, len(CONTENT)) == CONTENT


@needs_qemu_img
def test_compressed_container_is_unpacked_and_opened(raw: Path, tmp_path: Path) -> None:
    path, packed = tmp_path / "disk.qcow2", tmp_path / "disk.qcow2.gz"
    qemu_img("convert", "-f", "raw", "-O", "qcow2", raw, path)
    packed.write_bytes(gzip.compress(path.read_bytes()))
    disk = DiskImage.existing(packed)
    assert disk.driver == "qcow2"
    assert disk.read(0, len(CONTENT)) == CONTENT


def test_zeros_of_a_compressed_image_take_no_room(tmp_path: Path) -> None:
    path = tmp_path / "disk.img.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(CONTENT)
        for _ in range(64):
            file.write(bytes(MIB))
    unpacked = DiskImage.existing(path).path.stat()
    assert unpacked.st_size == len(CONTENT) + 64 * MIB
    assert unpacked.st_blocks * 512 < 4 * MIB


def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "_MOST_BYTES", MIB)
    path = tmp_path / "disk.img.gz"
    path.write_bytes(gzip.compress(CONTENT + b"of this test alone"))
    with pytest.raises(MediumUnavailable, match="gzip, and more than 1,048,576 bytes when it"):
        DiskImage.existing(path)


@needs_qemu_img
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("-f qcow2 -b secret -F raw", "a qcow2 image that names a backing file, secret: it is not"),
        ("-f qed -b secret -F raw", "a QED image that names a backing file, secret: it is not"),
        ("-f qcow2 -o data_file=other", "a qcow2 image that has its data in another file: it is"),
        ("-f vmdk -b base.vmdk -F vmdk", "a VMDK image that names a parent, base.vmdk: it is not"),
        ("-f vmdk -o subformat=monolithicFlat", "a VMDK descriptor, which only names the files"),
    ],
)
def test_image_chooses_no_file_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secret").write_bytes(CONTENT)
    qemu_img("create", "-f", "vmdk", "base.vmdk", "2M")
    qemu_img("create", *options.split(), "image", "2M")
    with pytest.raises(MediumUnavailable) as refused:
        DiskImage.existing(Path("image"))
    assert words in str(refused.value)
    assert "`qemu-img convert" in str(refused.value)


@needs_qemu_img
def test_backing_file_is_not_opened_even_when_the_header_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(found, "refused_for", lambda *_: None)
    Path("secret").write_bytes(CONTENT)
    qemu_img("create", "-f", "qcow2", "-b", "secret", "-F", "raw", "image")
    assert DiskImage.existing(Path("image")).read(0, len(CONTENT)) == bytes(len(CONTENT))


def test_encrypted_image_is_one_sentence(tmp_path: Path) -> None:
    head = b"QFI\xfb" + (2).to_bytes(4, "big") + bytes(24) + (1).to_bytes(4, "big")
    path = tmp_path / "disk.qcow2"
    path.write_bytes(head.ljust(2048, b"\0"))
    with pytest.raises(MediumUnavailable, match=r"is encrypted: .* nobody to type a key; `qemu-i"):
        DiskImage.existing(path)


def test_what_qemu_does_not_open_is_in_its_words(tmp_path: Path) -> None:
    path = tmp_path / "disk.vdi"
    path.write_bytes(bytes(64) + b"\x7f\x10\xda\xbe" + bytes(1000))
    with pytest.raises(
        MediumUnavailable, match=r"disk\.vdi: QEMU's driver vdi does not read it: \w"
    ):
        DiskImage.existing(path)


def test_damaged_compression_is_one_sentence(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.img.gz"
    path.write_bytes(gzip.compress(raw.read_bytes())[:400])
    with pytest.raises(MediumUnavailable, match="compressed with gzip, and damaged: "):
        DiskImage.existing(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b"#!/bin/sh\nexit 0\n".ljust(600, b" "),
            "not a disk image, but a script: a machine cannot",
        ),
        (gzip.compress(b"070701".ljust(600, b"\1")), "but compressed with gzip, and in it a cpio"),
        (b"PK\x03\x04".ljust(600, b"\1"), "not a disk image, but a ZIP archive"),
    ],
    ids=["script", "cpio in gzip", "zip"],
)
def test_what_is_no_medium_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "given"
    path.write_bytes(content)
    assert not is_medium(str(path))
    with pytest.raises((MediumUnavailable, UsageError)) as refused:
        DiskImage.existing(path)
    assert words in str(refused.value)
