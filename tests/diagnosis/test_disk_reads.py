"""Where reads went, against what lies where on the disk."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.mbr import Mbr, Partition
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import LoaderFacts
from bootharness.trace.disk_facts import FaultyDiskFacts
from bootharness.trace.milestones import Milestone
from tests.support.traces import handoff, loading_trace, move, read

pytestmark = pytest.mark.usefixtures("every_word")

OURS = LoaderFacts("stage1", "0" * 64, {})
KERNEL_LBA, PAYLOAD = 2052, 64_000
BEHIND_KERNEL = KERNEL_LBA + (PAYLOAD + 2560) // 512
TABLE = (
    Mbr(b"\xfa", partitions=(Partition.at(2048, 2048, kind=0x83, active=True), *[Partition()] * 3))
    .build()
    .hex()
)


def loads(*calls: BiosCall, ending: str = "halted", **more: Any) -> BootTrace:
    """Return a boot of a kernel of 130 sectors that came to nothing; what of it is the disk's, by
    name."""
    disk = {name: more.pop(name) for name in tuple(more) if hasattr(DISK, name)}
    trace = loading_trace(PAYLOAD, [*calls], ending=ending, **more)
    return replace(trace, disk=replace(DISK, **disk))


DISK = loading_trace(0, []).disk
assert DISK


def brought(*calls: BiosCall, ending: str = "idle", **disk: Any) -> BootTrace:
    """Return a boot from a disk of 3,000 sectors with a partition of 2,048 from 2,048 on."""
    values = {"boot_sector": TABLE, "bytes": 3000 * 512, "kernel_lba": None, **disk}
    return replace(loads(*calls, ending=ending, **values), kernel=None)


def on(drive: int, call: BiosCall) -> BiosCall:
    return replace(call, registers_in=replace(call.registers_in, edx=drive))


def of_sectors(count: int) -> int:
    return count * 512


# a CD that no BIOS boots


def refused(**more: Any) -> BootTrace:
    about = {"kind": "cdrom", "refused": "no boot catalog", "kernel_lba": None}
    trace = loads(ending="boot-failed", **about, **more)
    return replace(trace, kernel=None)


def test_cd_that_was_refused_is_told_with_what_the_bios_says() -> None:
    judgement = judge(refused(bios_log="Boot failed: Could not read from CDROM (code 0003)\n"))
    assert judgement.cause == "no-boot-catalog"
    assert judgement.summary == "the BIOS refused the CD: it has no boot catalog"
    silent = judge(refused()).diagnosis
    assert silent
    assert silent.evidence == ("disk.img",)


def test_cd_that_was_booted_all_the_same_was_not_refused() -> None:
    assert judge(refused(milestones=(Milestone("stage1", 0.1),))).cause != "no-boot-catalog"
    assert judge(refused(handoff=handoff(0))).cause != "no-boot-catalog"


# a disk that was cut short


@pytest.mark.parametrize(
    ("call", "within"),
    [
        (read(2990, 20, status=4), True),
        (read(4095, 2, status=4), True),
        (read(4096, 2, status=4), False),
        (read(2990, 10, status=4), False),
        (read(2990, 20), False),
    ],
)
def test_read_of_what_a_partition_should_have(call: BiosCall, *, within: bool) -> None:
    judgement = judge(brought(call))
    assert (judgement.cause == "disk-cut-short") is within
    if within:
        assert "within partition 1, which lies in LBA 2,048 to 4,095" in judgement.summary


def test_disk_that_was_cut_is_warned_of_where_the_boot_got_there() -> None:
    there = brought(read(2990, 20, status=4), ending="reached")
    there = replace(there, handoff=handoff(1, compared=0), milestones=(Milestone("banner", 1.0),))
    assert judge(there).cause is None
    kernel = loading_trace(PAYLOAD, []).kernel
    assert kernel
    lacks = replace(there, kernel=replace(kernel, missing_bytes=1))
    assert judge(lacks).cause == "disk-cut-short"
    assert judge(replace(lacks, loader=OURS)).cause == "payload-truncated"


@pytest.mark.parametrize(
    ("sectors", "start", "within"),
    [
        (KERNEL_LBA + 1, KERNEL_LBA, True),
        (BEHIND_KERNEL - 1, BEHIND_KERNEL - 1, True),
        (KERNEL_LBA, KERNEL_LBA, False),
        (BEHIND_KERNEL, BEHIND_KERNEL - 1, False),
        (BEHIND_KERNEL - 1, BEHIND_KERNEL, False),
    ],
)
def test_read_of_what_should_be_the_kernel(sectors: int, start: int, *, within: bool) -> None:
    call = read(start, 8, status=4)
    judgement = judge(loads(call, loader=OURS, bytes=of_sectors(sectors)))
    assert judgement.cause == ("disk-cut-short" if within else "wrong-sectors")
    if within:
        assert "within the kernel, which lies in LBA 2,052 to 2,181" in judgement.summary


def test_disk_that_was_cut_by_a_fault_is_told_with_that() -> None:
    cut = FaultyDiskFacts(("slow:ms=1", "cut:sectors=3000"), 1, 1)
    trace = brought(read(2990, 20, status=4), boot_sector=DISK.boot_sector)
    judgement = judge(replace(trace, faulty_disk=cut))
    assert judgement.cause == "disk-cut-short"
    assert "within what the image holds; " in judgement.summary
    assert judgement.summary.endswith("went past that (fault cut:sectors=3000)")
    assert judge(trace).cause == "wrong-sectors"


@pytest.mark.parametrize(("missing", "has"), [(1, "63,999"), (PAYLOAD, "0"), (PAYLOAD + 16, "0")])
def test_kernel_file_that_is_cut_short_has_the_rest(missing: int, has: str) -> None:
    trace = loads(move(0x100000, 1024), handoff=handoff(1), loader=OURS)
    assert trace.kernel
    judgement = judge(replace(trace, kernel=replace(trace.kernel, missing_bytes=missing)))
    assert judgement.cause == "payload-truncated"
    assert f"has {has} byte" in judgement.summary


# a disk whose sectors are counted otherwise


@pytest.mark.parametrize(("lba", "told"), [(3999, "would be LBA 499"), (4000, None), (4001, None)])
def test_sector_that_is_on_the_disk_if_it_is_counted_in_512_bytes(
    lba: int, told: str | None
) -> None:
    large = loads(read(lba, 1, status=1), bytes=500 * 4096, sector_bytes=4096, kernel_lba=10)
    judgement = judge(large)
    assert judgement.cause == "wrong-sectors"
    assert "the disk ends with LBA 499; the kernel begins at 10" in judgement.summary
    assert ("counted in 512 bytes" in judgement.summary) is (told is not None)
    assert (told or "") in judgement.summary
    usual = judge(loads(read(4000, 1, status=1), bytes=of_sectors(3000)))
    assert "counted in" not in usual.summary


@pytest.mark.parametrize(("lba", "beyond"), [(89, False), (90, True)])
def test_disk_on_a_cd_begins_where_it_lies_there(lba: int, *, beyond: bool) -> None:
    call = read(lba, 1, status=1)
    on_cd = brought(call, bytes=of_sectors(100), base=of_sectors(10), boot_sector=DISK.boot_sector)
    judgement = judge(on_cd)
    assert (judgement.cause == "wrong-sectors") is beyond
    counted = replace(on_cd, disk=replace(on_cd.disk, sector_bytes=4096))  # type: ignore[type-var]
    assert ("counted in 512 bytes" in judge(counted).summary) is (not beyond)


# reads beside the kernel


def test_loader_that_read_elsewhere_and_has_the_whole_kernel_read_rightly() -> None:
    stray = loads(read(9000, 2), move(0x100000, PAYLOAD), ending="panic", handoff=handoff(2))
    assert judge(stray).cause == "kernel-panic"
    assert judge(replace(stray, disk=None)).cause == "kernel-panic"
    unknown = replace(stray, handoff=handoff(2, compared=0), disk=None)
    assert judge(unknown).cause != "wrong-sectors"


def test_reads_of_further_disks_are_not_held_against_the_first() -> None:
    whole, stray = read(KERNEL_LBA, 130), on(0x81, read(9000, 4))
    past = on(0x81, read(1 << 22, 4, status=1))
    for calls in ((whole, stray), (stray,), (whole, past)):
        assert judge(loads(*calls, others=("b.img",))).cause == "stage1-hang"
    assert judge(loads(read(9000, 4), others=("b.img",))).cause == "wrong-sectors"
    past = read(1 << 22, 4, status=1)
    assert judge(loads(past, others=("b.img",))).cause == "wrong-sectors"


def test_of_one_disk_the_number_of_the_drive_does_not_matter() -> None:
    other = loads(on(0x81, read(KERNEL_LBA, 130)), read(9000, 4))
    assert judge(other).cause == "stage1-hang"
    stray = loads(read(9000, 4), on(0x81, read(9100, 4)))
    assert "the loader read LBA 9,000 to 9,003, 9,100 to 9,103" in judge(stray).summary
    past = loads(read(9000, 1), on(0x81, read(1 << 22, 4, status=1)))
    assert "of drive 0x81, but the disk ends" in judge(past).summary


@pytest.mark.parametrize("more", [{"filed": True}, {"kernel_lba": None}, {"kernel_lba": 0}])
def test_who_loads_a_file_or_itself_need_not_read_in_a_row(more: dict[str, Any]) -> None:
    assert judge(loads(read(9000, 4), read(9100, 4), **more)).cause == "stage1-hang"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (read(BEHIND_KERNEL, 4), "but the loader read LBA 2,182 to 2,185"),
        (read(BEHIND_KERNEL - 1, 4), "but the loader began to read at LBA 2,181"),
        (read(KERNEL_LBA - 4, 4), "but the loader read LBA 2,048 to 2,051"),
        (read(KERNEL_LBA - 4, 5), None),
    ],
)
def test_reads_side_by_side_with_the_kernel_have_none_of_it(
    call: BiosCall, words: str | None
) -> None:
    judgement = judge(loads(call, cmdline_lba=None))
    assert judgement.cause == ("wrong-sectors" if words else "stage1-hang")
    assert (words or "") in judgement.summary


def in_row(**more: Any) -> BootTrace:
    """Return a boot that put a sector that is not the kernel's right before it in memory."""
    first, rest = read(KERNEL_LBA - 1, 1), read(KERNEL_LBA, 130)
    assert rest.packet
    rest = replace(rest, packet=replace(rest.packet, segment=0x2020))
    return loads(first, rest, *more.pop("calls", ()), cmdline_lba=None, **more)


def test_sector_that_lies_before_the_kernel_in_memory_was_taken_for_its_first() -> None:
    assert "began to read at LBA 2,051" in judge(in_row()).summary
    moved = in_row(calls=[move(0x100000, 1024)])
    assert "began to read" not in judge(moved).summary
    after = in_row(handoff=handoff(2, differing=3))
    assert "began to read" not in judge(after).summary


def test_good_boot_stays_good_on_such_disks() -> None:
    calls = (read(KERNEL_LBA, 130), move(0x100000, PAYLOAD))
    good = loads(*calls, ending="reached", handoff=handoff(2), milestones=(Milestone("banner", 1),))
    assert judge(good).verdict is Verdict.GOOD
