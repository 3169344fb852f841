"""Package lists: renewed once, however many want them; and what a name stood for."""

import os
import tarfile
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bootharness.errors import KernelUnavailable
from bootharness.host.tool import Tool
from bootharness.kernels import deb
from bootharness.kernels.deb import DebPackage, vmlinuz
from bootharness.kernels.debian_archive import extract_vmlinuz
from tests.support.builders import bzimage

# takes its time, and does not like company
APT_GET = """#!/bin/sh
mkdir "$BOOTHARNESS_CACHE/busy" || { echo "E: Unable to lock directory" >&2; exit 100; }
sleep 0.3
echo >>"$BOOTHARNESS_CACHE/updates"
touch "$(dirname "$APT_CONFIG")/lists/suite_Packages"
rmdir "$BOOTHARNESS_CACHE/busy"
"""


def apt(folder: Path, monkeypatch: pytest.MonkeyPatch, cache: str) -> None:
    """Have an apt-get that brings lists, an apt-cache that is this script, and an empty cache."""
    for name, text in (("apt-get", APT_GET), ("apt-cache", f"#!/bin/sh\n{cache}\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(folder / "cache"))
    monkeypatch.setattr(deb, "DEBIAN_KEYRING", Tool(__file__, "debian-archive-keyring"))


def test_lists_are_downloaded_once_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt(tmp_path, monkeypatch, "exit 100")

    def ask(_number: int) -> str:
        with pytest.raises(KernelUnavailable) as caught:
            vmlinuz(DebPackage("linux-image-none", suite="bookworm"))
        return str(caught.value)

    with ThreadPoolExecutor(3) as pool:
        said = [*pool.map(ask, range(3))]
    assert all("bookworm has no package linux-image-none" in each for each in said), said
    assert (tmp_path / "cache/updates").read_text() == "\n"


# one package in one version
APT_CACHE = """
[ $3 = pkgnames ] && { echo linux-image-amd64; exit; }
for word; do :; done
[ "$word" = linux-image-amd64:amd64 ] || exit 100
printf 'Package: linux-image-amd64\\nVersion: 6.1-2\\nSHA256: 00\\nDepends: linux-image-6.1\\n'
"""


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("linux-image-amd46/trixie", "trixie has no package linux-image-amd46 for amd64: did you "
         "mean linux-image-amd64?"),
        ("other/trixie", "trixie has no package other for amd64: `apt-cache search linux-image` "
         "lists them"),
        ("linux-image-amd64=6.1-1/trixie", "trixie has linux-image-amd64 6.1-2, and not 6.1-1"),
        ("linux-image-amd64=6.1-1", "Debian has linux-image-amd64 6.1-2, and not 6.1-1"),
        ("linux-image-amd46", "sid, experimental has a package linux-image-amd46 for amd64"),
    ],
)  # fmt: skip
def test_what_no_list_has_is_told_by_what_they_have(
    wanted: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt(tmp_path, monkeypatch, APT_CACHE)
    with pytest.raises(KernelUnavailable) as caught:
        vmlinuz(DebPackage.parse(wanted))
    assert said in str(caught.value)
    assert "apt-get update" not in str(caught.value)  # the lists are ours, and of today


def test_without_debians_keys_their_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt(tmp_path, monkeypatch, "exit 100")
    gone = Tool("/not/here.gpg", "debian-archive-keyring")
    monkeypatch.setattr(deb, "DEBIAN_KEYRING", gone)
    with pytest.raises(KernelUnavailable, match="`apt-get install debian-archive-keyring` brings"):
        vmlinuz(DebPackage("linux-image-amd64", suite="trixie"))
    assert not (tmp_path / "cache/updates").exists()


@pytest.fixture
def remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's package lists; a name stands for the kernel "old", and would now for "new"."""
    lists = tmp_path / "lists"
    lists.mkdir()
    monkeypatch.setattr(deb, "_SYSTEM_LISTS", lists)
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(tmp_path / "cache"))
    for name in ("old", "new"):
        (tmp_path / name).write_bytes(bzimage(bytes(1600)))
        monkeypatch.setattr(deb, "_found", lambda _package, name=name: tmp_path / name)
        if name == "old":
            assert vmlinuz(DebPackage("linux-image-amd64")).name == "old"
    return lists


def test_what_a_name_stood_for_is_remembered_until_the_lists_are_newer(remembered: Path) -> None:
    package = DebPackage("linux-image-amd64")
    os.utime(remembered, (1, 1))
    assert vmlinuz(package).name == "old"
    later = time.time() + 60
    os.utime(remembered, (later, later))
    assert vmlinuz(package).name == "new"


def test_a_version_stands_for_the_same_kernel_ever_after(
    remembered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = DebPackage("linux-image-amd64", version="6.1-1")
    monkeypatch.setattr(deb, "_found", lambda _package: tmp_path / "old")
    assert vmlinuz(package).name == "old"
    monkeypatch.setattr(deb, "_found", lambda _package: tmp_path / "new")
    later = time.time() + 60
    os.utime(remembered, (later, later))
    assert vmlinuz(package).name == "old"


def package(folder: Path, size: int, content: bytes) -> Path:
    """Write a package whose kernel says that it has so many bytes."""
    member = tarfile.TarInfo("./boot/vmlinuz-6.1")
    member.size = size
    data = zlib.compress(member.tobuf() + content.ljust(1 << 20, b"\0"), wbits=31)
    path = folder / "package.deb"
    with path.open("wb") as file:
        file.write(b"!<arch>\n")
        control = zlib.compress(bytes(10240), wbits=31)
        for name, part in (("debian-binary", b"2.0\n"), ("control.tar.gz", control),
                           ("data.tar.gz", data)):  # fmt: skip
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(part):<10}`\n".encode())
            file.write(part + b"\n" * (len(part) % 2))
    return path


def test_kernel_is_unpacked(tmp_path: Path) -> None:
    extract_vmlinuz(package(tmp_path, 5, b"hello"), "deb:x", tmp_path / "kernel")
    assert (tmp_path / "kernel").read_bytes() == b"hello"


def test_kernel_of_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(KernelUnavailable, match="3,221,225,472 bytes, and a kernel that"):
        extract_vmlinuz(package(tmp_path, 3 << 30, b""), "deb:x", tmp_path / "kernel")
    assert not (tmp_path / "kernel").exists()


@pytest.mark.parametrize("damage", [b"", b"!<arch>\n", bytes(5000)])
def test_package_that_is_none(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "package.deb").write_bytes(damage)
    with pytest.raises(KernelUnavailable, match="deb:x"):
        extract_vmlinuz(tmp_path / "package.deb", "deb:x", tmp_path / "kernel")
