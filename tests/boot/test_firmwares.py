"""The same medium by several firmwares, in one command, one report and one test run."""

import json
import sys
from pathlib import Path

import pytest

from bootharness.kernels.initrd import tiny_initrd
from bootharness.kernels.source import fetch
from bootharness.plan import BootPlan
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out
from bootharness.routes.table import ROUTES
from tests.support.boots import settled
from tests.support.faults import DEBIAN
from tests.support.media import needs, run

pytest_plugins = ["pytester"]

BY_BOTH = ("--firmware", "bios,uefi", "--until", "banner", "--timeout", "300")
GRUB_CFG = """serial --unit=0 --speed=115200
terminal_output serial
if [ $grub_platform = pc ]; then
    linux16 /vmlinuz console=ttyS0 panic=-1
    initrd16 /initrd
else
    linux /vmlinuz console=ttyS0 panic=-1
    initrd /initrd
fi
boot
"""
"""By the other command a BIOS's GRUB enters a kernel past its setup code, where nobody sees it."""


@pytest.fixture
def only_bios(tmp_path: Path) -> Path:
    """A disk with a loader for a BIOS, and nothing for a UEFI."""
    needs(*(Path(tool.name) for tool in ROUTES["uefi-disk"].tools))
    disk = lay_out(fetch("selfcheck:100000"), Loader.stage1(), settled(BootPlan()))
    return disk.write(tmp_path / "disk.img").path


@pytest.mark.long
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


@pytest.fixture(scope="module")
def rescue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What grub-mkrescue makes: a CD and a stick, for a BIOS and for a UEFI."""
    needs("grub-mkrescue", "xorriso", "mformat", Path("/usr/lib/grub/i386-pc/boot.img"),
          Path("/usr/lib/grub/x86_64-efi/linux.mod"),
          *(Path(tool.name) for tool in ROUTES["uefi-disk"].tools))  # fmt: skip
    folder = tmp_path_factory.mktemp("rescue")
    tree, image = folder / "tree", folder / "rescue.iso"
    (tree / "boot/grub").mkdir(parents=True)
    (tree / "boot/grub/grub.cfg").write_text(GRUB_CFG)
    (tree / "vmlinuz").write_bytes(fetch(DEBIAN).path.read_bytes())
    (tree / "initrd").write_bytes(tiny_initrd(wide=True))
    run("grub-mkrescue", "-o", image, "--locales=", "--themes=", "--fonts=", tree)
    return image


@pytest.mark.sample(3)
@pytest.mark.parametrize("attached", ["cdrom", "usb", "cdrom --disk-interface scsi"])
def test_a_hybrid_image_is_proven_by_both_in_one_command(
    rescue: Path, attached: str, tmp_path: Path, pytester: pytest.Pytester
) -> None:
    written = tmp_path / "boots.json"
    words = (*BY_BOTH, "--as", *attached.split(), "--json", written)
    done = pytester.run(sys.executable, "-m", "bootharness", "boot", rescue, *words)
    assert done.ret == 0, done.outlines
    by_bios, by_uefi = json.loads(written.read_text())
    assert (by_bios["route"], by_uefi["route"]) == ("disk", "uefi-disk")
    assert by_uefi["kernel"]["release"] == by_bios["kernel"]["release"]
    for each in (by_bios, by_uefi):
        assert "bytes in memory equal the file" in each["summary"]


@pytest.mark.long
def test_a_hybrid_image_without_its_part_for_a_uefi_is_told_by_that(
    rescue: Path, tmp_path: Path, pytester: pytest.Pytester
) -> None:
    image = bytearray(rescue.read_bytes())
    name = b"BOOTX64 EFI"
    assert name in image
    image[image.index(name)] = ord("X")
    (tmp_path / "half.iso").write_bytes(image)
    words = (tmp_path / "half.iso", *BY_BOTH)
    done = pytester.run(sys.executable, "-m", "bootharness", "boot", *words)
    assert done.ret == 1
    done.stdout.fnmatch_lines(["*only UEFI fails (efi-no-boot-file); BIOS boots it*"])
