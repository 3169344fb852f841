"""A partition table that tells of more than the image has."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.mbr import Mbr, Partition
from bootharness.trace.boot_trace import BootTrace
from tests.support.traces import handoff, loading_trace, move

GOOD = loading_trace(1008, [move(0x100000, 1008)], handoff=handoff(1))
SECTORS = 4096


def with_table(*partitions: Partition, sector_bytes: int = 512, kind: str = "disk") -> BootTrace:
    table = (*partitions, *[Partition()] * (4 - len(partitions)))
    sector = Mbr(b"\xfa", partitions=table).build().hex()
    assert GOOD.disk
    disk = replace(
        GOOD.disk, boot_sector=sector, bytes=SECTORS * 512, sector_bytes=sector_bytes, kind=kind
    )
    return replace(GOOD, disk=disk)


def on_disk(trace: BootTrace, **changes: int) -> BootTrace:
    assert trace.disk
    return replace(trace, disk=replace(trace.disk, **changes))


def boot(end: int, kind: int = 0x83) -> Partition:
    return Partition.at(2048, end - 2048, kind=kind, active=True)


def test_what_ends_with_the_image_is_whole() -> None:
    assert judge(with_table(boot(SECTORS))).warnings == ()


def test_what_ends_behind_it_is_said() -> None:
    [warning] = judge(with_table(boot(3000), boot(SECTORS + 1))).warnings
    assert warning == (
        "partition 2 ends at sector 4,097, and the image has 4,096: what lies behind is missing"
    )


@pytest.mark.parametrize(
    "trace",
    [
        with_table(Partition.at(1, 0xFFFFFFFF, kind=0xEE, active=False)),
        with_table(boot(SECTORS + 1, kind=0)),
        with_table(boot(SECTORS + 1), kind="cdrom"),
        with_table(boot(SECTORS + 1), Partition(status=0x7F, type=1)),
        on_disk(with_table(boot(SECTORS + 1)), base=2048),
        on_disk(with_table(boot(SECTORS + 1)), bytes=0),
        replace(with_table(boot(SECTORS + 1)), disk=None),
    ],
    ids=["protective", "no type", "CD", "no table but code", "in a CD", "of no size", "no disk"],
)
def test_of_what_is_no_table_of_this_disk_nothing_is_said(trace: BootTrace) -> None:
    assert judge(trace).warnings == ()


def test_every_type_but_none_and_the_protective_one_is_a_partition() -> None:
    for kind in (1, 0x83, 0xED, 0xEF, 0xFF):
        assert judge(with_table(boot(SECTORS + 1, kind=kind))).warnings


def test_sectors_of_a_table_are_the_drives() -> None:
    [warning] = judge(with_table(boot(2050), sector_bytes=4096)).warnings
    assert warning.startswith("partition 1 ends at sector 2,050, and the image has 512: ")


PROTECTIVE = Partition.at(1, SECTORS, kind=0xEE, active=False)


def test_a_disk_that_ends_before_its_gpt_says_is_told() -> None:
    [warning] = judge(with_table(PROTECTIVE)).warnings
    assert warning == (
        "its GPT is that of a disk of 4,097 sectors, and the image has 4,096: what lies behind is "
        "missing, the second GPT among it"
    )


@pytest.mark.parametrize(
    "trace",
    [
        with_table(Partition.at(1, SECTORS - 1, kind=0xEE, active=False)),
        with_table(Partition.at(2, SECTORS, kind=0xEE, active=False)),
        with_table(Partition.at(1, 511, kind=0xEE, active=False), sector_bytes=4096),
        with_table(PROTECTIVE, kind="cdrom"),
        on_disk(with_table(PROTECTIVE), base=2048),
        on_disk(with_table(PROTECTIVE), bytes=0),
        with_table(boot(SECTORS), PROTECTIVE),
        with_table(PROTECTIVE, Partition(status=0x7F, type=1)),
        replace(with_table(PROTECTIVE), disk=None),
    ],
    ids=["whole", "not protective", "whole, 4 KiB", "CD", "in a CD", "of no size", "hybrid",
         "no table but code", "no disk"],
)  # fmt: skip
def test_of_what_is_no_gpt_of_this_disk_nothing_is_said(trace: BootTrace) -> None:
    assert judge(trace).warnings == ()


def test_a_container_whose_file_was_cut_is_told() -> None:
    assert GOOD.disk
    disk = replace(GOOD.disk, driver="qcow2", lacks_bytes=65536, path="a.qcow2")
    said = (
        "of what its tables (qcow2) name, at least 65,536 bytes lie behind the end of a.qcow2, and "
        "read as zeros"
    )
    judgement = judge(replace(GOOD, disk=disk))
    assert judgement.verdict is Verdict.GOOD
    assert judgement.warnings == (said,)
    stopped = replace(loading_trace(1008, [], ending="idle"), disk=disk)
    judgement = judge(stopped)
    assert judgement.cause == "disk-cut-short"
    assert judgement.summary.startswith(f"the image was cut short: {said}")
    assert judgement.warnings == ()
    assert judge(replace(stopped, disk=replace(disk, lacks_bytes=0))).cause != "disk-cut-short"
