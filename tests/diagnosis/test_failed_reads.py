"""Reads that failed: what of them came later, and from which drive."""

from msgspec.structs import replace

from bootharness.diagnosis.disk_reads import wrong_sectors
from bootharness.diagnosis.failed_reads import disk_read_failed, lost_reads, retried
from bootharness.formats.bioscall import BiosCall
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.reads import disk_reads
from tests.support.traces import loading_trace, read, registers, teletype


def lost(*calls: BiosCall) -> list[int | None]:
    return [each.lba for each in lost_reads(disk_reads(calls, None))]


def failed(lba: int, sectors: int) -> BiosCall:
    return read(lba, sectors, status=0x0C)


def chs(head: int, sector: int, *, status: int = 0) -> BiosCall:
    inside = registers(eax=0x0201, ecx=sector, edx=head << 8 | 0x80, es=0x2000)
    outside = replace(inside, eax=status << 8, flags=1 if status else 0)
    return BiosCall(0x13, 0x02, inside, outside, 0.0, 0.0)


def test_what_came_in_smaller_reads_is_not_lost() -> None:
    assert lost(failed(100, 8), read(100, 3), read(103, 5)) == []
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
