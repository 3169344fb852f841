"""Where a boot was made is in its result, whatever came of it."""

from pathlib import Path

import pytest

from bootharness.diagnosis.verdict import Verdict
from bootharness.runs import where
from bootharness.runs.cell import Cell
from bootharness.runs.where import Host, this_host
from bootharness.runs.work import boot_cell

SERVER = """processor\t: 0
cpu family\t: 25
model\t\t: 17
model name\t: AMD   EPYC
stepping\t: 1

processor\t: 1
model name\t: another
"""


@pytest.mark.parametrize(
    ("told", "cpu"),
    [
        (SERVER, "AMD EPYC (25-17-1)"),
        ("processor: 0\nBogoMIPS: 108.00\n", "aarch64"),
        ("", "aarch64"),
        (None, "aarch64"),
        ("model name: " + "x" * 9000, "x" * 120),
    ],
)
def test_a_cpu_is_told_by_its_name_and_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str | None, cpu: str
) -> None:
    file = tmp_path / "cpuinfo"
    if told is not None:
        file.write_text(told)
    monkeypatch.setattr(where, "_CPUINFO", file)
    monkeypatch.setattr(where.os, "uname", lambda: type("U", (), {"machine": "aarch64"}))
    this_host.cache_clear()
    try:
        assert this_host().cpu == cpu
    finally:
        this_host.cache_clear()


def test_what_could_not_be_booted_says_where() -> None:
    attempt = boot_cell(Cell("no/such/kernel"))
    assert (attempt.verdict, attempt.cause) == (Verdict.SKIP, "kernel-unavailable")
    assert attempt.host == this_host() != Host()
