"""The machines that a loader is checked on, in QEMU: the predictor and QEMU come to the same."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.checking import check as checking
from bootharness.checking.check import Check
from bootharness.checking.in_qemu import boot_in_qemu, made_by_rom
from bootharness.diagnosis import Verdict, judge
from bootharness.predictor.behaviours.behaviour import Way
from bootharness.predictor.behaviours.table import BEHAVIOURS
from bootharness.predictor.quirks import Quirks
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace
from tests.support.mistaken import MISTAKES, Mistake

BY_NAME = {each.name: each for each in BEHAVIOURS}
STAGE1 = Check(Loader.stage1())
WAYS = [
    (behaviour.name, way)
    for behaviour in BEHAVIOURS
    for way in behaviour.ways(STAGE1.plain)
    if made_by_rom(way)
]
# two that run on for ever, and one of which QEMU makes what the predictor does not
SLOW = ("stack", "stack too near", "A20")
IN_QEMU = [
    each
    for each in MISTAKES
    if each.name not in SLOW and any(map(made_by_rom, BY_NAME[each.behaviour].ways(STAGE1.plain)))
]


@pytest.mark.sample(9)
@pytest.mark.parametrize(
    ("name", "way"), WAYS, ids=lambda value: str(getattr(value, "state", value))
)
def test_stage1_does_the_same_in_qemu(name: str, way: Way) -> None:
    booted = boot_in_qemu(Loader.stage1(), way)
    assert booted
    assert judge(booted).verdict is judge(STAGE1._predict(way)).verdict, name


@pytest.mark.sample(4)
@pytest.mark.parametrize("mistake", IN_QEMU, ids=lambda mistake: mistake.name)
def test_a_mistake_fails_in_qemu_by_the_same_cause(tmp_path: Path, mistake: Mistake) -> None:
    loader = mistake.made(tmp_path)
    (row,) = Check(loader, booted=True).rows([BY_NAME[mistake.behaviour]])
    assert (row.result, row.booted > 0) == ("fails", True), row.seen


def test_the_boot_code_of_a_disk_is_booted(tmp_path: Path) -> None:
    layout = STAGE1._disk(32)
    assert not isinstance(layout, DiskImage)
    image = DiskImage.existing(layout.write(tmp_path / "disk.img").path)
    (row,) = Check(image, booted=True).rows([BY_NAME["drive-81"]])
    assert (row.result, row.booted) == ("holds", 1)


def test_what_the_rom_cannot_make_is_not_booted() -> None:
    for quirks in (Quirks(fill=1), Quirks(low_kib=512), Quirks(a20_gates=frozenset())):
        assert boot_in_qemu(Loader.stage1(), Way("", "", quirks)) is None
    assert boot_in_qemu(Loader.stage1(), Way("", "", Quirks(), bios="286")) is None


def test_where_the_two_do_not_agree_neither_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = STAGE1._predict(next(iter(BY_NAME["no-edd"].ways(STAGE1.plain))))
    assert judge(bad).verdict is Verdict.BAD
    monkeypatch.setattr(checking, "boot_in_qemu", lambda *_: bad)
    (row,) = Check(Loader.stage1(), booted=True).rows([BY_NAME["drive-81"]])
    assert (row.result, row.booted) == ("unknown", 0)
    assert "do not agree" in (row.seen or "")


def test_what_qemu_did_not_find_out_leaves_the_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> BootTrace:
        ending = replace(STAGE1.plain.ending, kind="skipped", detail="busy", cause="host-busy")
        return replace(STAGE1.plain, ending=ending)

    monkeypatch.setattr(checking, "boot_in_qemu", busy)
    (row,) = Check(Loader.stage1(), booted=True).rows([BY_NAME["drive-81"]])
    assert (row.result, row.booted) == ("holds", 0)
