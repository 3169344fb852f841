"""The master boot record, against sfdisk: neither our builder nor our parser is its own judge."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bootharness.errors import FormatError
from bootharness.formats.mbr import Mbr, Partition

SFDISK = shutil.which("sfdisk", path="/usr/sbin:/sbin:/usr/bin:/bin")
needs_sfdisk = pytest.mark.skipif(SFDISK is None, reason="sfdisk (package fdisk) is not installed")


def sfdisk(*arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        [str(SFDISK), *arguments], input=stdin, capture_output=True, text=True, check=True
    )
    return done.stdout


@needs_sfdisk
def test_sfdisk_reads_what_we_build(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(64 << 20)
    partitions = (
        Partition.at(2048, 40960, kind=0xDA, active=True),
        Partition.at(43008, 8192, kind=0x83, active=False),
        Partition(),
        Partition(),
    )
    sector = Mbr(b"\xeb\xfe", disk_signature=0x12345678, partitions=partitions).build()
    with disk.open("r+b") as file:
        file.write(sector)
    table = json.loads(sfdisk("--json", str(disk)))["partitiontable"]
    assert (table["label"], table["id"]) == ("dos", "0x12345678")
    first, second = table["partitions"]
    assert (first["start"], first["size"], first["type"], first["bootable"]) == (
        2048, 40960, "da", True,
    )  # fmt: skip
    assert (second["start"], second["size"], second["type"]) == (43008, 8192, "83")


@needs_sfdisk
def test_we_read_what_sfdisk_writes(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(2 << 30)
    script = "label: dos\nlabel-id: 0xcafe0001\n2048,100000,83,*\n,2000000,82\n,,c\n"
    sfdisk("--quiet", str(disk), stdin=script)
    with disk.open("rb") as file:
        mbr = Mbr.parse(file.read(512))
    assert (mbr.disk_signature, mbr.boot_signature) == (0xCAFE0001, b"\x55\xaa")
    assert [entry.type for entry in mbr.partitions] == [0x83, 0x82, 0x0C, 0]
    first, second = mbr.partitions[:2]
    assert (first.status, first.first_lba, first.sector_count) == (0x80, 2048, 100000)
    assert (second.status, second.sector_count) == (0, 2000000)
    # sfdisk and we agree on the geometry that nobody uses any more
    for entry in mbr.partitions[:3]:
        ours = Partition.at(entry.first_lba, entry.sector_count, kind=0x83, active=False)
        assert (ours.first_chs, ours.last_chs) == (entry.first_chs, entry.last_chs)


def test_hand_made_entry() -> None:
    sector = bytearray(512)
    # active, CHS 0/32/33 as fdisk has it for LBA 2048, type 83, end beyond 1023 cylinders
    sector[0x1BE : 0x1BE + 16] = bytes.fromhex("80202100 83feffff 00080000 00f80300")
    sector[510:] = b"\x55\xaa"
    entry = Mbr.parse(bytes(sector)).partitions[0]
    assert (entry.first_chs, entry.last_chs) == ((0, 32, 33), (1023, 254, 63))
    assert (entry.first_lba, entry.sector_count) == (2048, 0x3F800)
    assert Partition.at(2048, 0x3F800, kind=0x83, active=True).first_chs == entry.first_chs


def test_code_that_does_not_fit_is_an_error() -> None:
    assert Mbr(bytes(440)).build()
    with pytest.raises(FormatError, match="441 bytes"):
        Mbr(bytes(441)).build()


def test_partition_beyond_2_tib_is_an_error() -> None:
    partition = Partition(first_lba=1 << 32, sector_count=1)
    with pytest.raises(FormatError, match="2 TiB"):
        Mbr(b"", partitions=(partition, *(Partition(),) * 3)).build()


def test_other_than_one_sector_is_an_error() -> None:
    with pytest.raises(FormatError, match="512 bytes, not 511"):
        Mbr.parse(bytes(511))
