"""How numbers are written, and that deadlines nest."""

import msgspec
import pytest

from bootharness.formats.bzimage import LOADFLAGS
from bootharness.host.deadline import Deadline
from bootharness.text import (
    address,
    as_shown,
    count,
    first_lines,
    flags,
    last_lines,
    listed,
    plainly,
    printable,
    seg_off,
)


def test_numbers() -> None:
    assert address(0x1C00) == "0x001c00"
    assert address(0x1001C00) == "0x1001c00"
    assert seg_off(0x1020, 0) == "1020:0000"
    assert count(1, "byte") == "1 byte"
    assert count(15_735_808, "byte") == "15,735,808 bytes"


def test_names_beyond_so_many_are_counted() -> None:
    assert listed(("a", "b", "c"), 3) == "a, b, c"
    assert listed(("a", "b", "c"), 1) == "a and 2 more"
    assert listed((), 2) == ""


def test_unknown_flags_stay_visible() -> None:
    assert flags(0x81, LOADFLAGS) == "LOADED_HIGH|CAN_USE_HEAP"
    assert flags(0x11, LOADFLAGS) == "LOADED_HIGH|0x10"
    assert flags(0, LOADFLAGS) == "0"


def test_deadline_that_has_passed_has_nothing_left() -> None:
    outer = Deadline.after(100)
    assert Deadline.after(-1).expired
    assert Deadline.after(-1).remaining == 0
    assert not outer.expired


def test_what_a_terminal_would_obey_is_written_by_its_code() -> None:
    said = printable("a\x1b]0;title\x07\0 \x85\u202e caf\xe9\t")
    assert said == r"a\x1b]0;title\x07\x00 \x85\u202e café\t"


def test_last_lines_are_few_and_short() -> None:
    assert last_lines("one\r\n\r\ntwo\n\x1b[2Jthree\x07", 2) == ["two", r"three\x07"]
    assert last_lines("", 3) == []
    flood = last_lines("x" * 10_000_000, 3)
    assert [len(line) for line in flood] == [500]


def test_first_lines_say_how_many_they_leave_out() -> None:
    assert first_lines(["a\x1b"], 2) == [r"a\x1b"]
    assert first_lines(["a"] * 13_202, 2) == ["a", "a", "... 13,200 more"]


def test_lines_of_boxes_are_not_shown() -> None:
    assert as_shown("\x0elqqk\x0f Low memory \x0ex\x0f") == "  Low memory  "
    assert as_shown("\x1b(0lqqk\x1b(B Low memory \x1b(0x\x1b(B").split() == ["Low", "memory"]
    assert as_shown("\x0flow\x0elqqq\nnext") == " low \nnext"


def test_a_field_that_has_control_characters_in_its_name_stays_one_line() -> None:
    class Told(msgspec.Struct, forbid_unknown_fields=True):
        pass

    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b'{"s\\n\\u001b[31mder": 1}', type=Told)
    assert plainly(caught.value) == "Object contains unknown field `s\\n\\x1b[31mder`"
