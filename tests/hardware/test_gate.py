"""A real machine as a value of the matrix: what is told; nothing of the lab is a verdict."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.gate.matrix import read_matrix
from bootharness.gate.pattern import patterns
from bootharness.plan import BootPlan
from bootharness.runs.cell import Cell
from bootharness.runs.result import Attempt, CellResult
from tests.support.processes import run

MATRIX = 'kernels = ["selfcheck:1000000"]\nroute = "pxelinux"\nuntil = "banner"\n'


def result(host: str, *, bad: bool) -> CellResult:
    verdict, cause = (Verdict.BAD, "kernel-panic") if bad else (Verdict.GOOD, None)
    plan = BootPlan(route="pxelinux", until="banner", host=host)
    return CellResult(Cell("bzImage", plan), "", (Attempt(verdict, cause, ""),))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"apu2"}, "only apu2 fails (kernel-panic); qemu boots it"),
        ({"qemu"}, "only qemu fails (kernel-panic); apu2 boots it"),
    ],
)
def test_which_host_fails_is_said(bad: set[str], said: str) -> None:
    [sentence] = patterns(result(host, bad=host in bad) for host in ("qemu", "apu2"))
    assert said in sentence


def test_the_one_machine_that_passes_is_said() -> None:
    results = [result(host, bad=host != "apu2") for host in ("qemu", "apu2", "nuc")]
    [sentence] = patterns(results)
    assert "only apu2 passes; nuc and qemu fail (kernel-panic)" in sentence


def test_hosts_are_an_axis(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(f'{MATRIX}hosts = ["qemu", "apu2"]\nmemory_mib = [64, 128]\n')
    cells = read_matrix(path).cells()
    # a real machine has the memory that it has
    assert sorted(cell.plan.host for cell in cells) == ["apu2", "qemu", "qemu"]


def test_a_dead_line_is_no_bad_kernel(tmp_path: Path, write: Callable[..., Path]) -> None:
    matrix = tmp_path / "gate.toml"
    matrix.write_text(f'{MATRIX}hosts = ["apu2"]\n')
    machines = write(line="tcp:127.0.0.1:9", plug="command:/bin/true,/bin/true", wire="lo",
                     mac="00:0d:b9:4a:5c:10")  # fmt: skip
    done = run("gate", "--matrix", matrix, "--history", tmp_path / "history.db",
               BOOTHARNESS_MACHINES=str(machines))  # fmt: skip
    assert done.returncode == 125, done
    assert "line-lost" in done.stdout


def test_a_machine_that_nobody_has_is_wrong_usage(write: Callable[..., Path]) -> None:
    machines = write(line="tcp:127.0.0.1:9", plug="command:/bin/true,/bin/true")
    done = run("boot", "selfcheck:1000000", "--route", "pxelinux", "--host", "apu3",
               BOOTHARNESS_MACHINES=str(machines))  # fmt: skip
    assert done.returncode == 129 and "did you mean apu2?" in done.stderr
    done = run("boot", "selfcheck:1000000", "--host", "apu2", BOOTHARNESS_MACHINES=str(machines))
    assert done.returncode == 129 and "gets kernels by its wire" in done.stderr


def test_what_is_not_heard_of_a_real_machine_is_refused() -> None:
    from bootharness.hardware.boot import boot_kernel
    from bootharness.hardware.machines import HardwareMachine
    from bootharness.kernels.source import fetch

    machine = HardwareMachine("apu2", "tcp:a:1", "command:a,b", wire="lo", mac="00:0d:b9:4a:5c:10")
    plan = BootPlan(route="pxelinux", until_screen="login", host="apu2")
    with pytest.raises(UsageError, match="--until-screen: apu2 is heard"):
        boot_kernel(machine, "x", fetch("selfcheck:1000000"), plan)
