"""A loader on every machine that a BIOS may make: what holds, and the line that does not."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.checking import check as checking
from bootharness.checking.check import Check, check
from bootharness.checking.checked import Checked, Row
from bootharness.errors import NoVerdict
from bootharness.predictor.behaviours.behaviour import Behaviour
from bootharness.predictor.behaviours.table import BEHAVIOURS
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import Loader
from tests.support.emulated import assembled
from tests.support.mistaken import MISTAKES, Mistake

BY_NAME = {each.name: each for each in BEHAVIOURS}


@pytest.fixture(scope="module")
def stage1_checked() -> Checked:
    return check(Loader.stage1())


def row_of(run: Check, behaviour: str) -> Row:
    (row,) = run.rows([BY_NAME[behaviour]])
    return row


def test_stage1_holds_all_but_what_it_refuses(stage1_checked: Checked) -> None:
    others = {
        row.behaviour: (row.result, row.standing)
        for row in stage1_checked.rows
        if row.result != "holds"
    }
    assert others == {"no-edd": ("refuses", "allowed"), "reads-64": ("fails", "seen")}
    assert stage1_checked.good is True
    assert len(stage1_checked.rows) == len(BEHAVIOURS)
    assert {limit.part for limit in stage1_checked.limits} >= {"payload", "initrd"}
    stage1_checked.require_good()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, mistake: Mistake) -> None:
    row = row_of(Check(mistake.made(tmp_path)), mistake.behaviour)
    assert row.result == "fails", row.seen
    assert mistake.words in (row.assumes or "")
    assert row.place
    assert row.place.line
    assert mistake.line in (row.place.source or "")


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.name)
def test_a_behaviour_says_where_it_comes_from(behaviour: Behaviour) -> None:
    assert behaviour.source
    assert behaviour.standing in ("allowed", "seen")


def test_every_behaviour_is_in_the_table_once() -> None:
    assert len(BY_NAME) == len(BEHAVIOURS)


def test_what_nothing_allows_is_a_warning(tmp_path: Path) -> None:
    (mistake,) = (each for each in MISTAKES if each.name == "CS")
    run = Check(mistake.made(tmp_path))
    checked = run.told(run.rows([BY_NAME["entry-07c0"]]))
    assert (checked.rows[0].result, checked.good) == ("fails", True)


def test_what_is_allowed_makes_the_loader_bad(tmp_path: Path) -> None:
    (mistake,) = (each for each in MISTAKES if each.name == "retry")
    run = Check(mistake.made(tmp_path))
    checked = run.told(run.rows([BY_NAME["read-fails-once"]]))
    assert checked.good is False
    with pytest.raises(AssertionError, match=r"read-fails-once: .*edited.asm:\d+: int     0x13"):
        checked.require_good()


def test_the_boot_code_of_a_disk_is_told_by_address(tmp_path: Path) -> None:
    (mistake,) = (each for each in MISTAKES if each.name == "retry")
    layout = Check(mistake.made(tmp_path))._disk(32)
    assert not isinstance(layout, DiskImage)
    image = DiskImage.existing(layout.write(tmp_path / "disk.img").path)
    row = row_of(Check(image), "read-fails-once")
    assert row.result == "fails"
    assert row.place
    assert (row.place.file, row.place.instruction) == (None, "int 0x13")
    assert row_of(Check(image), "segments").result == "holds"


def test_what_does_not_boot_at_all_is_tried_on_no_other_machine(tmp_path: Path) -> None:
    path = tmp_path / "sector.img"
    path.write_bytes(assembled(tmp_path, "hang: jmp hang"))
    checked = check(DiskImage.existing(path))
    assert (checked.good, checked.boots, checked.rows) == (False, False, ())
    assert checked.place
    assert checked.place.address == 0x7C00


def test_what_cannot_be_emulated_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "sector.img"
    path.write_bytes(assembled(tmp_path, "mov dx, 0x1f7\nin al, dx\nhang: jmp hang"))
    checked = check(DiskImage.existing(path))
    assert (checked.good, checked.boots, checked.rows) == (None, None, ())
    with pytest.raises(NoVerdict, match="port 0x1f7"):
        checked.require_good()


def test_nothing_is_tried_when_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "_MOST_S", 0.0)
    run = Check(Loader.stage1())
    checked = run.told(run.rows())
    assert {row.result for row in checked.rows} == {"unknown"}
    assert checked.good is None


def test_one_unknown_row_leaves_it_open_unless_another_fails(stage1_checked: Checked) -> None:
    holds = stage1_checked.rows[1]
    unknown, fails = replace(holds, result="unknown"), replace(holds, result="fails")
    assert replace(stage1_checked, rows=(holds, unknown)).good is None
    assert replace(stage1_checked, rows=(unknown, fails)).good is False
