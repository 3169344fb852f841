"""Media of every kind, made by the tools that people make them with: good ones, and broken ones."""

import bz2
import gzip
import json
import lzma
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bootharness.debug.prepare import prepare
from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.errors import UsageError
from bootharness.host.workspace import Workspace
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace
from tests.support.media import (
    CMDLINE,
    ISOLINUX_MBR,
    chs_floppy,
    floppy,
    grub_cd,
    grub_disk,
    iso,
    large_sectors,
    needs,
    overwrite,
    stick,
    syslinux_config,
)

MIB = 1 << 20
KERNEL_BYTES = 200_000
GOOD_CONFIG = syslinux_config()
BAD_CONFIG = syslinux_config("gone")
MSDOS = "start=2048, type=c, bootable\n"
GPT = "label: gpt\nstart=2048, type=U, attrs={}\n"


def booted(image: Path, **options: object) -> tuple[BootTrace, Judgement]:
    plan = choose(BootPlan(route="disk", until="banner", timeout_s=300), options)
    trace = boot(str(image), plan)
    return trace, judge(trace)


def is_good(image: Path, **options: object) -> BootTrace:
    """Boot, and see that the kernel was found on the medium and compared with memory."""
    trace, judgement = booted(image, **options)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.kernel
    assert trace.kernel.payload_bytes == KERNEL_BYTES
    assert trace.handoff
    assert trace.handoff.memory_equal is True
    assert trace.disk
    assert trace.disk.kernel_lba
    read = DiskImage.existing(image).attached_as(str(options.get("attached", "auto")))
    assert read.read(trace.disk.kernel_lba, 0x206)[0x202:] == b"HdrS"
    assert trace.reached("setup-loaded")
    return trace


def cause_of(image: Path, **options: object) -> Judgement:
    _, judgement = booted(image, idle_s=3.0, **options)
    assert judgement.verdict is Verdict.BAD, judgement.summary
    return judgement


@pytest.fixture(scope="module")
def kernel() -> Path:
    return fetch(f"selfcheck:{KERNEL_BYTES}").path


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw disk image with stage1 in its boot sector."""
    path = tmp_path_factory.mktemp("raw") / "raw.img"
    kernel = fetch(f"selfcheck:{KERNEL_BYTES}")
    layout = DiskLayout.plan(Loader.stage1(), kernel, cmdline=CMDLINE, memory_bytes=512 * MIB)
    return layout.write(path).path


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory: pytest.TempPathFactory, kernel: Path) -> Path:
    path = tmp_path_factory.mktemp("hybrid") / "hybrid.iso"
    return iso(path, kernel, GOOD_CONFIG, "-isohybrid-mbr", ISOLINUX_MBR)


def contained(raw: Path, path: Path, kind: str) -> Path:
    needs("qemu-img")
    words = ["qemu-img", "convert", "-f", "raw", "-O", kind, str(raw), str(path)]
    subprocess.run(words, check=True)
    return path


@pytest.mark.parametrize("kind", ["qcow2", "vmdk", "vdi", "vhdx"])
def test_containers_boot(raw: Path, tmp_path: Path, kind: str) -> None:
    trace = is_good(contained(raw, tmp_path / "disk", kind))
    assert trace.disk
    assert trace.disk.driver == kind


def test_container_with_a_broken_disk_inside(raw: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.img"
    shutil.copy(raw, broken)
    overwrite(broken, 510, b"\0\0")
    judgement = cause_of(contained(broken, tmp_path / "disk", "qcow2"))
    assert judgement.cause == "no-boot-signature"


def by_zstd(content: bytes) -> bytes:
    needs("zstd")
    return subprocess.run(["zstd", "-c"], input=content, capture_output=True, check=True).stdout


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress, by_zstd])
def test_compressed_images_boot(
    raw: Path, tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "disk.img.packed"
    path.write_bytes(compress(raw.read_bytes()))
    assert is_good(path).source == str(path)


@pytest.mark.parametrize("interface", ["ahci", "usb"])
def test_cd_boots_by_el_torito(tmp_path: Path, kernel: Path, interface: str) -> None:
    trace = is_good(iso(tmp_path / "cd.iso", kernel, GOOD_CONFIG), disk_interface=interface)
    assert trace.disk
    assert (trace.disk.kind, trace.disk.drive, trace.disk.sector_bytes) == ("cdrom", 0xE0, 2048)


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        ((17 * 2048 + 7, b"X"), "it has no El Torito boot record in sector 17"),
        ((17 * 2048 + 0x47, b"\x05"), "it has no boot catalog in sector 5, where its boot record"),
        ((None, b"\x00"), "it has an entry in its boot catalog that is not bootable (00h in place"),
    ],
)
def test_cd_that_a_bios_refuses(
    tmp_path: Path, kernel: Path, breaks: tuple[int | None, bytes], words: str
) -> None:
    path = iso(tmp_path / "cd.iso", kernel, GOOD_CONFIG)
    catalog = int.from_bytes(path.read_bytes()[17 * 2048 + 0x47 :][:4], "little")
    at, content = breaks
    overwrite(path, catalog * 2048 + 32 if at is None else at, content)
    judgement = cause_of(path)
    assert judgement.cause == "no-boot-catalog"
    assert words in judgement.summary
    assert "Could not read from CDROM" in str(judgement.diagnosis)


def test_cd_without_its_kernel(tmp_path: Path, kernel: Path) -> None:
    judgement = cause_of(iso(tmp_path / "cd.iso", kernel, BAD_CONFIG))
    assert judgement.cause == "boot-manager-error"
    assert "gone" in judgement.summary


@pytest.mark.parametrize(
    ("attached", "kind", "interface"),
    [("auto", "cdrom", "ahci"), ("disk", "disk", "ahci"), ("usb", "disk", "usb")],
)
def test_isohybrid_boots_both_ways(hybrid: Path, attached: str, kind: str, interface: str) -> None:
    trace = is_good(hybrid, attached=attached)
    assert trace.disk
    assert trace.machine
    assert (trace.disk.kind, trace.machine.disk_interface) == (kind, interface)


def test_isohybrid_without_its_boot_sector_is_a_cd_and_no_stick(
    hybrid: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cd.iso"
    shutil.copy(hybrid, path)
    overwrite(path, 0, bytes(512))
    assert cause_of(path, attached="usb").cause == "no-boot-signature"
    is_good(path)


def test_a_download_of_a_cd_that_broke_off_is_told_as_that(hybrid: Path, tmp_path: Path) -> None:
    """One that is a stick as well is a CD all the same."""
    part = tmp_path / "part.iso"
    whole = hybrid.read_bytes()
    catalog = int.from_bytes(whole[17 * 2048 + 0x47 : 17 * 2048 + 0x4B], "little")
    part.write_bytes(whole[: catalog * 2048])
    judgement = cause_of(part)
    assert judgement.cause == "disk-cut-short"
    assert "the CD was cut short" in judgement.summary
    assert "the BIOS could not read what it boots" in judgement.summary


def test_grub_boots_from_a_cd(tmp_path: Path, kernel: Path) -> None:
    is_good(grub_cd(tmp_path / "cd.iso", kernel, f"linux16 /vmlinuz {CMDLINE}\nboot\n"))


@pytest.mark.long
def test_grub_does_not_find_its_kernel_on_a_cd(tmp_path: Path, kernel: Path) -> None:
    judgement = cause_of(grub_cd(tmp_path / "cd.iso", kernel, "linux16 /gone\nboot\n"))
    assert judgement.cause == "boot-manager-error"
    assert "error: file `/gone' not found." in judgement.summary


def test_floppy_boots(tmp_path: Path, kernel: Path) -> None:
    trace = is_good(floppy(tmp_path / "fd.img", kernel, GOOD_CONFIG))
    assert trace.disk
    assert (trace.disk.kind, trace.disk.drive) == ("floppy", 0)
    assert not any(call.packet for call in trace.loader_calls)  # it has no EDD


def test_broken_floppies(tmp_path: Path, kernel: Path) -> None:
    path = floppy(tmp_path / "fd.img", kernel, BAD_CONFIG)
    judgement = cause_of(path)
    assert judgement.cause == "boot-manager-error"
    assert "gone" in judgement.summary
    overwrite(path, 510, b"\0\0")
    judgement = cause_of(path)
    assert judgement.cause == "no-boot-signature"
    assert "the BIOS refused the floppy" in judgement.summary


def test_floppy_that_a_cd_emulates(tmp_path: Path, kernel: Path) -> None:
    needs("xorriso")
    tree = tmp_path / "tree"
    tree.mkdir()
    floppy(tree / "fd.img", kernel, GOOD_CONFIG)
    path = tmp_path / "cd.iso"
    words = ["xorriso", "-as", "mkisofs", "-o", path, "-b", "fd.img", "-c", "boot.cat", tree]
    subprocess.run(words, check=True, capture_output=True)
    trace = is_good(path)
    assert trace.disk
    assert (trace.disk.kind, trace.disk.drive, trace.disk.sector_bytes) == ("cdrom", 0, 512)
    assert trace.disk.base % 2048 == 0


MEMTEST = Path("/usr/lib/memtest86+/memtest86+x64.iso")


@pytest.mark.long
def test_kernel_whose_own_boot_sector_loads_it(tmp_path: Path) -> None:
    """As on memtest86+'s CD, which emulates a floppy: nobody sets its header."""
    needs(MEMTEST)
    trace, judgement = booted(MEMTEST, until="protected-mode")
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.disk
    assert (trace.disk.kind, trace.disk.drive, trace.disk.kernel_lba) == ("cdrom", 0, 0)
    assert trace.handoff
    assert trace.handoff.payload
    assert trace.handoff.payload.equal
    broken = tmp_path / "memtest.iso"
    shutil.copy(MEMTEST, broken)
    overwrite(broken, trace.disk.base + 0x200, bytes(0x600))
    assert booted(broken, until="setup")[1].verdict is Verdict.BAD


def test_stick_boots_until_its_partition_is_broken(tmp_path: Path, kernel: Path) -> None:
    path = stick(tmp_path / "s.img", kernel, GOOD_CONFIG, table=MSDOS)
    trace = is_good(path, attached="usb")
    assert trace.machine
    assert trace.machine.disk_interface == "usb"
    overwrite(path, 2048 * 512 + 510, b"\0\0")  # of the partition, which the MBR enters
    judgement = cause_of(path, attached="usb")
    assert judgement.cause == "loader-gave-up"
    assert "saying" in judgement.summary


def test_gpt_boots(tmp_path: Path, kernel: Path) -> None:
    table = GPT.format("LegacyBIOSBootable")
    path = stick(tmp_path / "gpt.img", kernel, GOOD_CONFIG, table=table, mbr="gptmbr.bin")
    is_good(path)


def test_gpt_with_nothing_to_boot_says_so(tmp_path: Path, kernel: Path) -> None:
    table = GPT.format("RequiredPartition")
    path = stick(tmp_path / "gpt.img", kernel, GOOD_CONFIG, table=table, mbr="gptmbr.bin")
    judgement = cause_of(path)
    assert judgement.cause == "loader-gave-up"
    assert "saying 'Missing OS'" in judgement.summary


@pytest.mark.long
def test_kernel_on_the_second_disk_is_found(tmp_path: Path, kernel: Path) -> None:
    config = f"linux16 (hd1,msdos1)/vmlinuz {CMDLINE}\nboot\n"
    first = grub_disk(tmp_path / "first.img", config)
    second = stick(tmp_path / "second.img", kernel, GOOD_CONFIG, table=MSDOS)
    trace, judgement = booted(first, more_disks=(str(second),))
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.handoff
    assert trace.handoff.memory_equal is True
    assert trace.disk
    assert (trace.disk.others, trace.disk.kernel_lba) == ((str(second),), None)
    judgement = cause_of(first)
    assert judgement.cause == "boot-manager-error"
    assert "hd1" in judgement.summary


def test_floppy_read_by_cylinder_head_and_sector(kernel: Path, tmp_path: Path) -> None:
    skipped = "        shl     ah, 6\n"
    one_on = skipped + "cmp ch, 5\njne .right\ninc ch\n.right:\n"
    judgement = cause_of(chs_floppy(tmp_path / "track.img", kernel, (skipped, one_on)))
    assert judgement.cause == "wrong-sectors"
    assert "the kernel lies in LBA 18 to 417, but the loader left out LBA 180 to 215" in (
        judgement.summary
    )
    nine = ("        and     cx, 63\n", "        mov cx, 9\n")
    judgement = cause_of(chs_floppy(tmp_path / "nine.img", kernel, nine))
    assert judgement.cause == "wrong-sectors"
    assert "read LBA 2,880 of drive 0x00, but the floppy ends with LBA 2,879" in judgement.summary


def test_disk_of_large_sectors_is_read_in_them(tmp_path: Path) -> None:
    trace, judgement = booted(large_sectors(tmp_path / "4k.img", 5))
    assert "read right" in judgement.summary
    assert trace.disk
    assert trace.machine
    assert (trace.disk.sector_bytes, trace.machine.disk_interface) == (4096, "nvme")
    assert any("attached by nvme: it has sectors of 4,096 b" in each for each in judgement.warnings)
    judgement = cause_of(large_sectors(tmp_path / "past.img", 2000, sectors=1100))
    assert judgement.cause == "wrong-sectors"
    assert "LBA 2,000 of drive 0x80, but the disk ends with LBA 1,099; its sectors have 4,096" in (
        judgement.summary
    )
    assert judgement.summary.endswith("counted in 512 bytes that would be LBA 250")


def test_disk_of_large_sectors_is_refused_where_seabios_cannot_boot_it(tmp_path: Path) -> None:
    path = large_sectors(tmp_path / "4k.img", 5)
    with pytest.raises(UsageError, match="sectors of 4,096 bytes, and SeaBIOS boots from such a"):
        booted(path, disk_interface="virtio")


@pytest.mark.parametrize("kind", ["qcow2", "vmdk", "vdi"])
def test_container_of_which_the_file_was_cut_short(raw: Path, kind: str, tmp_path: Path) -> None:
    path = contained(raw, tmp_path / "disk", kind)
    whole = path.stat().st_size
    is_good(path)
    os.truncate(path, whole // 3)
    judgement = cause_of(path)
    assert judgement.cause == "disk-cut-short"
    said = rf"the image was cut short: of what its tables \({kind}\) name, at least [1-9][0-9,]+ by"
    assert re.search(said, judgement.summary)


def test_container_that_lacks_what_the_boot_did_not_need(raw: Path, tmp_path: Path) -> None:
    longer = tmp_path / "longer.img"
    longer.write_bytes(raw.read_bytes() + b"more" * MIB)
    path = contained(longer, tmp_path / "disk", "qcow2")
    assert not judge(is_good(path)).warnings
    os.truncate(path, path.stat().st_size - 2 * MIB)
    (warning,) = judge(is_good(path)).warnings
    assert "tables (qcow2) name, at least 2,097,152 bytes lie behind the end" in warning


def test_image_that_ends_within_a_sector(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "odd.img"
    path.write_bytes(raw.read_bytes() + b"the end")
    is_good(path)


def test_large_image_is_attached_as_it_lies_there(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.img"
    shutil.copy(raw, path)
    with path.open("r+b") as file:
        file.truncate(8 << 30)
    trace = is_good(path)
    assert trace.machine
    assert any(f"file={path}" in word for word in trace.machine.command_line)
    assert path.stat().st_blocks * 512 < 4 * MIB


def test_gdb_has_the_kernel_of_an_image_in_a_container(raw: Path, tmp_path: Path) -> None:
    path = contained(raw, tmp_path / "disk.qcow2", "qcow2")
    plan = BootPlan(route="disk", until="banner", timeout_s=300)
    with Workspace() as workspace, prepare(str(path), plan, "handoff", workspace) as prepared:
        prepared.scene.write(tmp_path, wide=True)
    facts = json.loads((tmp_path / "facts.json").read_text())
    at = facts["disk_base"] + facts["kernel_lba"] * facts["sector_bytes"]
    assert (tmp_path / facts["disk"]).read_bytes()[at + 0x202 :].startswith(b"HdrS")


def test_what_cannot_be_attached_so_is_one_sentence(hybrid: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a CD, and a CD is attached by ahci, ide, usb, scsi"):
        booted(hybrid, disk_interface="nvme")
    with pytest.raises(UsageError, match="--disk-interface nvme: --as usb says another one"):
        booted(hybrid, attached="usb", disk_interface="nvme")
    empty = tmp_path / "empty.img"
    empty.write_bytes(bytes(1_474_560))
    with pytest.raises(UsageError, match="is a floppy, which has a controller of its own"):
        booted(empty, disk_interface="virtio")
    with pytest.raises(UsageError, match=r"--and-disk .*hybrid\.iso: a CD, and a disk is wanted"):
        booted(hybrid, more_disks=(str(hybrid),))
    with pytest.raises(UsageError, match="and a floppy at most 2,949,120: leave --as floppy out"):
        booted(large_sectors(tmp_path / "large.img", 5, sectors=1000), attached="floppy")


def test_kernel_that_a_file_system_has_in_pieces(tmp_path: Path, kernel: Path) -> None:
    image = floppy(tmp_path / "pieces.img", kernel, GOOD_CONFIG, holes=20)
    trace = is_good(image)
    assert trace.kernel
    assert trace.kernel.sha256 == fetch(str(kernel)).sha256


def test_kernel_in_very_many_pieces_is_compared_all_the_same(tmp_path: Path, kernel: Path) -> None:
    image = floppy(tmp_path / "pieces.img", kernel, GOOD_CONFIG, holes=80, hole_bytes=2048)
    _, judgement = booted(image)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert "200,000 bytes in memory equal the file" in judgement.summary
