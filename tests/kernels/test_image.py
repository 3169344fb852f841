"""Kernel images: what is read, and one clear sentence for everything that is not one."""

import os
import struct
from hashlib import sha256
from pathlib import Path

import pytest

from bootharness.errors import KernelUnavailable, UsageError
from bootharness.host.kept import sealed
from bootharness.kernels.image import KernelImage
from tests.support.builders import bzimage


def write(folder: Path, content: bytes, size: int = 0) -> Path:
    path = folder / "bzImage"
    path.write_bytes(content)
    if size:
        os.truncate(path, size)
    return path


def test_debian_kernel(debian_kernel: Path) -> None:
    kernel = KernelImage.read(debian_kernel)
    image = debian_kernel.read_bytes()
    assert kernel.payload_bytes == struct.unpack_from("<I", image, 0x1F4)[0] * 16
    assert kernel.release.startswith("6.1.")
    assert kernel.release.endswith("-cloud-amd64")
    assert kernel.compression == "lz4"
    assert kernel.missing_bytes == 0
    assert kernel.read_real_mode() + kernel.read_payload() == image[: len(image) - _slack(kernel)]


def _slack(kernel: KernelImage) -> int:
    return kernel.file_bytes - kernel.real_mode_bytes - kernel.payload_bytes


@pytest.mark.parametrize(
    ("content", "size", "words"),
    [
        (b"", 0, "empty: give a kernel that was built to its end"),
        (b"MZ\0", 0, "it has 3 bytes"),
        (b"\x7fELF" + bytes(14) + b"\x3e" + bytes(5000), 0, "an ELF file, as a vmlinux is"),
        (bytes(range(256)) * 8, 0, 'no "HdrS" at offset 0x202'),
        (b"", 100 << 30, 'no "HdrS"'),
        (bzimage(), 100 << 30, "it has 100 GiB"),
    ],
)
def test_file_that_is_no_kernel(tmp_path: Path, content: bytes, size: int, words: str) -> None:
    with pytest.raises(KernelUnavailable) as caught:
        KernelImage.read(write(tmp_path, content, size))
    assert words in str(caught.value)
    assert "bzImage" in str(caught.value).replace(str(tmp_path / "bzImage"), "") or not content
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(KernelUnavailable, match="No such file"):
        KernelImage.read(tmp_path / "none")
    with pytest.raises(KernelUnavailable, match="Is a directory"):
        KernelImage.read(tmp_path)


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(KernelUnavailable, match="not a file but a pipe"):
        KernelImage.read(tmp_path / "pipe")


def test_syssize_that_lies_is_seen_but_not_refused(tmp_path: Path) -> None:
    kernel = KernelImage.read(write(tmp_path, bzimage(bytes(1600), syssize=1000)))
    assert (kernel.payload_bytes, kernel.missing_bytes) == (16000, 14400)
    assert len(kernel.read_payload()) == 1600


def test_sha256_follows_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, bzimage(bytes(16)))
    kernel = KernelImage.read(path)
    before = kernel.sha256
    path.write_bytes(bzimage(b"x" * 32))
    assert kernel.sha256 != before


def test_sha256_is_remembered_but_for_files_that_changed_a_moment_ago(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(tmp_path / "cache"))
    kernel = KernelImage.read(write(tmp_path, bzimage(bytes(16))))
    digest = sha256(kernel.path.read_bytes()).hexdigest()
    assert kernel.sha256 == digest
    assert not [*(tmp_path / "cache/sha256").iterdir()]
    monkeypatch.setattr("bootharness.host.kept._SETTLED_S", -1.0)
    kernel.path.touch()
    assert kernel.sha256 == digest
    (kept,) = (tmp_path / "cache/sha256").iterdir()
    assert sealed(kept.with_suffix("")) == digest.encode()


def test_grown_kernel_is_what_the_recipe_says(tmp_path: Path) -> None:
    original = bzimage(b"p" * 1600) + b"signature"
    kernel = KernelImage.read(write(tmp_path, original))
    grown = kernel.grown(3200, source="grow:3200:x")
    image = grown.path.read_bytes()
    end = kernel.real_mode_bytes + 1600
    # cut at the end of the payload, random bytes behind it, the new syssize, nothing else
    assert len(image) == kernel.real_mode_bytes + 3200
    assert struct.unpack_from("<I", image, 0x1F4)[0] == 200
    assert image[:0x1F4] + image[0x1F8:end] == original[:0x1F4] + original[0x1F8:end]
    assert len(set(image[end:])) > 200
    assert kernel.grown(3200, source="again").path == grown.path


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1590, "16-byte paragraphs"),
        (1584, "already has 1,600 bytes"),
        (1 << 32, "below 4 GiB"),
    ],
)
def test_size_that_cannot_be_grown_to(tmp_path: Path, size: int, words: str) -> None:
    kernel = KernelImage.read(write(tmp_path, bzimage(bytes(1600))))
    with pytest.raises(UsageError, match=words):
        kernel.grown(size, source="grow")


def test_cut_kernel_is_not_grown(tmp_path: Path) -> None:
    kernel = KernelImage.read(write(tmp_path, bzimage(bytes(16), syssize=10)))
    with pytest.raises(KernelUnavailable, match="lacks 144 of the bytes"):
        kernel.grown(3200, source="grow")
