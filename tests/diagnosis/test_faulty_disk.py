"""What is said of a disk that was made to fail, and of one that was cut short."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.diagnosis.failed_reads import disk_read_failed
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.mbr import Mbr, Partition
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import LoaderFacts
from bootharness.trace.disk_facts import DiskEvent, DiskEventKind, FaultyDiskFacts
from tests.support.traces import handoff, loading_trace, move, read, registers

pytestmark = pytest.mark.usefixtures("every_word")

OURS = LoaderFacts("stage1", "0" * 64, {})


def event(kind: DiskEventKind, fault: str, **more: Any) -> DiskEvent:
    return DiskEvent(0.5, kind, 2950, 127, fault, **more)


def faulty(
    *events: DiskEvent, faults: tuple[str, ...] = (), calls: tuple[BiosCall, ...] = (),
    ending: str = "boot-failed",
) -> BootTrace:  # fmt: skip
    asked = faults or tuple(each.fault for each in events)
    facts = FaultyDiskFacts(asked, 21, 1_000_000, events)
    handed = handoff(len(calls)) if ending == "reached" else None
    return loading_trace(0, [*calls], ending=ending, handoff=handed, faulty_disk=facts,
                         loader=OURS)  # fmt: skip


def test_disk_that_vanished_is_the_cause_of_a_read_that_failed() -> None:
    gone = event("vanished", "vanish:after=read:5")
    failed = read(2950, 127, status=0x0C)
    judgement = judge(faulty(gone, calls=(read(2048, 4), failed, failed)))
    assert judgement.cause == "disk-vanished"
    assert judgement.summary == (
        "the disk was gone 0.50 s after launch (fault vanish:after=read:5): the disk read of 127 "
        "sectors at LBA 2,950, drive 0x80, failed with AH=0ch, media type not found, in 2 attempts"
    )
    assert judgement.diagnosis
    assert (
        judgement.diagnosis.evidence
        == disk_read_failed(faulty(gone, calls=(read(2048, 4), failed, failed))).evidence
    )  # type: ignore[union-attr]
    assert judgement.diagnosis.evidence
    of_a_kernel = judge(faulty(gone, ending="idle"))
    assert of_a_kernel.cause == "disk-vanished"
    assert of_a_kernel.diagnosis
    assert of_a_kernel.diagnosis.evidence == ()
    assert "its next read, of 127 sectors at LBA 2,950, failed" in of_a_kernel.summary


def test_disk_that_does_not_answer_is_the_cause_with_how_long_it_was_waited_for() -> None:
    hangs = event("unanswered", "hang:lba=3000", waited_s=1.52)
    asked = replace(read(2950, 127), registers_out=None)
    judgement = judge(faulty(hangs, calls=(asked,), ending="disk"))
    assert judgement.cause == "disk-no-answer"
    assert judgement.summary == (
        "the disk did not answer the read of 127 sectors at LBA 2,950 in the 1.5 s that it was "
        "waited for (fault hang:lba=3000); the last BIOS call was INT 13h AH=42h, extended read, "
        "from 0000:7d41, which did not return"
    )


def test_of_several_reads_without_an_answer_that_is_said_and_of_a_kernel_no_call() -> None:
    hangs = event("unanswered", "hang:lba=3000", waited_s=15.0, times=2)
    trace = faulty(hangs, calls=(read(2048, 4),), ending="idle")
    assert judge(trace).summary == (
        "the disk did not answer the read of 127 sectors at LBA 2,950, the last of 2 times, in the "
        "15.0 s that it was waited for (fault hang:lba=3000)"
    )


def test_fault_that_is_behind_a_failed_read_is_named() -> None:
    failed = read(2950, 127, status=0x0C)
    there = disk_read_failed(faulty(event("failed", "error:lba=3000"), calls=(failed,)))
    assert there
    assert there.sentence.endswith("in 1 attempt (fault error:lba=3000)")
    elsewhere = replace(event("failed", "error:lba=9"), lba=9, sectors=1)
    not_there = disk_read_failed(faulty(elsewhere, calls=(failed,)))
    assert not_there
    assert not_there.sentence.endswith("in 1 attempt")


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("error:lba=7", "sector 7 was not read"),
        ("hang:lba=1234", "sector 1,234 was not read"),
        ("flip:lba=7,byte=1", "sector 7 was not read"),
        ("slow:iops=5", "the disk was not read"),
        ("vanish:after=read:90", "it was read 21 times in all"),
        ("vanish:after=banner", "it was not read any more after that"),
        ("cut:bytes=1000", "nothing behind the end was read by the BIOS"),
    ],
)
def test_fault_that_did_nothing_is_said(fault: str, why: str) -> None:
    judgement = judge(faulty(faults=(fault,), ending="reached", calls=(move(0x100000),)))
    assert judgement.verdict is Verdict.GOOD
    assert judgement.warnings == (f"the disk fault {fault} did nothing: {why}",)


@pytest.mark.parametrize(
    ("lba", "drive", "warns"), [(2140, 0x80, True), (2141, 0x80, False), (2141, 0x81, True)]
)
def test_a_cut_did_something_when_the_booted_drive_was_read_behind_its_end(
    lba: int, drive: int, warns: bool
) -> None:
    call = read(lba, 10)
    call = replace(call, registers_in=replace(call.registers_in, edx=drive))
    trace = faulty(faults=("cut:bytes=1100800",), ending="reached", calls=(call,))
    assert trace.disk
    trace = replace(trace, disk=replace(trace.disk, bytes=2150 * 512))
    assert any("did nothing" in each for each in judge(trace).warnings) is warns


@pytest.mark.parametrize(("base", "warns"), [(0, True), (512, False)])
def test_a_cut_disk_on_a_cd_ends_before_the_cd_does(base: int, warns: bool) -> None:
    trace = faulty(faults=("cut:bytes=1100800",), ending="reached", calls=(read(2140, 10),))
    assert trace.disk
    on_cd = replace(trace, disk=replace(trace.disk, bytes=2150 * 512, base=base))
    assert any("did nothing" in each for each in judge(on_cd).warnings) is warns
    nowhere = replace(trace, disk=None)
    assert any("did nothing" in each for each in judge(nowhere).warnings)


@pytest.mark.parametrize(("cylinder", "warns"), [(69, True), (70, False)])
def test_a_cut_floppy_is_read_behind_its_end_by_cylinder_too(cylinder: int, warns: bool) -> None:
    inside = registers(eax=0x0201, ecx=cylinder << 8 | 1, edx=0, es=0x2000)
    call = BiosCall(0x13, 0x02, inside, inside, 0.0, 0.0)
    trace = faulty(faults=("cut:bytes=1290240",), ending="reached", calls=(call,))
    assert trace.disk
    floppy = replace(trace.disk, kind="floppy", drive=0, heads=2, track_sectors=18, bytes=1290240)
    cut = judge(replace(trace, disk=floppy)).warnings
    assert any("did nothing" in each for each in cut) is warns


def test_what_a_stranger_calls_a_fault_is_none() -> None:
    assert judge(faulty(faults=("nonsense:x=1",), ending="reached")).warnings == ()


@pytest.mark.parametrize(
    ("acted", "words"),
    [
        (event("failed", "error:lba=3000", times=2), "failed 2 times, and the boot came as far"),
        (event("flipped", "flip:lba=3000,byte=7"), "brought a flipped bit, and the boot came"),
        (event("unanswered", "hang:lba=3000", waited_s=15.0), "was not answered in 15 s, and the"),
        (event("vanished", "vanish:after=read:5"), "failed, and the boot came as far as wanted"),
    ],
    ids=lambda each: each.kind if isinstance(each, DiskEvent) else "",
)
def test_harm_that_a_boot_got_over_is_a_warning(acted: DiskEvent, words: str) -> None:
    judgement = judge(faulty(acted, ending="reached"))
    assert judgement.verdict is Verdict.GOOD
    [warning] = judgement.warnings
    assert words in warning
    assert warning.endswith(f"all the same (fault {acted.fault})")


def test_read_that_was_made_good_is_told_once_and_a_slow_disk_not_at_all() -> None:
    calls = (read(2950, 127, status=0x0C), read(2950, 127))
    acted = (event("failed", "error:lba=3000,times=1"), event("slowed", "slow:iops=50"))
    [warning] = judge(faulty(*acted, calls=calls, ending="reached")).warnings
    assert warning.endswith("and succeeded in attempt 2")
    behind = replace(event("failed", "error:lba=9000"), lba=9000, sectors=1)
    assert len(judge(faulty(*acted, behind, calls=calls, ending="reached")).warnings) == 2


def test_bit_that_was_flipped_in_the_kernel_is_named_where_memory_differs() -> None:
    # the kernel lies from LBA 2,052 on, and has 5 sectors before its payload; byte 10 differs
    def said(lba: int) -> str:
        flipped = replace(event("flipped", f"flip:lba={lba},byte=10"), lba=lba, sectors=1)
        trace = faulty(flipped, ending="memory-differs")
        return judge(replace(trace, handoff=handoff(0, differing=1))).summary

    assert said(2057).endswith("0x02 instead of 0x01 (fault flip:lba=2057,byte=10)")
    assert said(2058).endswith("0x02 instead of 0x01")


def cut(sectors: int, *calls: BiosCall, **facts: Any) -> BootTrace:
    trace = loading_trace(66_000, [*calls], ending="boot-failed")
    assert trace.disk
    return replace(trace, disk=replace(trace.disk, bytes=sectors * 512, **facts))


BEYOND = read(2100, 100, status=0x0C)


def test_disk_that_ends_within_the_kernel_that_was_put_on_it_was_cut() -> None:
    judgement = judge(replace(cut(2150, BEYOND), loader=OURS))
    assert judgement.cause == "disk-cut-short"
    assert judgement.summary == (
        "the disk was cut short: it ends with LBA 2,149, within the kernel, which lies in LBA "
        "2,052 to 2,185; the loader's read of LBA 2,100 to 2,199, drive 0x80, went past that"
    )
    assert "wrong-sectors" not in [each.cause for each in judgement.consequences]
    assert judge(cut(2150, BEYOND)).cause != "disk-cut-short"  # whoever wrote its header may err


def test_disk_that_ends_within_a_partition_was_cut_if_that_is_read() -> None:
    table = (Partition.at(2048, 4096, kind=0x83, active=True), *[Partition()] * 3)
    sector = Mbr(b"\xfa", partitions=table).build().hex()
    judgement = judge(cut(2150, BEYOND, boot_sector=sector))
    assert judgement.cause == "disk-cut-short"
    assert "within partition 1, which lies in LBA 2,048 to 6,143; the" in judgement.summary
    behind = read(7000, 1, status=0x0C)
    assert judge(cut(2150, behind, boot_sector=sector)).cause == "wrong-sectors"


def test_cd_that_ends_before_it_says_so_was_cut() -> None:
    def on_cd(lba: int) -> BiosCall:
        call = read(lba, 8, status=0x0C)
        return replace(call, registers_in=replace(call.registers_in, edx=0xE0))

    cd = {"kind": "cdrom", "drive": 0xE0, "sector_bytes": 2048, "told_sectors": 400,
          "kernel_lba": None}  # fmt: skip
    judgement = judge(cut(800, on_cd(196), **cd))
    assert judgement.cause == "disk-cut-short"
    assert judgement.summary.startswith(
        "the CD was cut short: it ends with LBA 199, within the 400 sectors that it says that it"
    )
    assert judgement.warnings == (
        "the CD says that it has 400 sectors, and the image has 200: what lies behind is missing",
    )
    assert judge(cut(800, on_cd(400), **cd)).cause == "wrong-sectors"
    assert judge(cut(1600, on_cd(400), **cd)).warnings == ()


def test_fault_that_cut_a_disk_is_named() -> None:
    facts = FaultyDiskFacts(("cut:bytes=1100800",), 5, 5)
    judgement = judge(replace(cut(2150, BEYOND), faulty_disk=facts))
    assert judgement.cause == "disk-cut-short"
    assert judgement.summary.endswith("went past that (fault cut:bytes=1100800)")
