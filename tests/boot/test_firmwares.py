"""The same medium by several firmwares, in one command, one report and one test run."""

import json
import sys
from pathlib import Path

import pytest

from bootharness.kernels.source import fetch
from bootharness.plan import BootPlan
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out
from bootharness.routes.table import ROUTES
from tests.support.boots import settled
from tests.support.media import needs

pytest_plugins = ["pytester"]


@pytest.fixture
def only_bios(tmp_path: Path) -> Path:
    """A disk with a loader for a BIOS, and nothing for a UEFI."""
    needs(*(Path(tool.name) for tool in ROUTES["uefi-disk"].tools))
    disk = lay_out(fetch("selfcheck:100000"), Loader.stage1(), settled(BootPlan()))
    return disk.write(tmp_path / "disk.img").path


def test_one_report_says_by_which_firmware_it_fails(
    only_bios: Path, tmp_path: Path, pytester: pytest.Pytester
) -> None:
    written = tmp_path / "boots.json"
    done = pytester.run(sys.executable, "-m", "bootharness", "boot", only_bios, "--firmware",
                        "bios,uefi", "--json", written)  # fmt: skip
    assert done.ret == 1
    done.stdout.fnmatch_lines([
        "GOOD *",
        "BAD *UEFI",
        "1 good, 1 bad, 0 unknown",
        "*only UEFI fails (efi-no-file-system); BIOS boots it, so it is what is on the disk for a "
        "UEFI",
    ])  # fmt: skip
    assert [each["route"] for each in json.loads(written.read_text())] == ["disk", "uefi-disk"]


@pytest.mark.long
def test_there_is_a_test_for_each_firmware(only_bios: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "def test_it(boot_judgement):\n    assert boot_judgement.verdict == 'good'\n"
    )
    done = pytester.runpytest_subprocess(
        "--kernel", str(only_bios), "--boot-firmware", "bios,uefi", "-v"
    )
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*bios* PASSED*", "*uefi* FAILED*"])
