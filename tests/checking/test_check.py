"""A loader on every machine that a BIOS may make: what holds, and the line that does not."""

import json
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from bootharness.checking import check as checking
from bootharness.checking.check import Check, check
from bootharness.checking.checked import Checked, Row
from bootharness.checking.document import CHECK_SCHEMA_VERSION, check_document, check_schema
from bootharness.diagnosis import Verdict, judge
from bootharness.errors import NoVerdict
from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.behaviours.table import BEHAVIOURS
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.heard import Heard
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


def booted_as(
    monkeypatch: pytest.MonkeyPatch, found: BootTrace | None, subject: Loader, behaviour: str
) -> tuple[Row, list[tuple[object, str]]]:
    """Return the row of a behaviour where QEMU gives what was ``found``, and what it was asked
    for."""
    asked: list[tuple[object, str]] = []

    def boot_in_qemu(subject: object, way: Way) -> BootTrace | None:
        asked.append((subject, way.state))
        return found

    monkeypatch.setattr(checking, "boot_in_qemu", boot_in_qemu)
    return row_of(Check(subject, booted=True), behaviour), asked


@pytest.mark.parametrize(
    ("kind", "booted", "result"),
    [("reached", 1, "holds"), ("loop", 0, "unknown"), ("timeout", 0, "holds"), (None, 0, "holds")],
)
def test_a_row_is_trusted_where_qemu_finds_the_same(
    monkeypatch: pytest.MonkeyPatch, kind: str | None, booted: int, result: str
) -> None:
    stage1 = Loader.stage1()
    run = Check(stage1)
    ways = [way.state for way in BY_NAME["entry-07c0"].ways(run.plain)]
    found = None if kind is None else replace(run.plain, ending=Ending(kind, 1.0))
    if kind == "timeout":
        found = replace(run.plain, tracer="recorder", bios_calls=(), heard=Heard())
        assert judge(found).verdict is Verdict.SKIP
    row, asked = booted_as(monkeypatch, found, stage1, "entry-07c0")
    assert asked == [(stage1, state) for state in ways]
    assert (row.result, row.booted) == (result, booted * len(ways))
    if result == "unknown":
        assert row.seen
        predicted, _, seen = row.seen.partition("; booted: ")
        assert predicted.startswith(
            "the predictor and QEMU do not agree, so neither is trusted: predicted: "
        )
        assert "stage1" not in predicted
        assert seen
        assert row.state == ways[0]
        assert (row.assumes, row.place, row.cause) == (None, None, None)


def test_what_a_loader_does_not_hold_is_booted_as_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (mistake,) = (each for each in MISTAKES if each.name == "retry")
    loader = mistake.made(tmp_path)
    failed = replace(Check(loader).plain, ending=Ending("loop", 1.0))
    row, asked = booted_as(monkeypatch, failed, loader, mistake.behaviour)
    assert (row.result, row.booted, len(asked)) == ("fails", 1, 1)
    good = Check(loader).plain
    row, _ = booted_as(monkeypatch, good, loader, mistake.behaviour)
    assert row.result == "unknown"


def test_without_qemu_nothing_is_booted(monkeypatch: pytest.MonkeyPatch) -> None:
    def boot_in_qemu(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(checking, "boot_in_qemu", boot_in_qemu)
    row = row_of(Check(Loader.stage1()), "entry-07c0")
    assert (row.result, row.booted) == ("holds", 0)


def test_a_row_tells_of_its_behaviour_and_its_machine(tmp_path: Path) -> None:
    (mistake,) = (each for each in MISTAKES if each.name == "retry")
    behaviour = BY_NAME[mistake.behaviour]
    run = Check(mistake.made(tmp_path))
    row = row_of(run, mistake.behaviour)
    (way, *_) = behaviour.ways(run.plain)
    assert (row.title, row.standing, row.because) == (
        behaviour.title, behaviour.standing, behaviour.source,
    )  # fmt: skip
    assert (row.state, row.assumes) == (way.state, way.assumes)
    assert row.cause
    assert row.seen


def test_what_was_not_tried_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "_MOST_S", 0.0)
    run = Check(Loader.stage1())
    row = row_of(run, "entry-07c0")
    (way, *_) = BY_NAME["entry-07c0"].ways(run.plain)
    assert (row.seen, row.state) == ("not tried: what came before took more than 0 s", way.state)


def test_a_check_is_told_with_its_schema(stage1_checked: Checked) -> None:
    document, schema = check_document(stage1_checked), check_schema()
    assert (document["schema_version"], document["good"]) == (CHECK_SCHEMA_VERSION, True)
    assert document["checked"]["loader"] == stage1_checked.loader == "stage1"
    jsonschema.validate(json.loads(json.dumps(document)), schema)
    assert schema["title"] == f"bootharness check, version {CHECK_SCHEMA_VERSION}"
