"""Disk images as people have them: SYSLINUX on a FAT file system, GRUB with either entry."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import DEFAULT_CMDLINE, BootPlan
from bootharness.predictor.predict import predict

PARTITION_LBA = 2048
SIZE_MIB = 64
SYSLINUX_MBR = Path("/usr/lib/syslinux/mbr/mbr.bin")
SYSLINUX_MODULE = Path("/usr/lib/syslinux/modules/bios/ldlinux.c32")
GRUB_BOOT = Path("/usr/lib/grub/i386-pc/boot.img")
GRUB_MODULES = "biosdisk part_msdos fat"
PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


def needs(*tools: str | Path) -> None:
    missing = []
    for tool in tools:
        there = tool.exists() if isinstance(tool, Path) else shutil.which(tool, path=PATH)
        missing += [] if there else [str(tool)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def run(*argv: str | Path, text: str = "") -> None:
    done = subprocess.run(
        argv, input=text, capture_output=True, text=True, check=False, env={"PATH": PATH}
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def fat_disk(tmp_path_factory: pytest.TempPathFactory, debian: str) -> Path:
    """A disk with the kernel on a FAT file system, and no loader."""
    needs("sfdisk", "mkfs.vfat", "mcopy")
    disk = tmp_path_factory.mktemp("disk") / "fat.img"
    with disk.open("wb") as file:
        file.truncate(SIZE_MIB << 20)
    run("sfdisk", "-q", disk, text=f"start={PARTITION_LBA}, type=c, bootable\n")
    run("mkfs.vfat", "-F", "32", "--offset", str(PARTITION_LBA), disk, str((SIZE_MIB - 1) << 10))
    copy(disk, fetch(debian).path, "vmlinuz")
    return disk


def copy(disk: Path, source: Path, name: str) -> None:
    run("mcopy", "-i", f"{disk}@@1M", source, f"::{name}")


def write(disk: Path, at: int, content: bytes) -> None:
    with disk.open("r+b") as file:
        file.seek(at)
        file.write(content)


def is_good(disk: Path, *, memory: bool) -> None:
    plan = BootPlan(route="disk", until="banner", timeout_s=300)
    predicted = judge(predict(str(disk), plan))
    assert (predicted.verdict, predicted.cause) == (Verdict.SKIP, "not-emulated")
    trace = boot(str(disk), plan)
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.kernel
    assert trace.kernel.release.startswith("6.1")
    assert (trace.handoff is not None) is memory
    if trace.handoff:
        assert trace.handoff.memory_equal is True


def test_syslinux(fat_disk: Path, tmp_path: Path) -> None:
    needs("syslinux", SYSLINUX_MBR, SYSLINUX_MODULE)
    disk = tmp_path / "syslinux.img"
    shutil.copy(fat_disk, disk)
    config = tmp_path / "syslinux.cfg"
    config.write_text(f"default it\nlabel it\n kernel vmlinuz\n append {DEFAULT_CMDLINE}\n")
    copy(disk, config, "syslinux.cfg")
    copy(disk, SYSLINUX_MODULE, "ldlinux.c32")
    run("syslinux", "--install", "--offset", str(PARTITION_LBA * 512), disk)
    write(disk, 0, SYSLINUX_MBR.read_bytes()[:440])
    is_good(disk, memory=True)


@pytest.mark.parametrize("command", ["linux16", "linux"])
def test_grub(fat_disk: Path, tmp_path: Path, command: str) -> None:
    """``linux16`` enters the setup code, ``linux`` the kernel's 32-bit entry."""
    needs("grub-mkstandalone", GRUB_BOOT)
    disk, core, config = tmp_path / "grub.img", tmp_path / "core.img", tmp_path / "grub.cfg"
    shutil.copy(fat_disk, disk)
    config.write_text(f"{command} (hd0,msdos1)/vmlinuz {DEFAULT_CMDLINE}\nboot\n")
    run(
        *("grub-mkstandalone", "-O", "i386-pc", "-o", core, "--locales=", "--themes=", "--fonts="),
        *(f"--install-modules={command} normal {GRUB_MODULES}", f"--modules={GRUB_MODULES}"),
        f"boot/grub/grub.cfg={config}",
    )
    write(disk, 0, GRUB_BOOT.read_bytes()[:440])
    write(disk, 512, core.read_bytes())
    is_good(disk, memory=command == "linux16")
