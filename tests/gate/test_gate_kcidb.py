"""A gate as KernelCI's database takes it: valid by its own library, and true."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.outcome import Entry, GateOutcome
from bootharness.gate.report.kcidb import kcidb_document
from bootharness.plan import BootPlan, choose
from bootharness.report.document import encode
from bootharness.runs.cell import Cell
from bootharness.runs.picture import Picture, pack
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.where import Host
from tests.gate.test_gate_reports import NASTY, OUTCOME
from tests.support.processes import run

FACTS = BootFacts(
    "6.12.1", "ab" * 32, payload_bytes=16, milestones={"banner": 0.5, "init": 1.5},
    qemu_version="7.2.22", accelerator="tcg", compiler="gcc-12 12.2.0",
)  # fmt: skip
HOST = Host("builder-7", "EPYC")
SERIAL = "Linux version 6.12\n\0\x1b[31mKernel panic\n" + "x" * 60_000
GOOD = Attempt(Verdict.GOOD, None, "reached init", 2.0, FACTS, host=HOST)
PANIC = Attempt(Verdict.BAD, "kernel-panic", "it panics", 1.0, FACTS,
                picture=pack(Picture(serial=SERIAL)), host=HOST)  # fmt: skip
MISSING = Attempt(Verdict.SKIP, "tool-missing", "there is no QEMU", host=HOST)


def entry(
    *attempts: Attempt, kernel: str = "vmlinuz", expect: str = "good", **plan: object
) -> Entry:
    cell = Cell(kernel, choose(BootPlan(until="init"), plan), expect)
    return Entry(CellResult(cell, "key", attempts), "")


GATE = GateOutcome(
    (
        entry(GOOD),
        entry(PANIC, PANIC, route="ipxe-http", until="login:"),
        entry(PANIC, expect="kernel-panic", route="direct"),
        entry(MISSING, kernel="other"),
    ),
    made_at=1_800_000_000.0,
)  # fmt: skip


def written(outcome: GateOutcome) -> Any:
    return json.loads(encode(kcidb_document(outcome)))


@pytest.mark.parametrize("outcome", [GATE, OUTCOME, GateOutcome(())], ids=["gate", "nasty", "none"])
def test_kernelci_s_own_library_takes_it(outcome: GateOutcome) -> None:
    schema = pytest.importorskip("kcidb_io").schema
    document = written(outcome)
    schema.V5_3.validate_exactly(document)
    schema.LATEST.validate(document)
    with pytest.raises(ValidationError):
        schema.LATEST.validate(document | {"tests": [{"id": "bootharness:1"}]})


def test_a_boot_is_a_test_and_bad_is_bad_whatever_was_expected() -> None:
    tests = written(GATE)["tests"]
    assert [(each["status"], each["path"]) for each in tests] == [
        ("PASS", "boot.mbr.init"), ("FAIL", "boot.ipxe-http.pattern"), ("FAIL", "boot.direct.init"),
        ("MISS", "boot.mbr.init"),
    ]  # fmt: skip
    good, bad, _, missed = tests
    assert (good["number"], good["duration"]) == ({"value": 1.5, "unit": "s"}, 2.0)
    assert good["start_time"] == "2027-01-15T08:00:00+00:00"
    assert "start_time" not in missed
    assert good["environment"]["comment"] == "QEMU 7.2.22, tcg; builder-7, EPYC"
    assert bad["environment"]["misc"]["plan"]["until"] == "login:"
    assert bad["misc"]["reproduce"].startswith("bootharness boot vmlinuz --route ipxe-http")
    assert "Kernel panic" not in bad["log_excerpt"] or "\0" not in bad["log_excerpt"]
    assert len(bad["log_excerpt"]) <= 16_384
    assert "log_excerpt" not in good


def test_all_that_is_told_belongs_together_and_has_one_id() -> None:
    document = written(GATE)
    ids = {kind: [each["id"] for each in document[kind]]
           for kind in ("checkouts", "builds", "tests", "issues", "incidents")}  # fmt: skip
    for kind, own in ids.items():
        assert len({*own}) == len(own), kind
        assert all(each.startswith("bootharness:") for each in own)
    assert {each["checkout_id"] for each in document["builds"]} == {*ids["checkouts"]}
    assert {each["build_id"] for each in document["tests"]} == {*ids["builds"]}
    assert {each["issue_id"] for each in document["incidents"]} == {*ids["issues"]}
    assert {each["test_id"] for each in document["incidents"]} == {*ids["tests"][1:]}
    assert ids["issues"] == ["bootharness:kernel-panic", "bootharness:tool-missing"]
    panic, missing = document["issues"]
    assert "culprit" not in panic  # it may be the kernel, or what loads it
    assert missing["culprit"] == {"code": False, "tool": False, "harness": True}
    [build, other] = document["builds"]
    assert (build["misc"]["sha256"], build["compiler"]) == ("ab" * 32, "gcc-12 12.2.0")
    assert "status" not in other


def test_what_is_reported_again_from_the_history_is_the_same_run() -> None:
    [first] = GATE.entries[:1]
    again = replace(first, result=replace(first.result, cached=True))
    later = written(GateOutcome((again,), made_at=1_900_000_000.0))["tests"][0]
    assert later["id"] == written(GATE)["tests"][0]["id"]
    assert "start_time" not in later
    anew = replace(GOOD, seconds=2.5)
    assert written(GateOutcome((entry(anew),)))["tests"][0]["id"] != later["id"]


def test_what_a_guest_says_is_harmless() -> None:
    text = encode(kcidb_document(OUTCOME)).decode()
    assert NASTY not in text
    for letter in ("\\u0000", "\\u001b", "\\udcff"):
        assert letter not in text.replace("\\\\", "")


def test_the_command_writes_it_and_not_over_another_file(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    gate = ("gate", tmp_path / "notes", "--history", tmp_path / "history")
    refused = run(*gate, "--kcidb", tmp_path / "notes")
    assert (refused.returncode, (tmp_path / "notes").read_text()) == (129, "mine")
    done = run(*gate, "--kcidb", tmp_path / "kcidb.json")
    assert done.returncode == 1, done.stderr
    [test] = json.loads((tmp_path / "kcidb.json").read_text())["tests"]
    assert (test["status"], test["misc"]["cause"]) == ("FAIL", "not-a-kernel")
