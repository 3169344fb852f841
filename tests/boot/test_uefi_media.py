"""Disks that a UEFI boots, of every FAT, sector size and interface: the kernel is proven each time,
wherever it lies."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import UsageError
from bootharness.kernels.initrd import tiny_initrd
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.uefi_calls import spans_read
from tests.support.uefi_programs import FALLBACK, file_system

pytestmark = pytest.mark.usefixtures("uefi_tools")

KERNEL = "deb:linux-image-cloud-amd64/bookworm"
SYSTEMD = Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
FATS: dict[str, tuple[str, ...]] = {
    "FAT12": ("-F", "12", "-s", "64"),
    "FAT16": ("-F", "16"),
    "FAT32": ("-F", "32"),
    "sectors of 4,096 bytes": ("-S", "4096", "-s", "1"),
}


def files() -> Mapping[str, bytes]:
    menu = "linux /vmlinuz\ninitrd /initrd\noptions console=ttyS0 panic=-1\n"
    return {
        FALLBACK: SYSTEMD.read_bytes(),
        "loader/loader.conf": b"timeout 0\n",
        "loader/entries/a.conf": menu.encode(),
        "vmlinuz": fetch(KERNEL).path.read_bytes(),
        "initrd": tiny_initrd(wide=True),
    }


def booted(image: Path, **choices: object) -> BootTrace:
    plan = BootPlan(route="uefi-disk", until="banner", timeout_s=120.0)
    return boot(str(image), choose(plan, choices))


def is_proven(trace: BootTrace) -> None:
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.kernel
    assert trace.proof.compared_bytes == trace.kernel.header.payload_length


def test_a_kernel_in_many_pieces_is_put_together_and_compared(tmp_path: Path) -> None:
    image = file_system(tmp_path / "disk.img", files(), *FATS["FAT32"], scattered=True)
    trace = booted(image)
    is_proven(trace)
    assert trace.kernel
    longest = max(len(span) for span in spans_read(trace.uefi_calls, 1)) * 512
    assert longest < trace.kernel.file_bytes / 2


@pytest.mark.sample(4)
@pytest.mark.parametrize("fat", FATS)
def test_a_kernel_on_every_fat_is_proven(fat: str, tmp_path: Path) -> None:
    is_proven(booted(file_system(tmp_path / "disk.img", files(), *FATS[fat])))


@pytest.mark.long
@pytest.mark.sample(8)
@pytest.mark.parametrize("interface", ["nvme", "virtio", "usb", "ahci", "ide", "scsi"])
def test_a_kernel_on_every_interface_is_proven(interface: str, tmp_path: Path) -> None:
    image = file_system(tmp_path / "disk.img", files(), *FATS["FAT32"])
    is_proven(booted(image, disk_interface=interface))


@pytest.mark.long
@pytest.mark.sample(8)
@pytest.mark.parametrize("interface", ["virtio", "usb", "scsi"])
def test_a_disk_of_large_sectors_is_booted_by_more_than_a_bios_can(
    interface: str, tmp_path: Path
) -> None:
    image = file_system(
        tmp_path / "disk.img", files(), *FATS["sectors of 4,096 bytes"], scattered=True
    )
    is_proven(booted(image, disk_interface=interface))


def test_an_interface_without_large_sectors_is_told_as_that(tmp_path: Path) -> None:
    image = file_system(tmp_path / "disk.img", {}, *FATS["sectors of 4,096 bytes"])
    with pytest.raises(UsageError, match="a UEFI boots from such a disk only by nvme and virtio"):
        booted(image, disk_interface="ide")
