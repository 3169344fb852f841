"""Kernels inside of other files, made by the programs that people make them with."""

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from bootharness.errors import NotAKernel, UsageError
from bootharness.kernels.image import KernelImage
from bootharness.kernels.source import expand
from tests.support.builders import bzimage

SNPONLY = Path("/usr/lib/ipxe/snponly.efi")


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    path = tmp_path / "bzImage"
    path.write_bytes(bzimage(bytes(range(256)) * 1000))
    return path


def compressed(kernel: Path, program: str) -> Path:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    path = kernel.with_name(f"vmlinuz.{program}")
    with path.open("wb") as file:
        subprocess.run([program, "-c", str(kernel)], stdout=file, check=True)
    return path


def unified(kernel: Path, section: str = ".linux") -> Path:
    """Return an EFI application with the kernel in a section, as ukify makes them."""
    if not SNPONLY.exists():
        pytest.skip("ipxe is not installed")
    path = kernel.with_name("uki.efi")
    subprocess.run(
        ["objcopy", "--add-section", f"{section}={kernel}",
         "--set-section-flags", f"{section}=data,readonly", str(SNPONLY), str(path)],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


def packaged(kernel: Path, inside: str = "boot/vmlinuz-6.1.0-1-amd64") -> Path:
    tree = kernel.with_name("tree")
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: linux-image-6.1.0-1-amd64\nVersion: 1\nArchitecture: amd64\n"
        "Maintainer: nobody <nobody@example.org>\nDescription: a kernel\n"
    )
    (tree / inside).parent.mkdir(parents=True)
    shutil.copy(kernel, tree / inside)
    path = kernel.with_name("linux-image.deb")
    subprocess.run(["dpkg-deb", "--build", str(tree), str(path)], check=True, capture_output=True)
    return path


def is_same(kernel: Path, path: Path, inside: str) -> None:
    found = KernelImage.read(path)
    assert found.path.read_bytes()[: kernel.stat().st_size] == kernel.read_bytes()
    assert found.source == str(path)
    assert found.inside == inside


@pytest.mark.parametrize("program", ["gzip", "xz", "zstd", "lz4", "bzip2"])
def test_compressed_kernel_is_taken(kernel: Path, program: str) -> None:
    is_same(kernel, compressed(kernel, program), f"compressed with {program}")


def test_kernel_of_a_uki_is_taken(kernel: Path) -> None:
    is_same(kernel, unified(kernel), "a unified kernel image (UKI)")


def test_kernel_of_a_package_is_taken(kernel: Path) -> None:
    is_same(kernel, packaged(kernel), "a Debian package")


def test_files_in_files_are_taken(kernel: Path) -> None:
    inside = "compressed with gzip, and in it a unified kernel image (UKI)"
    is_same(kernel, compressed(unified(kernel), "gzip"), inside)


def test_changed_file_is_unpacked_anew(kernel: Path) -> None:
    first = KernelImage.read(compressed(kernel, "gzip"))
    kernel.write_bytes(bzimage(bytes(2000)))
    second = KernelImage.read(compressed(kernel, "gzip"))
    assert first.payload_bytes != second.payload_bytes


def test_damaged_copy_is_unpacked_anew(kernel: Path) -> None:
    packed = compressed(kernel, "gzip")
    path = KernelImage.read(packed).path
    path.write_bytes(bytes(1000))
    is_same(kernel, packed, "compressed with gzip")


@pytest.mark.parametrize("program", ["gzip", "xz", "zstd", "lz4", "bzip2"])
def test_what_is_cut_off_is_no_kernel(kernel: Path, program: str) -> None:
    packed = compressed(kernel, program)
    packed.write_bytes(packed.read_bytes()[:-100])
    with pytest.raises(NotAKernel, match=f"compressed with {program}, and damaged: "):
        KernelImage.read(packed)


def no_kernel(tmp_path: Path, name: str, content: bytes) -> str:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NotAKernel) as caught:
        KernelImage.read(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence.removeprefix(f"{path}: ")


def test_what_is_compressed_is_named(tmp_path: Path) -> None:
    assert no_kernel(tmp_path, "initrd.gz", gzip.compress(b"070701")) == (
        "compressed with gzip, and in it a cpio archive, as an initrd is: give it with --initrd, "
        "and a kernel"
    )


def test_files_in_files_have_an_end(tmp_path: Path) -> None:
    content = b"hello"
    for _ in range(9):
        content = gzip.compress(content)
    assert "too many files in each other; unpack it" in no_kernel(tmp_path, "deep.gz", content)


def test_nothing_is_unpacked_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootharness.kernels.inside._MOST_BYTES", 1 << 20)
    packed = gzip.compress(bzimage(bytes(2 << 20)))
    assert "more than 1,048,576 bytes when it is unpacked" in no_kernel(tmp_path, "a.gz", packed)


def test_other_efi_applications_have_no_kernel(kernel: Path) -> None:
    words = "an EFI application without a kernel in it: give a bzImage"
    with pytest.raises(NotAKernel, match=words):
        KernelImage.read(unified(kernel, ".data2"))


def test_package_without_a_kernel(kernel: Path) -> None:
    with pytest.raises(NotAKernel, match="contains no vmlinuz"):
        KernelImage.read(packaged(kernel, "usr/share/doc/readme"))


def test_folder_has_bzimages_and_ukis(kernel: Path, tmp_path: Path) -> None:
    unified(kernel)
    (tmp_path / "README").write_text("hello")
    assert [Path(each).name for each in expand(str(tmp_path))] == ["bzImage", "uki.efi"]


def test_source_tree_stands_for_what_was_built_in_it(tmp_path: Path) -> None:
    built = tmp_path / "arch/x86/boot/bzImage"
    built.parent.mkdir(parents=True)
    built.write_bytes(bzimage(bytes(1000)))
    assert expand(str(tmp_path)) == [str(built)]


def test_package_of_another_architecture_is_refused() -> None:
    with pytest.raises(UsageError, match=r"a PC boots amd64 or i386, not arm64"):
        expand("deb:linux-image-cloud-arm64:arm64/trixie")
