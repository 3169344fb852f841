"""A UEFI's reads of a disk, from calls made by hand."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.disk_facts import DiskEvent, FaultyDiskFacts
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_handoff import UefiHandoff
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


def causes(trace: BootTrace) -> list[str | None]:
    judgement = judge(trace)
    return [judgement.cause, *(each.cause for each in judgement.consequences)]


LOST = (BLOCKS, FILES, STARTED, read(100, 8, DEVICE_ERROR), of_file(DEVICE_ERROR))
CUT = (BLOCKS, FILES, STARTED, read(4090, 8, INVALID), of_file(INVALID))


@pytest.mark.parametrize(
    "more",
    [{"kind": "reached"}, {"uefi_handoff": UefiHandoff(2.0, 0x1000, cmdline="")}],
    ids=["reached", "handed off"],
)
def test_a_boot_that_got_there_needed_no_more_of_the_disk(more: dict[str, Any]) -> None:
    assert "disk-read-failed" not in causes(boot(*LOST, **more))
    assert "disk-cut-short" not in causes(boot(*CUT, **more))
    if "kind" in more:
        taken = boot(BLOCKS, read(100), faulty_disk=failed("error:lba=103"), **more)
        assert "disk-read-failed" not in causes(taken)


def test_sectors_are_those_of_the_disk_that_was_read() -> None:
    of_4k = replace(BLOCKS, bytes=4096, subject=3)
    calls = (BLOCKS, of_4k, FILES, STARTED, replace(LOST[3], subject=3, wanted=8192))
    assert "the disk read of 2 sectors at LBA 100" in judge(boot(*calls)).summary
    unknown = replace(LOST[3], subject=9, wanted=1024)
    assert "the disk read of 2 sectors at LBA 100" in judge(boot(BLOCKS, FILES, unknown)).summary
    nowhere = replace(LOST[3], lba=None, wanted=512)
    judgement = judge(boot(BLOCKS, FILES, nowhere))
    assert "the disk read of 1 sector at LBA 0 failed" in judgement.summary
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == ("ReadBlocks LBA 0, 512 bytes: Device Error",)


def test_a_fault_is_named_where_it_lies_in_what_was_read() -> None:
    elsewhere = faulty("error:lba=900", DiskEvent(2.0, "failed", 900, 1, "error:lba=900", 1))
    assert "(fault" not in judge(boot(*LOST, faulty_disk=elsewhere)).summary
    last = faulty("error:lba=107", DiskEvent(2.0, "failed", 107, 1, "error:lba=107", 1))
    assert "(fault error:lba=107)" in judge(boot(*LOST, faulty_disk=last)).summary
    before = faulty("error:lba=99", DiskEvent(2.0, "failed", 99, 1, "error:lba=99", 1))
    assert "(fault" not in judge(boot(*LOST, faulty_disk=before)).summary


def test_a_read_that_ends_where_a_fault_begins_took_nothing_of_it() -> None:
    assert judge(boot(BLOCKS, read(92), faulty_disk=failed("error:lba=103"))).cause == (
        "efi-no-file-system"
    )
    one = faulty("error:lba=103,times=1", DiskEvent(2.0, "failed", 100, 8, "error:lba=103,times=1"))
    assert judge(boot(BLOCKS, read(100), faulty_disk=one)).cause == "efi-no-file-system"
