"""Package lists: renewed once, however many want them."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bootharness.errors import KernelUnavailable
from bootharness.kernels.deb import DebPackage, vmlinuz

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
