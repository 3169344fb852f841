"""What an image is: a disk, a CD, a floppy, and how large its sectors are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootharness.formats.eltorito import BootEntry, boot_entry
from bootharness.formats.floppy import FLOPPY_FORMATS, FloppyFormat, floppy_format
from bootharness.gate.matrix import Matrix
from bootharness.plan import BootPlan
from bootharness.routes.shape import Shape, shape_of
from bootharness.routes.table import by_what_is_given

SECTOR = bytes(510) + b"\x55\xaa"
CATALOG = 20


def cd(entry: bytes = b"\x88\0\0\0\0\0\4\0\x19\0\0\0", platform: int = 0) -> bytearray:
    """Return a CD image of 32 sectors with a boot catalog."""
    image = bytearray(32 * 2048)
    image[16 * 2048 : 16 * 2048 + 6] = b"\1CD001"
    image[17 * 2048 : 17 * 2048 + 30] = b"\0CD001\1EL TORITO SPECIFICATION"
    image[17 * 2048 + 0x47] = CATALOG
    image[CATALOG * 2048 : CATALOG * 2048 + 2] = bytes((1, platform))
    image[CATALOG * 2048 + 30 : CATALOG * 2048 + 32] = b"\x55\xaa"
    image[CATALOG * 2048 + 32 : CATALOG * 2048 + 32 + len(entry)] = entry
    return image


def reader(image: bytes) -> Callable[[int, int], bytes]:
    """Return what reads an image as a file is read: zeros behind its end."""
    return lambda start, count: bytes(image[start : start + count]).ljust(count, b"\0")


def shape(image: bytes, asked: str = "auto", size: int | None = None) -> Shape:
    return shape_of(reader(image), size or len(image), asked)


def fat(size: int, track: int, *, media: int = 0xF0, sector: int = 512) -> bytes:
    """Return the boot sector of a FAT file system on a floppy of two sides."""
    head = b"\xeb\x3c\x90mkfs.fat" + sector.to_bytes(2, "little") + b"\1\1\0\2\xe0\0"
    total = (size // 512).to_bytes(2, "little")
    return (head + total + bytes((media, 9, 0, track, 0, 2, 0))).ljust(510, b"\0") + b"\x55\xaa"


@pytest.mark.parametrize("each", FLOPPY_FORMATS)
def test_floppy_is_known_by_its_size(each: FloppyFormat) -> None:
    assert floppy_format(SECTOR, each.bytes) == each
    assert floppy_format(SECTOR, each.bytes + 512) is None


def test_floppy_that_is_cut_short_is_known_by_its_boot_sector() -> None:
    assert floppy_format(fat(1_474_560, 18), 70_000) == FloppyFormat(80, 2, 18)
    assert floppy_format(fat(1_474_560, 18, media=0x55), 70_000) is None


def test_disk_of_a_floppys_size_with_partitions_is_a_disk() -> None:
    sector = bytearray(SECTOR)
    sector[0x1BE], sector[0x1C2] = 0x80, 0x83
    assert floppy_format(bytes(sector), 1_474_560) is None
    assert shape(bytes(sector), size=1_474_560).kind == "disk"


def test_shapes() -> None:
    assert shape(SECTOR) == Shape()
    assert shape(fat(1_474_560, 18), size=1_474_560) == Shape(
        "floppy", 0, floppy=FloppyFormat(80, 2, 18)
    )
    assert shape(cd()) == Shape("cdrom", 0xE0, 2048)
    assert shape(cd(), "disk") == shape(cd(), "usb") == Shape()
    assert shape(SECTOR, "cdrom").refused == "no El Torito boot record in sector 17"
    assert shape(SECTOR + bytes(4096 - 512) + b"EFI PART").sector_bytes == 4096
    assert shape(SECTOR + b"EFI PART" + bytes(4096 - 520) + b"EFI PART").sector_bytes == 512
    assert shape(fat(1_474_560, 18, sector=4096)).sector_bytes == 4096


def test_disk_that_has_a_file_system_of_cds_boots_as_what_its_bios_can() -> None:
    image = cd()
    image[510:512] = b"\x55\xaa"
    assert shape(image).kind == "cdrom"
    image[17 * 2048] = 1
    assert shape(image).kind == "disk"


@pytest.mark.parametrize(
    ("media", "emulation", "drive", "floppy"),
    [
        (1, "floppy", 0, FloppyFormat(80, 2, 15)),
        (2, "floppy", 0, FloppyFormat(80, 2, 18)),
        (4, "disk", 0x80, None),
    ],
)
def test_what_a_cd_emulates(
    media: int, emulation: str, drive: int, floppy: FloppyFormat | None
) -> None:
    image = cd(bytes((0x88, media, 0, 0, 0, 0, 1, 0, 25, 0, 0, 0)))
    found = boot_entry(reader(image), len(image))
    assert found == BootEntry(emulation, 25, floppy)  # type: ignore[arg-type]
    assert shape(image) == Shape("cdrom", drive, 512, 25 * 2048, floppy)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (cd(platform=0xEF), "a boot catalog that begins with an entry for UEFI, and none for a"),
        (cd(b"\0"), "an entry in its boot catalog that is not bootable (00h in place of 88h)"),
        (cd(b"\x88\7\0\0\0\0\1\0\x19"), "that emulates what nobody knows (07h)"),
        (cd(b"\x88\0\0\0\0\0\0\0\x19"), "that loads no sector"),
        (cd(b"\x88\0\0\0\0\0\4\0\x19\1\0"), "for sector 281, which is behind its end"),
    ],
)
def test_why_no_bios_boots_a_cd(image: bytearray, why: str) -> None:
    found = boot_entry(reader(image), len(image))
    assert isinstance(found, str)
    assert why in found


def test_images_are_booted_as_they_are_unless_somebody_chooses(tmp_path: Path) -> None:
    image, other = tmp_path / "disk.img", tmp_path / "text"
    image.write_bytes(SECTOR.ljust(4096, b"\0"))
    other.write_text("hello")
    assert by_what_is_given(BootPlan(), [str(image)]).route == "disk"
    assert by_what_is_given(BootPlan(), [str(tmp_path / "*.img")]).route == "disk"
    assert by_what_is_given(BootPlan(), [str(image), str(other)]).route == "mbr"
    assert by_what_is_given(BootPlan(route="direct"), [str(image)]).route == "direct"
    assert by_what_is_given(BootPlan(), []).route == "mbr"
    [cell] = Matrix((str(image),)).cells()
    assert cell.plan.route == "disk"
