"""The recipes for CI: what they run is run here, as their runners would run it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree

from bootharness.gate.matrix import read_matrix
from bootharness.kernels.selfcheck import selfcheck_kernel
from tests.support.processes import COMMAND, environment


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job's folder with a kernel, and a bootharness on its PATH that is this checkout's."""
    command = tmp_path / "bin" / "bootharness"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    command.chmod(0o755)
    (tmp_path / "vmlinuz").write_bytes(selfcheck_kernel(65536).read_bytes())
    (tmp_path / "last-good").write_bytes(selfcheck_kernel(131072).read_bytes())
    return tmp_path


def run(script: str, job: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    values = {
        "PATH": f"{job / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": environment()["PYTHONPATH"],
        "BOOTHARNESS_HISTORY": str(job / "history"),
        "GITHUB_STEP_SUMMARY": str(job / "summary.md"),
        "RUNNER_TEMP": str(job),
        **variables,
    }
    if cache := os.environ.get("BOOTHARNESS_CACHE"):
        values.setdefault("BOOTHARNESS_CACHE", cache)
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=job, env=values, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def step(action: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in action["runs"]["steps"] if each.get("name") == name)


def test_github_action(job: Path) -> None:
    action = yaml.safe_load(Path("action.yml").read_text())
    boot = step(action, "Boot")
    inputs = {
        "kernels": "vmlinuz selfcheck:64", "baseline": "last-good", "options": "--until setup",
        "output": "boot-gate",
    }  # fmt: skip
    values = {
        name: inputs[re.fullmatch(r"\$\{\{ inputs\.(\w+) \}\}", value)[1]]  # type: ignore[index]
        for name, value in boot["env"].items()
    }
    assert set(inputs) == set(action["inputs"])
    done = run(boot["run"], job, **values)
    assert done.returncode == 0, done.stderr
    assert "Boot gate" in (job / "summary.md").read_text()
    for name in ("gate.md", "gate.html", "junit.xml", "gate.json"):
        assert (job / "boot-gate" / name).stat().st_size, name
    wrong = run(boot["run"], job, **{**values, "OPTIONS": "--until nowhere", "OUTPUT": "wrong"})
    assert wrong.returncode == 129


def test_what_was_not_found_out_fails_in_every_recipe(job: Path) -> None:
    """125, and a sentence: `deb:` without apt-get is a kernel that cannot be had."""
    for tool in ("apt-get", "apt-cache"):
        (job / "bin" / tool).write_text("#!/bin/sh\nexit 100\n")
        (job / "bin" / tool).chmod(0o755)
    kernels, options = "vmlinuz deb:linux-image-none", "--until setup"
    action = yaml.safe_load(Path("action.yml").read_text())
    template = yaml.safe_load(Path("ci/gitlab.yml").read_text())[".boot-gate"]
    assert "allow_failure" not in template
    for script, variables in (
        (step(action, "Boot")["run"],
         {"KERNELS": kernels, "BASELINE": "", "OPTIONS": options, "OUTPUT": "out"}),
        (template["script"][0],
         {"GATE_KERNELS": kernels, "GATE_BASELINE": "", "GATE_OPTIONS": options}),
    ):  # fmt: skip
        done = run(script, job, **variables, BOOTHARNESS_CACHE=str(job / "cache"))
        assert done.returncode == 125, done.stderr
        assert "nothing is bad, but something could not be found out" in done.stdout


def test_gitlab_template(job: Path) -> None:
    template = yaml.safe_load(Path("ci/gitlab.yml").read_text())[".boot-gate"]
    variables = {
        name: value for name, value in template["variables"].items() if name.startswith("GATE")
    }
    assert set(variables) == {"GATE_KERNELS", "GATE_BASELINE", "GATE_OPTIONS"}
    chosen = {"GATE_KERNELS": "vmlinuz", "GATE_OPTIONS": "--until setup"}
    for line in template["script"]:
        done = run(line, job, **{**variables, **chosen})
        assert done.returncode == 0, done.stderr
    written = template["artifacts"]
    for name in (*written["paths"], written["reports"]["junit"]):
        assert (job / name).stat().st_size, name
    assert etree.parse(job / "junit.xml").getroot().tag == "testsuites"


def test_the_matrix_of_the_documentation_is_one(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path("docs/gate.md").read_text()
    [text] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (job / "initrd.img").touch()
    (job / "mbr.asm").write_text(Path("mbr/stage1.asm").read_text())
    monkeypatch.chdir(job)
    (job / "builds" / "huge").mkdir(parents=True)
    (job / "builds" / "huge" / "bzImage").write_bytes((job / "vmlinuz").read_bytes())
    (job / "gate.toml").write_text(text)
    (job / "initrd.img").touch()
    cells = read_matrix(job / "gate.toml").cells()
    # two kernels and the baseline; from a disk 2 loaders, 2 interfaces, 2 machines, 2 memories
    assert len(cells) == 3 * (16 + 4)
    huge = {
        cell.expect for cell in cells if "huge" in cell.kernel and cell.plan.loader == "mbr.asm"
    }
    assert huge == {"destination-wrapped"}
