"""What was put into stage1, walked through in the emulator: that is named.

`make faults-guilty` does the same with recordings of real boots.
"""

from pathlib import Path

import pytest

from bootharness.diagnosis import judge
from bootharness.recording.telling import told
from tests.support.back_faults import BACK_FAULTS, mark_of
from tests.support.emulated_steps import walked
from tests.support.faults import SELFCHECK, Fault, laid_out

MUTE = (
    "triple fault before the handoff", "polls for a key", "the next chunk goes below the last",
)  # fmt: skip
"""These show in the true machine."""
PUT_IN = {
    each.name: each
    for each in BACK_FAULTS
    if each.edit and each.source == SELFCHECK and each.name not in MUTE
    and not (each.disk or each.qemu or each.initrd)
}  # fmt: skip


@pytest.mark.sample(8)
@pytest.mark.parametrize("name", PUT_IN)
def test_what_was_put_in_is_named(name: str, tmp_path: Path) -> None:
    fault: Fault = PUT_IN[name]
    loader, _, disk = laid_out(fault, tmp_path)
    boot = walked(disk)
    cause = judge(boot.trace).cause
    assert cause == fault.cause
    found = boot.searched(cause)
    origin = told(found, loader) if found else None
    assert mark_of(fault, origin) in ("right", "nobody"), origin
