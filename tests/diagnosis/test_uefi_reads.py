"""A UEFI's reads of a disk, from calls made by hand."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.trace.disk_facts import DiskEvent, FaultyDiskFacts
from bootharness.trace.uefi_calls import UefiCall
from tests.diagnosis.test_uefi import BLOCKS, FILES, STARTED, boot, call

pytestmark = pytest.mark.usefixtures("every_word")

DEVICE_ERROR, INVALID = (1 << 63 | code for code in (7, 2))


def read(lba: int, sectors: int = 8, status: int = 0) -> UefiCall:
    return call("ReadBlocks", "", status, subject=1, lba=lba, wanted=sectors * 512)


def of_file(status: int) -> UefiCall:
    return call("Read", "\\vmlinuz", status)


def faulty(fault: str, *events: DiskEvent) -> FaultyDiskFacts:
    return FaultyDiskFacts((fault,), 10, 5120, events)


def failed(fault: str, times: int = 5) -> FaultyDiskFacts:
    return faulty(fault, DiskEvent(2.0, "failed", 100, 8, fault, times))


def test_a_read_that_failed_is_told_with_its_file_and_its_fault() -> None:
    calls = (BLOCKS, FILES, STARTED, read(100, 8, DEVICE_ERROR), of_file(DEVICE_ERROR))
    judgement = judge(boot(*calls, faulty_disk=failed("error:lba=103")))
    assert judgement.cause == "disk-read-failed"
    assert judgement.summary == (
        "the disk read of 8 sectors at LBA 100 failed (Device Error), in 1 attempt, as \\vmlinuz "
        "was read (fault error:lba=103)"
    )


def test_a_read_that_came_later_did_not_fail() -> None:
    calls = (BLOCKS, FILES, STARTED, read(100, 8, DEVICE_ERROR), read(100))
    assert judge(boot(*calls)).cause != "disk-read-failed"
    assert judge(boot(*calls[:-1], read(200))).cause == "disk-read-failed"
    assert judge(boot(*calls[:-1], replace(read(100), subject=2))).cause == "disk-read-failed"


@pytest.mark.parametrize(
    ("fault", "times", "calls", "cause"),
    [
        ("error:lba=103", 5, (read(100),), "disk-read-failed"),
        ("error:lba=103", 5, (read(50, 200),), "disk-read-failed"),
        ("error:lba=103", 5, (read(200),), "efi-no-file-system"),
        ("error:lba=103,times=5", 5, (read(100),), "efi-no-file-system"),
        ("error:lba=103,times=6", 5, (read(100),), "disk-read-failed"),
        ("nonsense", 5, (read(100),), "efi-no-file-system"),
    ],
)
def test_what_the_disk_did_not_give_and_the_firmware_took_is_told(
    fault: str, times: int, calls: tuple[UefiCall, ...], cause: str
) -> None:
    """OVMF returns success for reads that AHCI could not do."""
    assert judge(boot(BLOCKS, *calls, faulty_disk=failed(fault, times))).cause == cause


def test_a_file_that_goes_on_behind_the_end_is_told() -> None:
    calls = (BLOCKS, FILES, STARTED, read(4090, 8, INVALID), of_file(INVALID))
    judgement = judge(boot(*calls))
    assert judgement.cause == "disk-cut-short"
    assert judgement.summary == (
        "the disk was cut short: it ends with LBA 4,095, and \\vmlinuz goes on behind that: the "
        "read of LBA 4,090 to 4,097 went past the end (Invalid Parameter)"
    )
    cut = boot(*calls, faulty_disk=faulty("cut:bytes=2097152"))
    assert judge(cut).summary.endswith("(Invalid Parameter) (fault cut:bytes=2097152)")


@pytest.mark.parametrize(
    "calls",
    [
        (read(4090, 6, INVALID), of_file(INVALID)),
        (read(4090, 8), of_file(INVALID)),
        (read(4090, 8, INVALID),),
        (replace(read(4090, 8, INVALID), subject=5), of_file(INVALID)),
    ],
)
def test_a_read_within_the_disk_or_of_no_file_is_not_cut_short(calls: tuple[UefiCall, ...]) -> None:
    assert judge(boot(BLOCKS, FILES, STARTED, *calls)).cause != "disk-cut-short"
