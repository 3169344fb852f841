"""What a check prints, and its words, from rows made by hand."""

import io
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.checking.checked import Checked, Place, Row
from bootharness.checking.terminal import print_plain, print_row, print_sum
from bootharness.errors import NoVerdict

PLACE = Place(0x7C42, "int 0x13", "read_disk+0x2")
HOLDS = Row("edd-1.1", "EDD 1.1", "allowed", "EDD 3.0, 8.15", "holds")
FAILS = replace(
    HOLDS, result="fails", state="DL=81h", assumes="takes the drive for 80h", place=PLACE,
    cause="disk-read-failed", seen="the read failed",
)  # fmt: skip
UNKNOWN = replace(HOLDS, result="unknown", state="DL=81h", seen="port 0x1f7 is not emulated")
CHECKED = Checked("stage1", True, None, "it boots", None, (HOLDS,))


def printed(row: Row) -> str:
    output = io.StringIO()
    print_row(row, output)
    return output.getvalue()


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (HOLDS, "holds    edd-1.1: EDD 1.1 (allowed: EDD 3.0, 8.15)"),
        (replace(HOLDS, standing="seen"),
         "holds    edd-1.1: EDD 1.1 (seen in the wild: EDD 3.0, 8.15)"),
        (replace(HOLDS, booted=1),
         "holds    edd-1.1: EDD 1.1; 1 boot in QEMU came to the same (allowed: EDD 3.0, 8.15)"),
        (replace(HOLDS, title="a\x1bb"), "holds    edd-1.1: a\\x1bb (allowed: EDD 3.0, 8.15)"),
        (FAILS, "FAILS    edd-1.1: EDD 1.1: takes the drive for 80h at 0x007c42 (read_disk+0x2): "
         "int 0x13; with DL=81h, disk-read-failed: the read failed (allowed: EDD 3.0, 8.15)"),
        (replace(FAILS, standing="seen", booted=2),
         "WARN     edd-1.1: EDD 1.1: takes the drive for 80h at 0x007c42 (read_disk+0x2): int 0x13"
         "; with DL=81h, disk-read-failed: the read failed; 2 boots in QEMU came to the same "
         "(seen in the wild: EDD 3.0, 8.15)"),
        (replace(FAILS, result="refuses", assumes=None, place=None),
         "refuses  edd-1.1: EDD 1.1: with DL=81h, disk-read-failed: the read failed "
         "(allowed: EDD 3.0, 8.15)"),
        (UNKNOWN, "unknown  edd-1.1: EDD 1.1: with DL=81h, port 0x1f7 is not emulated "
         "(allowed: EDD 3.0, 8.15)"),
    ],
)  # fmt: skip
def test_a_row_is_one_line(row: Row, line: str) -> None:
    assert printed(row) == f"{line}\n"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("row", "begins"),
    [
        (HOLDS, "\x1b[32mholds "),
        (replace(FAILS, result="refuses"), "\x1b[36mrefuses"),
        (FAILS, "\x1b[31mFAILS "),
        (replace(FAILS, standing="seen"), "\x1b[33mWARN "),
        (UNKNOWN, "\x1b[33munknown"),
    ],
)
def test_a_row_has_the_colour_of_its_result(row: Row, begins: str) -> None:
    output = Screen()
    print_row(row, output)
    assert output.getvalue().startswith(begins)
    assert "\x1b[2m(allowed: " in output.getvalue() or row.standing == "seen"


@pytest.mark.parametrize(("boots", "begins"), [(False, "\x1b[31mFAILS"), (None, "\x1b[33munknown")])
def test_what_does_not_boot_has_the_colour_of_its_result(boots: bool | None, begins: str) -> None:
    output = Screen()
    print_plain(replace(CHECKED, boots=boots), output)
    assert output.getvalue().startswith(begins)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (replace(FAILS, assumes=None), "it went wrong at 0x007c42 (read_disk+0x2): int 0x13; with "
         "DL=81h, disk-read-failed: the read failed"),
        (replace(FAILS, place=None), "takes the drive for 80h; with DL=81h, disk-read-failed: the "
         "read failed"),
        (replace(UNKNOWN, state=None), "port 0x1f7 is not emulated"),
        (replace(UNKNOWN, state=None, seen="x" * 400), "x" * 400),
        (replace(UNKNOWN, state=None, seen="x" * 401), "x" * 400 + "..."),
        (replace(UNKNOWN, state=None, seen="\x1b[2J"), "\\x1b[2J"),
    ],
)  # fmt: skip
def test_what_a_row_tells(row: Row, told: str) -> None:
    assert row.told == told


def test_a_place_is_told_as_closely_as_it_is_known(tmp_path: Path) -> None:
    assert str(PLACE) == "0x007c42 (read_disk+0x2): int 0x13"
    assert str(Place(0x7C42, "")) == "0x007c42"
    assert str(Place(0x7C42, "hlt")) == "0x007c42: hlt"
    line = Place(0x7C42, "hlt", "x", str(Path.cwd() / "a.asm"), 7, "stop: hlt")
    assert str(line) == "a.asm:7: stop: hlt"
    assert str(replace(line, source=None)) == "a.asm:7: hlt"
    other = replace(line, file=str(tmp_path / "a.asm"))
    assert str(other) == f"{tmp_path}/a.asm:7: stop: hlt"


def test_what_boots_on_qemus_machine_needs_no_words() -> None:
    output = io.StringIO()
    print_plain(CHECKED, output)
    assert output.getvalue() == ""


@pytest.mark.parametrize(
    ("boots", "place", "line"),
    [
        (False, PLACE, "FAILS  does not boot on QEMU's own machine: stage1-hang: 0x007c42 "
         "(read_disk+0x2): int 0x13: it\\x07 hangs"),
        (False, None, "FAILS  does not boot on QEMU's own machine: stage1-hang: it\\x07 hangs"),
        (None, None, "unknown  does not boot on QEMU's own machine: stage1-hang: it\\x07 hangs"),
    ],
)  # fmt: skip
def test_what_does_not_boot_there_is_told_with_its_place(
    boots: bool | None, place: Place | None, line: str
) -> None:
    output = io.StringIO()
    checked = replace(CHECKED, boots=boots, cause="stage1-hang", seen="it\x07 hangs", place=place)
    print_plain(checked, output)
    assert output.getvalue() == f"{line}\n"


def test_the_sum_names_what_there_is() -> None:
    output = io.StringIO()
    print_sum(replace(CHECKED, rows=()), output)
    assert output.getvalue() == ""
    print_sum(CHECKED, output)
    assert output.getvalue() == "\nstage1, of 1 behaviour: holds 1\n"
    rows = (HOLDS, HOLDS, replace(FAILS, result="refuses"), FAILS, UNKNOWN,
            replace(FAILS, standing="seen"))  # fmt: skip
    output = io.StringIO()
    print_sum(replace(CHECKED, rows=rows), output)
    assert output.getvalue() == (
        "\nstage1, of 6 behaviours: holds 2, refuses 1, fails 1, warnings 1, not found out 1\n"
    )


def test_only_a_loader_that_holds_is_good() -> None:
    CHECKED.require_good()
    seen = replace(FAILS, standing="seen")
    replace(CHECKED, rows=(seen, replace(FAILS, result="refuses"))).require_good()
    with pytest.raises(AssertionError) as wrong:
        replace(CHECKED, rows=(HOLDS, FAILS, seen, replace(FAILS, behaviour="b"))).require_good()
    assert str(wrong.value) == f"edd-1.1: {FAILS.told}; b: {FAILS.told}"
    no_boot = replace(CHECKED, boots=False, cause="stage1-hang", seen="it hangs", rows=())
    with pytest.raises(AssertionError, match=r"^stage1-hang: it hangs$"):
        no_boot.require_good()


@pytest.mark.parametrize(
    ("checked", "cause", "said"),
    [
        (replace(CHECKED, rows=(HOLDS, UNKNOWN)), "not-emulated", "port 0x1f7 is not emulated"),
        (replace(CHECKED, rows=(replace(UNKNOWN, cause="timed-out", seen=None),)), "timed-out", ""),
        (replace(CHECKED, boots=None, cause="launch-failed", seen="no", rows=()),
         "launch-failed", "no"),
        (replace(CHECKED, boots=None, seen="no", rows=()), "not-emulated", "no"),
    ],
)  # fmt: skip
def test_what_nobody_could_find_out_is_not_good(checked: Checked, cause: str, said: str) -> None:
    with pytest.raises(NoVerdict) as open_still:
        checked.require_good()
    assert open_still.value.cause == cause
    assert str(open_still.value) == said
