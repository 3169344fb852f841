"""The recipes for CI: their steps are run here, in order and as their runners would run them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree
from msgspec import Struct

from bootharness.gate.matrix import read_matrix
from tests.support.builders import no_carry
from tests.support.github import ACTION, GitHub
from tests.support.gitlab import GitLab
from tests.support.job_machine import JobMachine, kernel_of
from tests.support.processes import REPOSITORY

pytestmark = pytest.mark.sample(3)

_PIPELINE = {
    "include": [{"remote": "https://gitlab.example/OWNER/bootharness/-/raw/main/ci/gitlab.yml"}],
    "stages": ["test"],
    "gate": {"extends": ".boot-gate"},
}
_PLACE = "git+https://gitlab.example/OWNER/bootharness@main"
_FOUND_OUT = "nothing is bad, but something could not be found out"


class Ended(Struct):
    """A gate that has ended in CI: its job's status, what it printed, where its reports are."""

    status: int
    said: str
    reports: Path | None


Gate = Callable[..., Ended]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Somebody's repository, with kernels and what was mistaken for one."""
    folder = tmp_path / "repository"
    kernel_of(folder, "vmlinuz", 65536)
    kernel_of(folder, "last-good", 131072)
    (folder / "notes.txt").write_text("a text, and no kernel\n" * 200)
    (folder / "empty").touch()
    no_carry(folder)
    (folder / ".gitlab-ci.yml").write_text(yaml.safe_dump(_PIPELINE))
    return folder


@pytest.fixture
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> JobMachine:
    return JobMachine(tmp_path / "machine", **getattr(request, "param", {}))


@pytest.fixture(params=["github", "gitlab"])
def gate(request: pytest.FixtureRequest, machine: JobMachine, repository: Path) -> Gate:
    """The template of one service, as a job of that repository."""
    hub = GitHub(machine, repository)
    lab = GitLab(machine, repository)

    def on_github(kernels: str, baseline: str, options: str, **_: str) -> Ended:
        given = {"kernels": kernels, "baseline": baseline, "options": options}
        steps = hub.job([
            {"uses": "actions/checkout@v4"},
            {"id": "gate", "uses": ACTION, "with": given},
        ])  # fmt: skip
        ended = steps[-1]
        assert ended.outcome == ("failure" if ended.status else "success")
        assert ended.outputs == {"status": str(ended.status)}
        return Ended(ended.status, ended.said + hub.summary, hub.artifacts.get("boot-gate"))

    def on_gitlab(kernels: str, baseline: str, options: str, **more: str) -> Ended:
        job = lab.pipeline(**{
            "BOOTHARNESS": _PLACE, "GATE_KERNELS": kernels, "GATE_BASELINE": baseline,
            "GATE_OPTIONS": options, **more,
        })["gate"]  # fmt: skip
        return Ended(job.status, job.said, lab.artifacts["gate"])

    def run(kernels: str, baseline: str = "", options: str = "--until setup", **more: str) -> Ended:
        return (on_github if request.param == "github" else on_gitlab)(
            kernels, baseline, options, **more
        )

    return run


def test_a_good_kernel_passes_and_leaves_its_reports(gate: Gate) -> None:
    ended = gate("vmlinuz selfcheck:64", "last-good")
    assert ended.status == 0, ended.said
    assert ended.reports
    for name in ("gate.md", "gate.html", "gate.json", "junit.xml"):
        assert (ended.reports / name).stat().st_size, name
    assert etree.parse(ended.reports / "junit.xml").getroot().tag == "testsuites"


def test_a_bad_kernel_is_refused_and_its_history_is_kept(gate: Gate) -> None:
    options = "--until banner --loader no-carry.asm"
    ended = gate("selfcheck:17000000", "last-good", options)
    assert ended.status == 1, ended.said
    assert "destination-wrapped" in ended.said
    assert ended.reports
    assert "destination-wrapped" in (ended.reports / "gate.md").read_text()
    again = gate("selfcheck:17000000", "last-good", options)
    assert again.status == 1, again.said
    assert "no boot, " in again.said


@pytest.mark.parametrize("candidate", ["notes.txt", "empty"])
def test_a_candidate_that_is_no_kernel_is_refused(gate: Gate, candidate: str) -> None:
    ended = gate(candidate, "last-good")
    assert ended.status == 1, ended.said


@pytest.mark.parametrize(
    ("kernels", "options"),
    [("vmlinux-misspelt", "--until setup"), ("vmlinuz", "--until bannr")],
)
def test_wrong_usage_is_not_a_bad_kernel_though_no_report_was_written(
    gate: Gate, kernels: str, options: str
) -> None:
    ended = gate(kernels, options=options)
    assert ended.status == 129, ended.said
    assert "wrong usage, see above" in ended.said
    assert "No such file or directory" not in ended.said.replace(kernels, "")
    assert not ended.reports or not [*ended.reports.iterdir()]


@pytest.mark.parametrize("machine", [{"qemu": False}], indirect=True)
def test_without_qemu_nothing_is_found_out_and_the_job_fails(gate: Gate) -> None:
    ended = gate("vmlinuz")
    assert ended.status == 125, ended.said
    assert _FOUND_OUT in ended.said


def test_a_package_that_cannot_be_had_is_not_found_out(gate: Gate) -> None:
    ended = gate("vmlinuz deb:linux-image-none")
    assert ended.status == 125, ended.said
    assert _FOUND_OUT in ended.said


@pytest.mark.parametrize(
    ("program", "does", "status", "sentence"),
    [
        ("apt-get", "exit 100", 125, "the packages could not be installed, see above"),
        ("pip", "exit 1", 125, "bootharness could not be installed"),
        ("python3", "exit 1", 129, "is too old, 3.11 is needed"),
    ],
)
def test_what_cannot_be_installed_is_no_bad_kernel(
    gate: Gate, machine: JobMachine, program: str, does: str, status: int, sentence: str
) -> None:
    machine.stub(program, does)
    ended = gate("vmlinuz")
    assert ended.status == status, ended.said
    assert not ended.reports or not [*ended.reports.iterdir()]
    assert sentence in ended.said


def test_as_root_there_is_no_sudo(gate: Gate, machine: JobMachine) -> None:
    machine.stub("sudo", "exit 127")
    assert gate("vmlinuz").status == 0
    assert "apt-get update -q" in machine.said


@pytest.mark.parametrize("machine", [{"root": False}], indirect=True)
def test_a_user_installs_by_sudo_that_asks_for_no_password(gate: Gate, machine: JobMachine) -> None:
    assert gate("vmlinuz").status == 0
    assert "sudo -n apt-get update -q" in machine.said
    [installed] = [line for line in machine.said if line.startswith("sudo") and " install " in line]
    assert installed.startswith("sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install")


@pytest.mark.parametrize(
    ("kernel", "status"), [("vmlinuz", 0), ("empty", 1), ("vmlinux-misspelt", 129)]
)
def test_an_image_without_bash_is_no_difference(
    machine: JobMachine, repository: Path, kernel: str, status: int
) -> None:
    lab = GitLab(machine, repository, shell="sh")
    job = lab.pipeline(BOOTHARNESS=_PLACE, GATE_KERNELS=kernel, GATE_OPTIONS="--until setup")[
        "gate"
    ]
    assert job.status == status, job.said


def test_gitlab_says_what_it_has_to_be_told(machine: JobMachine, repository: Path) -> None:
    job = GitLab(machine, repository).pipeline(GATE_KERNELS="vmlinuz")["gate"]
    assert job.status == 129
    assert "the variable BOOTHARNESS is not set: set it to the URL that pip installs" in job.said


def test_an_output_folder_below_another_is_an_artifact_all_the_same(
    machine: JobMachine, repository: Path
) -> None:
    hub = GitHub(machine, repository)
    given = {"kernels": "vmlinuz", "options": "--until setup", "output": "reports/boot gate"}
    steps = hub.job([{"uses": "actions/checkout@v4"}, {"uses": ACTION, "with": given}])
    assert not steps[-1].status, steps[-1].said
    assert (hub.artifacts["reports-boot gate"] / "gate.md").stat().st_size


def test_two_gates_in_one_job_keep_a_history_and_a_report_each(
    machine: JobMachine, repository: Path
) -> None:
    hub = GitHub(machine, repository)
    gates: list[dict[str, Any]] = [
        {
            "uses": ACTION,
            "with": {"kernels": kernel, "options": "--until setup", "output": f"{kernel}-report"},
        }
        for kernel in ("vmlinuz", "last-good")
    ]
    for booted in ("1 boot (", "no boot, "):
        steps = hub.job([{"uses": "actions/checkout@v4"}, *gates])
        assert [step.status for step in steps] == [0, 0, 0]
        assert all(booted in step.said for step in steps[1:])
        assert set(hub.artifacts) == {"vmlinuz-report", "last-good-report"}


def test_a_report_of_an_earlier_step_is_not_that_of_this_one(
    machine: JobMachine, repository: Path
) -> None:
    hub = GitHub(machine, repository)
    hub.job([
        {"uses": "actions/checkout@v4"},
        {"run": "mkdir boot-gate; echo stale >boot-gate/gate.md"},
        {"uses": ACTION, "with": {"kernels": "vmlinux-misspelt"}},
    ])  # fmt: skip
    assert "stale" not in hub.summary
    assert not hub.artifacts


def test_the_matrix_of_the_documentation_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (REPOSITORY / "docs/gate.md").read_text()
    text = next(
        each for each in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "expect" in each
    )
    kernel_of(tmp_path, "vmlinuz", 65536)
    kernel_of(tmp_path, "builds/huge/bzImage", 65536)
    (tmp_path / "mbr.asm").write_text((REPOSITORY / "mbr/stage1.asm").read_text())
    (tmp_path / "gate.toml").write_text(text)
    (tmp_path / "initrd.img").touch()
    monkeypatch.chdir(tmp_path)
    cells = read_matrix(tmp_path / "gate.toml").cells()
    # two kernels and the baseline; from a disk 2 loaders, 2 interfaces, 2 machines, 2 memories
    assert len(cells) == 3 * (16 + 4)
    huge = {
        cell.expect for cell in cells if "huge" in cell.kernel and cell.plan.loader == "mbr.asm"
    }
    assert huge == {"destination-wrapped"}
