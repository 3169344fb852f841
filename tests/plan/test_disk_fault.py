"""Disk faults as they are written, and what is wrong with some."""

import pytest

from bootharness.errors import UsageError
from bootharness.plan import BootPlan, choose
from bootharness.plan.disk_fault import DISK_FAULTS, DiskFault, DiskFaults
from bootharness.report.again import command

WRITTEN = (
    "error:lba=10000",
    "error:lba=0,times=2",
    "slow:rate=1000000",
    "slow:iops=0.5",
    "vanish:after=read:100",
    "vanish:after=move:7",
    "vanish:after=setup-entered",
    "cut:bytes=5000000",
    "hang:lba=7",
    "flip:lba=7,byte=0",
)


@pytest.mark.parametrize("text", WRITTEN)
def test_fault_comes_back_as_it_is_written(text: str) -> None:
    assert str(DiskFault.parse(text)) == text


def test_every_kind_is_tried() -> None:
    assert {DiskFault.parse(text).kind for text in WRITTEN} == set(DISK_FAULTS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("eror:lba=1", "did you mean error"),
        ("error", "say which sector: error:lba=N"),
        ("hang", "say which sector"),
        ("error:lba=1,times=0", "times counts from 1"),
        ("error:lba=-1", "negative"),
        ("error:lba=one", "'one' is no number"),
        ("error:sector=1", "of error can be said: lba, times"),
        ("slow", "say how slow: slow:rate=BYTES or slow:iops=READS"),
        ("slow:rate=1000,iops=5", "say how slow"),
        ("slow:rate=1", "the least is rate=512"),
        ("slow:iops=0", "the least is"),
        ("slow:rate=nan", "has no end"),
        ("vanish", "say when: after=read:N, after=move:N, or one of setup-entered"),
        ("vanish:after=read:0", "say when"),
        ("vanish:after=handoff", "say when"),
        ("cut", "say how much is left"),
        ("flip:byte=1", "say which sector"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        DiskFaults.parse([text])
    assert str(error.value).startswith("disk fault ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("error:lba=2000", "the CD it has 2,000 sectors of 2,048 bytes"),
        ("flip:lba=1,byte=2048", "has sectors of 2,048 bytes"),
        ("cut:bytes=4096000", "has only 4,096,000 bytes"),
        ("cut:bytes=2047", "needs at least 2,048 bytes"),
    ],
)
def test_what_could_never_act_is_refused(text: str, said: str) -> None:
    size = {"sectors": 2000, "sector_bytes": 2048, "size": 4_096_000, "least": 2048}
    with pytest.raises(UsageError, match=said):
        DiskFault.parse(text).check("the CD it", **size)
    for right in ("error:lba=1999", "flip:lba=1,byte=2047", "cut:bytes=2048", "slow:iops=5"):
        DiskFault.parse(right).check("the CD it", **size)


def test_plan_takes_them_as_people_write_them() -> None:
    plan = choose(BootPlan(), {"disk_faults": ["error:lba=5,times=2", "slow:iops=50"]})
    assert [fault.kind for fault in plan.machine.disk_faults] == ["error", "slow"]
    assert command("bzImage", plan).endswith(
        "--disk-fault error:lba=5,times=2 --disk-fault slow:iops=50"
    )
    with pytest.raises(UsageError, match="disk fault 3: text is wanted, as error:lba=100"):
        choose(BootPlan(), {"disk_faults": [3]})


def test_what_a_slow_disk_costs_has_an_end() -> None:
    assert DiskFaults.parse(["slow:rate=1000"]).slowest_s(5000) == 5
    assert DiskFaults.parse(["slow:iops=10"]).slowest_s(51_200) == 10
    assert DiskFaults.parse(["hang:lba=1", "error:lba=2"]).slowest_s(51_200) == 0
