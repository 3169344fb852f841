"""Package lists: renewed once, however many want them; and what a name stood for."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bootharness.errors import KernelUnavailable
from bootharness.kernels import deb
from bootharness.kernels.deb import DebPackage, vmlinuz
from tests.support.builders import bzimage

# takes its time, and does not like company
APT_GET = """#!/bin/sh
mkdir "$BOOTHARNESS_CACHE/busy" || { echo "E: Unable to lock directory" >&2; exit 100; }
sleep 0.3
echo >>"$BOOTHARNESS_CACHE/updates"
touch "$(dirname "$APT_CONFIG")/lists/suite_Packages"
rmdir "$BOOTHARNESS_CACHE/busy"
"""


def test_lists_are_downloaded_once_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("apt-get", APT_GET), ("apt-cache", "#!/bin/sh\nexit 100\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(tmp_path / "cache"))

    def ask(_number: int) -> str:
        with pytest.raises(KernelUnavailable) as caught:
            vmlinuz(DebPackage("linux-image-none", suite="bookworm"))
        return str(caught.value)

    with ThreadPoolExecutor(3) as pool:
        said = [*pool.map(ask, range(3))]
    assert all("no package list has it" in each for each in said), said
    assert (tmp_path / "cache/updates").read_text() == "\n"


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
