"""How numbers are written, and that deadlines nest."""

from harness.deadline import Deadline
from harness.formats.bzimage import LOADFLAGS
from harness.text import address, count, flags, seg_off


def test_numbers() -> None:
    assert address(0x1C00) == "0x001c00"
    assert address(0x1001C00) == "0x1001c00"
    assert seg_off(0x1020, 0) == "1020:0000"
    assert count(1, "byte") == "1 byte"
    assert count(15_735_808, "byte") == "15,735,808 bytes"


def test_unknown_flags_stay_visible() -> None:
    assert flags(0x81, LOADFLAGS) == "LOADED_HIGH|CAN_USE_HEAP"
    assert flags(0x11, LOADFLAGS) == "LOADED_HIGH|0x10"
    assert flags(0, LOADFLAGS) == "0"


def test_deadlines_nest() -> None:
    outer = Deadline.after(100)
    assert outer.sooner(1).remaining <= 1
    assert outer.sooner(1000).at == outer.at
    assert Deadline.after(-1).expired
    assert Deadline.after(-1).remaining == 0
    assert not outer.expired
