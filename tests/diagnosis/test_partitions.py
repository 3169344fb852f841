"""A partition table that tells of more than the image has."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
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
