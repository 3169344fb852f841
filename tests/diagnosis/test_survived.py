"""What was asked for and done otherwise: said, and no cause."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.plan import BootPlan
from bootharness.trace.machine_facts import MachineFacts
from tests.support.traces import handoff, loading_trace, move

pytestmark = pytest.mark.usefixtures("every_word")

USUAL = BootPlan().machine.disk_interface


@pytest.mark.parametrize(
    ("interface", "disk", "told"),
    [
        ("nvme", {"sector_bytes": 4096}, True),
        ("nvme", {}, False),
        ("nvme", {"sector_bytes": 4096, "kind": "cdrom"}, False),
        (USUAL, {"sector_bytes": 4096}, False),
        (None, {"sector_bytes": 4096}, False),
    ],
)
def test_disk_of_large_sectors_that_is_attached_otherwise_than_usual_is_told(
    interface: str | None, disk: dict[str, Any], *, told: bool
) -> None:
    machine = MachineFacts("qemu", "7.2", "tcg", "pc", interface, 512 << 20, ())
    trace = loading_trace(1024, [move(0x100000, 1024)], handoff=handoff(1), machine=machine)
    assert trace.disk
    judgement = judge(replace(trace, disk=replace(trace.disk, **disk)))
    assert judgement.verdict is Verdict.GOOD
    assert judgement.warnings == (
        (
            "the disk is attached by nvme: it has sectors of 4,096 bytes, and SeaBIOS boots such a "
            "disk by nothing else",
        )
        if told
        else ()
    )
    for unknown in (replace(trace, disk=None), replace(trace, machine=None)):
        assert judge(unknown).warnings == ()
