"""Reads that failed: what of them came later, and from which drive."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.diagnosis.disk_reads import wrong_sectors
from bootharness.diagnosis.failed_reads import disk_read_failed, lost_reads, retried
from bootharness.formats.bioscall import BiosCall
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import LoaderFacts
from bootharness.trace.disk_facts import DiskEvent, FaultyDiskFacts
from bootharness.trace.milestones import Milestone
from bootharness.trace.reads import disk_reads
from tests.support.traces import handoff, loading_trace, read, registers, teletype

pytestmark = pytest.mark.usefixtures("every_word")


def lost(*calls: BiosCall) -> list[int | None]:
    return [each.lba for each in lost_reads(disk_reads(calls, None))]


def failed(lba: int, sectors: int) -> BiosCall:
    return read(lba, sectors, status=0x0C)


def chs(head: int, sector: int, *, cylinder: int = 0, status: int = 0) -> BiosCall:
    inside = registers(eax=0x0201, ecx=cylinder << 8 | sector, edx=head << 8 | 0x80, es=0x2000)
    outside = replace(inside, eax=status << 8, flags=1 if status else 0)
    return BiosCall(0x13, 0x02, inside, outside, 0.0, 0.0)


def test_what_came_in_smaller_reads_is_not_lost() -> None:
    assert lost(failed(100, 8), read(100, 3), read(103, 5)) == []
    assert lost(failed(100, 8), read(103, 5), read(100, 3)) == []
    assert lost(failed(100, 8), read(103, 5), read(90, 20)) == []
    assert lost(failed(100, 8), read(100, 3), read(104, 4)) == [100]
    assert lost(failed(100, 8), read(100, 7)) == [100]


def test_what_came_before_or_of_another_drive_is_no_answer() -> None:
    other = read(100, 8)
    other = replace(other, registers_in=replace(other.registers_in, edx=0x81))
    assert lost(read(100, 8), failed(100, 8)) == [100]
    assert lost(failed(100, 8), other) == [100]


def test_heads_are_told_apart_where_nobody_knows_the_geometry() -> None:
    assert lost(chs(0, 5, status=0x0C), chs(1, 5)) == [None]
    assert lost(chs(0, 5, status=0x0C), chs(0, 5)) == []
    assert lost(chs(1, 5, status=0x0C), chs(0, 5)) == [None]
    assert lost(chs(0, 5, status=0x0C), chs(0, 4), chs(0, 6)) == [None]
    assert lost(chs(1, 5, status=0x0C), read(68, 1)) == [None]
    assert lost(chs(0, 5, cylinder=1, status=0x0C), chs(0, 5)) == [None]
    assert lost(chs(0, 5, cylinder=1, status=0x0C), chs(128, 5)) == [None]


def test_first_read_that_is_lost_is_the_cause_with_its_place() -> None:
    calls = [failed(2052, 8), read(2052, 4), failed(2056, 4), failed(2056, 4)]
    found = disk_read_failed(loading_trace(1 << 20, calls, ending="idle"))
    assert found
    assert found.sentence.startswith("the disk read of 8 sectors at LBA 2,052, drive 0x80, failed")
    by_head = loading_trace(1 << 20, [chs(3, 7, status=0x0C)], ending="idle")
    found = disk_read_failed(by_head)
    assert found
    assert "1 sector at cylinder 0, head 3, sector 7, drive 0x80, failed with AH=0ch" in (
        found.sentence
    )


def test_each_place_that_came_later_is_told_once_with_its_attempts() -> None:
    calls = [failed(5000, 8), failed(5000, 8), read(5000, 8), failed(6000, 1), failed(7000, 1),
             read(7000, 1)]  # fmt: skip
    found = retried(loading_trace(1 << 20, calls))
    assert [(each.attempts, each.span.start) for each in found] == [(3, 5000), (2, 7000)]


def test_what_could_not_be_read_was_not_left_out_by_the_loader() -> None:
    def trace(*calls: BiosCall) -> BootTrace:
        return loading_trace(66_000, [*calls], ending="idle")

    assert wrong_sectors(trace(read(2052, 8), failed(2060, 8), read(2068, 100))) is None
    assert wrong_sectors(trace(read(2052, 8), read(2068, 100)))


def test_what_the_bios_says_that_it_could_not_read_is_the_cause() -> None:
    for said in ("Could not read from CDROM (code 0003)", "could not read the boot disk"):
        screen = teletype(f"Boot failed: {said}\r\n", cs=0xF000)
        trace = loading_trace(1600, screen, ending="boot-failed")
        found = disk_read_failed(trace)
        assert found
        assert found.sentence == f'the BIOS could not read what it boots: it says "{said}"'
        assert disk_read_failed(replace(trace, bios_calls=(*screen, read(1, 1)))) is None


OURS = LoaderFacts("stage1", "0" * 64, {})


def by(*events: DiskEvent) -> dict[str, Any]:
    return {"faulty_disk": FaultyDiskFacts(("error:lba=2060",), 1, 1, events)}


FAULT = DiskEvent(0.5, "failed", 2060, 8, "error:lba=2060")
SLOW = replace(FAULT, kind="slowed", fault="slow:ms=9")


def test_the_fault_that_made_a_read_fail_is_named() -> None:
    calls = [read(2052, 8), failed(2060, 8)]
    trace = loading_trace(1 << 20, calls, ending="idle", **by(SLOW, FAULT))
    assert judge(trace).summary.endswith("in 1 attempt (fault error:lba=2060)")
    beside = replace(trace, **by(SLOW, replace(FAULT, lba=2068)))
    assert judge(beside).summary.endswith("in 1 attempt")


def test_a_fault_of_the_first_disk_is_not_behind_what_another_does() -> None:
    call = failed(2060, 8)
    other = replace(call, registers_in=replace(call.registers_in, edx=0x81))
    for calls, named in (([call], True), ([other, read(2052, 8)], False)):
        trace = loading_trace(1 << 20, calls, ending="idle", loader=OURS, **by(FAULT))
        assert trace.disk
        several = replace(trace, disk=replace(trace.disk, others=("b.img",)))
        found = disk_read_failed(several)
        assert found
        assert found.sentence.endswith("(fault error:lba=2060)") is named
        alone = disk_read_failed(trace)
        assert alone
        assert alone.sentence.endswith("(fault error:lba=2060)")


def test_the_fault_behind_what_the_bios_could_not_read_is_named() -> None:
    screen = teletype("Boot failed: could not read the boot disk\r\n", cs=0xF000)
    trace = loading_trace(1600, screen, ending="boot-failed", **by(SLOW, FAULT))
    assert judge(trace).summary == (
        'the BIOS could not read what it boots: it says "could not read the boot disk" (fault '
        "error:lba=2060)"
    )
    for more in ({"handoff": handoff(99)}, {"milestones": (Milestone("banner", 1.0),)}):
        assert judge(replace(trace, **more)).cause != "disk-read-failed"  # type: ignore[arg-type]


EMPTIED = "and the next attempt asked for 0"


def emptied(lba: int, **more: Any) -> BootTrace:
    """Return a loader that reads again with the count that a failed read has left."""
    calls = [read(2052, 4), failed(2056, 4), read(2056, 4), failed(lba, 8), read(lba, 0)]
    return loading_trace(1 << 20, calls, **{"ending": "halted", **more})


def test_a_read_that_is_repeated_for_no_sector_is_told_as_that() -> None:
    judgement = judge(emptied(2060, **by(FAULT)))
    assert judgement.cause == "disk-read-failed"
    assert EMPTIED in judgement.summary
    assert "8 sectors at LBA 2,060" in judgement.summary


def test_what_is_repeated_for_no_sector_is_the_same_read() -> None:
    """And one that failed for good, in a boot that did not come to its end."""
    for calls in (
        (failed(2060, 8), read(2068, 0)),
        (failed(2060, 0), read(2060, 0)),
        (failed(2060, 8), read(2060, 0), read(2060, 8)),
        (failed(2060, 8), read(2060, 8)),
    ):
        judgement = judge(loading_trace(1 << 20, [read(2052, 8), *calls], ending="halted"))
        assert EMPTIED not in judgement.summary
    there = loading_trace(0, [failed(2060, 8), read(2060, 0)], handoff=handoff(2))
    assert judge(there).cause is None
    other = judge(replace(there, handoff=handoff(2, differing=3)))
    assert EMPTIED in other.summary
