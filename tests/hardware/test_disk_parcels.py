"""What is sent to a machine so that it writes its disk, and what it tells of that, as bytes."""

import struct

import pytest

from bootharness.errors import UsageError
from bootharness.hardware.disk_parcels import DiskOrder, parcels, sums
from bootharness.hardware.disk_report import DiskReport, SeenDisk, why_refused

DISK = struct.pack("<QHI20s", 8192, 512, 0xC0FFEE01, b"SCRATCH-1".ljust(20))


def told(kind: str, what: bytes) -> bytes:
    return f"@{kind}{(what + bytes([-sum(what) % 256])).hex().upper()}\n".encode()


@pytest.mark.parametrize(
    ("word", "order"),
    [
        ("c0ffee01", DiskOrder(0xC0FFEE01, "c0ffee01")),
        ("WD-WCC4E", DiskOrder(0, "WD-WCC4E")),
        (" S3Z9NB0K ", DiskOrder(0, "S3Z9NB0K")),
        ("c0ffee0", DiskOrder(0, "c0ffee0")),
    ],
)
def test_a_disk_is_named_by_signature_or_serial_number(word: str, order: DiskOrder) -> None:
    assert DiskOrder.named(word) == order


@pytest.mark.parametrize("word", ["", " ", "00000000", "x" * 21, "a\nb", "é"])
def test_what_names_no_disk_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        DiskOrder.named(word)


def test_all_of_an_image_is_in_its_parcels() -> None:
    image = bytearray(130 * 512)
    image[70 * 512] = 7
    image[-1] = 9
    files = parcels(DiskOrder(1), lambda lba, size: bytes(image[lba * 512 :][:size]), 130)
    assert list(files) == ["0000", "0001", "0002", "0003", "0004"]
    heads = [struct.unpack_from("<QHHII", each) for each in list(files.values())[1:]]
    assert [head[:3] for head in heads] == [(0, 64, 1), (64, 64, 0), (128, 2, 0), (130, 0, 0)]
    assert files["0002"][512:] == image[64 * 512 : 128 * 512]
    assert heads[1][3:] == sums(files["0002"][512:])


def test_an_image_that_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(UsageError, match="at most"):
        parcels(DiskOrder(1), lambda lba, size: pytest.fail("read"), 1 << 32)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_reports_are_heard_among_others_words(step: int) -> None:
    report = DiskReport()
    said = b"iPXE @D12\n" + told("D", DISK) + b"....@WFF\n" + told("W", bytes(10))
    for at in range(0, len(said), step):
        assert not report.written
        report.feed(said[at : at + step])
    assert report.disk == SeenDisk(8192, 512, 0xC0FFEE01, "SCRATCH-1") and report.written


def test_a_report_that_the_line_has_changed_is_none() -> None:
    report = DiskReport()
    report.feed(told("W", bytes(10)).replace(b"00", b"01", 1))
    assert not report.over


def test_what_failed_is_said() -> None:
    report = DiskReport()
    report.feed(told("F", struct.pack("<QBB", 77, 0x43, 3)))
    assert report.why == "INT 13h AH=43h failed at LBA 77 with status 03h"


def test_why_a_disk_is_refused() -> None:
    disk = SeenDisk(100, 4096, 1, "")
    assert "sectors of 4096 bytes" in why_refused(disk, "x", 1)
    assert str(disk).endswith("no serial number to be had")
