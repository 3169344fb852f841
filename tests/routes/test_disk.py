"""Disk images: what lies where, that they stay sparse, that other tools see them right."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.formats.mbr import Mbr
from bootharness.kernels.image import KernelImage
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import ORIGIN, Loader
from tests.support.builders import bzimage, patched_kernel

MIB = 1 << 20


@pytest.fixture
def kernel(tmp_path: Path) -> KernelImage:
    path = tmp_path / "bzImage"
    path.write_bytes(bzimage(bytes(range(256)) * 4096))
    return KernelImage.read(path)


def built(folder: Path, kernel: KernelImage, **options: object) -> DiskImage:
    values = {"cmdline": "console=ttyS0", "memory_bytes": 512 * MIB, **options}
    layout = DiskLayout.plan(Loader.stage1(), kernel, **values)  # type: ignore[arg-type]
    return layout.write(folder / "disk.img")


def number(image: bytes, symbol: str) -> int:
    at = Loader.stage1().symbols[symbol] - ORIGIN
    return int.from_bytes(image[at : at + 4], "little")


def test_everything_lies_where_the_loader_is_told(tmp_path: Path, kernel: KernelImage) -> None:
    disk = built(tmp_path, kernel, initrd=b"initrd!" * 100)
    image = disk.path.read_bytes()
    assert disk.initrd
    for symbol, content in (
        ("cmdline_lba", b"console=ttyS0\0"),
        ("kernel_lba", kernel.path.read_bytes()),
        ("initrd_lba", b"initrd!" * 100),
    ):
        lba = number(image, symbol)
        assert image[lba * 512 :].startswith(content)
    assert number(image, "initrd_size") == 700
    assert number(image, "initrd_address") == disk.initrd.address
    assert len(image) % MIB == 0


def test_initrd_goes_high_below_the_bios_tables_and_page_aligned(
    tmp_path: Path, kernel: KernelImage
) -> None:
    for memory, top in ((512 * MIB, 511 * MIB), (8192 * MIB, 0x7FFFFFFF + 1)):
        disk = built(tmp_path, kernel, initrd=bytes(5000), memory_bytes=memory)
        assert disk.initrd
        assert disk.initrd.address % 4096 == 0
        assert disk.initrd.address == (top - 5000) & ~0xFFF


@pytest.mark.parametrize(
    ("limit", "address"),
    [(0, None), (0xFFFFF, None), (0x300000, None), (0x301387, 0x300000), (0x1FFFFFF, 0x1FFE000)],
)
def test_initrd_is_never_placed_over_the_bios_or_below_the_kernel(
    tmp_path: Path, limit: int, address: int | None
) -> None:
    path = tmp_path / "bzImage"
    path.write_bytes(bzimage(bytes(2 * MIB)))
    patched_kernel(path, path, size=4, initrd_addr_max=limit)
    kernel = KernelImage.read(path)
    if address is None:
        with pytest.raises(UsageError, match=r"initrd_addr_max is 0x.*--until banner"):
            built(tmp_path, kernel, initrd=bytes(5000))
        built(tmp_path, kernel)
    else:
        disk = built(tmp_path, kernel, initrd=bytes(5000))
        assert disk.initrd
        assert disk.initrd.address == address
    small = built(tmp_path, KernelImage.read(_plain(tmp_path)), initrd=bytes(5000),
                  memory_bytes=MIB)  # fmt: skip
    assert small.initrd
    assert small.initrd.address == MIB


def _plain(folder: Path) -> Path:
    path = folder / "plain"
    path.write_bytes(bzimage())
    return path


def test_mbr_has_signature_partition_and_loader(tmp_path: Path, kernel: KernelImage) -> None:
    disk = built(tmp_path, kernel)
    mbr = Mbr.parse(disk.read(0, 512))
    assert mbr.disk_signature
    partition = mbr.partitions[0]
    assert (partition.first_lba, partition.status, partition.type) == (2048, 0x80, 0xDA)
    assert (2048 + partition.sector_count) * 512 == disk.path.stat().st_size
    loader = Loader.stage1()
    code = loader.symbols["message"] - ORIGIN
    assert mbr.bootstrap_code[:code] == loader.binary[:code]


@pytest.mark.parametrize("length", [0, 2047, 2048, 5000])
def test_whole_command_line_is_on_the_disk(
    tmp_path: Path, kernel: KernelImage, length: int
) -> None:
    line = "a" * length
    disk = built(tmp_path, kernel, cmdline=line)
    read = disk.read(disk.cmdline_lba, (disk.kernel_lba - disk.cmdline_lba) * 512)
    assert read.rstrip(b"\0") == line.encode()
    assert len(read) >= 2048
    assert read.endswith(b"\0") or length == 2047


def test_command_line_with_a_nul_is_refused(tmp_path: Path, kernel: KernelImage) -> None:
    with pytest.raises(UsageError, match="NUL"):
        built(tmp_path, kernel, cmdline="a\0b")


def test_image_of_any_size_stays_sparse(tmp_path: Path, kernel: KernelImage) -> None:
    size = 100 << 30
    disk = built(tmp_path, kernel, size_bytes=size)
    status = disk.path.stat()
    assert status.st_size == size
    assert status.st_blocks * 512 < 4 * MIB


@pytest.mark.skipif(not shutil.which("qemu-img"), reason="qemu-img is not installed")
def test_disk_beyond_2_tib_and_what_qemu_thinks_of_it(tmp_path: Path, kernel: KernelImage) -> None:
    size = 3 << 40
    disk = built(tmp_path, kernel, size_bytes=size)
    said = subprocess.run(
        ["qemu-img", "info", "--output=json", str(disk.path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    info = json.loads(said)
    assert (info["format"], info["virtual-size"]) == ("raw", size)
    assert Mbr.parse(disk.read(0, 512)).partitions[0].sector_count == 0xFFFFFFFF


def test_kernel_beyond_32_bits_of_lba_is_a_sentence(tmp_path: Path, kernel: KernelImage) -> None:
    with pytest.raises(UsageError, match=r"kernel_lba is 4,294,967,3\d\d and does not fit"):
        built(tmp_path, kernel, first_lba=1 << 32)


@pytest.mark.parametrize("content", [None, b"short"])
def test_existing_image_has_to_be_one(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "some.img"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"some\.img"):
        DiskImage.existing(path)


def test_building_needs_little_memory(tmp_path: Path) -> None:
    # in a process of its own: the peak of this one says nothing
    source = tmp_path / "bzImage"
    source.write_bytes(bzimage(bytes(16)))
    os.truncate(source, 300 * MIB)
    script = (
        "import sys, resource\n"
        "from pathlib import Path\n"
        "from bootharness.routes.disk_layout import DiskLayout\n"
        "from bootharness.kernels.image import KernelImage\n"
        "from bootharness.routes.loader import Loader\n"
        "loader, kernel = Loader.stage1(), KernelImage.read(Path(sys.argv[1]))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "layout = DiskLayout.plan(loader, kernel, cmdline='', memory_bytes=1 << 29)\n"
        "layout.write(Path(sys.argv[2]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    assert resource.RUSAGE_SELF == 0
    said = subprocess.run(
        [sys.executable, "-c", script, str(source), str(tmp_path / "disk.img")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert int(said) < 30 * 1024  # KiB, for a kernel of 300 MiB
