"""`bootharness bisect` over a folder of images, as somebody ships one release after the other."""

import json
import lzma
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.kernels.source import fetch
from bootharness.plan import BootPlan
from bootharness.routes.table import ROUTES, by_what_is_given
from tests.support.media import floppy, iso, needs, stick, syslinux_config
from tests.support.media import run as made
from tests.support.processes import run

MSDOS = "start=2048, type=c, bootable\n"
RELEASES = ["release-1.9.qcow2", "release-1.10.iso", "release-1.11.img", "release-1.12.img.xz"]


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four releases, each another kind of medium; from the third on a configuration is wrong."""
    needs("qemu-img")
    folder, work = tmp_path_factory.mktemp("releases"), tmp_path_factory.mktemp("work")
    kernel = fetch("selfcheck:100000").path
    raw = stick(work / "raw", kernel, syslinux_config(), table=MSDOS)
    made("qemu-img", "convert", "-O", "qcow2", raw, folder / RELEASES[0])
    iso(work / "iso", kernel, syslinux_config()).rename(folder / RELEASES[1])
    floppy(work / "floppy", kernel, syslinux_config("gone")).rename(folder / RELEASES[2])
    last = stick(work / "last", kernel, syslinux_config("gone"), table=MSDOS)
    (folder / RELEASES[3]).write_bytes(lzma.compress(last.read_bytes(), preset=0))
    (folder / "SHA256SUMS").write_text("of all of them\n")
    return folder


def test_a_folder_of_images_is_in_the_order_of_their_versions(releases: Path) -> None:
    plan = by_what_is_given(BootPlan(), [str(releases)])
    assert plan.route == "disk"
    expand = ROUTES["disk"].expand
    assert [Path(each).name for each in expand(str(releases))] == RELEASES
    assert [Path(each).name for each in expand(f"{releases}/rel*")] == RELEASES
    (releases.parent / "empty").mkdir()
    with pytest.raises(UsageError, match="no file in this folder is a disk image"):
        expand(str(releases.parent / "empty"))


def test_a_folder_with_a_kernel_is_one_of_kernels(tmp_path: Path, releases: Path) -> None:
    for name in RELEASES[:2]:
        (tmp_path / name).symlink_to(releases / name)
    assert by_what_is_given(BootPlan(), [str(tmp_path)]).route == "disk"
    (tmp_path / "vmlinuz").symlink_to(fetch("selfcheck:16000").path)
    assert by_what_is_given(BootPlan(), [str(tmp_path)]).route == BootPlan().route


@pytest.mark.long
def test_the_first_bad_image_of_several_kinds_is_found(releases: Path, tmp_path: Path) -> None:
    file = tmp_path / "hunt.json"
    state = {
        "XDG_STATE_HOME": str(tmp_path),
        "BOOTHARNESS_HISTORY": str(tmp_path / "history.sqlite3"),
    }
    done = run("bisect", releases, "--idle", 1, "--json", file, **state)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FIRST BAD  release-1.11.img\n" in done.stdout
    assert "LAST GOOD  release-1.10.iso\n" in done.stdout
    assert "it is not the payload size" not in done.stdout  # there was none to see
    assert "kernel selfcheck none was seen" in " ".join(done.stdout.split())
    assert "loadflags" not in done.stdout
    answer = json.loads(file.read_text())
    assert len(answer["boots"]) <= 2 + 4 + 4, [each["label"] for each in answer["boots"]]
