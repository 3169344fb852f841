"""The example repository: what a stranger copies is installed and run, in both services."""

import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.github import GitHub, Step
from tests.support.gitlab import GitLab
from tests.support.job_machine import JobMachine, kernel_of
from tests.support.processes import REPOSITORY

EXAMPLE = REPOSITORY / "ci/example"
WORKFLOW = ".github/workflows/kernel.yml"


def pull_request(source: str = "you/router") -> dict[str, Any]:
    return {"pull_request": {"number": 7, "head": {"repo": {"full_name": source}}}}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The example with a last good kernel, and one that `make vmlinuz` makes."""
    folder = tmp_path / "repository"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    kernel_of(folder, "built/vmlinuz", 300_000)
    kernel_of(folder, "last-good/vmlinuz", 290_000)
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> JobMachine:
    return JobMachine(tmp_path / "machine")


@pytest.fixture
def own_machine(tmp_path: Path) -> JobMachine:
    """A machine where pip installs the package itself."""
    pytest.importorskip("hatchling")
    return JobMachine(tmp_path / "machine", installs=True)


def comment_step(machine: JobMachine, repository: Path, *, container: bool = False,
                 event: dict[str, Any] | None = None, before: str) -> Step:  # fmt: skip
    """Run the step that comments behind another, in place of the gate."""
    workflow = yaml.safe_load((EXAMPLE / WORKFLOW).read_text())
    comment = workflow["jobs"]["gate"]["steps"][-1]
    assert comment["name"] == "Comment on the pull request"
    hub = GitHub(machine, repository, event=event or pull_request(), container=container)
    return hub.job([{"run": before}, comment])[-1]


@pytest.mark.long
def test_github_installs_gates_tests_and_comments(
    own_machine: JobMachine, repository: Path
) -> None:
    hub = GitHub(own_machine, repository, event=pull_request())
    jobs = hub.workflow(repository / WORKFLOW)
    steps = {step.name: step for job in jobs.values() for step in job}
    assert {step.outcome for step in steps.values()} == {"success"}, steps
    [package] = own_machine.folder.glob("runner-temp/bootharness/lib/*/site-packages/bootharness")
    assert (package / "gate/gate.py").exists()
    # more than four where times are measured in turns
    assert re.search(r"^\d+ boots \(", steps["Boot gate"].said, re.MULTILINE)
    assert "2 passed" in steps["Boot tests"].said
    assert set(hub.artifacts) == {"vmlinuz", "boot-gate"}
    assert "gh pr comment 7 --body-file boot-gate/gate.md" in own_machine.said
    assert "Boot gate" in hub.summary


@pytest.mark.long
def test_github_boots_nothing_twice_and_saves_no_download_twice(
    machine: JobMachine, repository: Path
) -> None:
    hub = GitHub(machine, repository, event={})
    first = hub.workflow(repository / WORKFLOW)["gate"]
    saved = list(hub.caches)
    again = hub.workflow(repository / WORKFLOW)["gate"]
    assert "from the history" not in said(first)
    assert "no boot, " in said(again)
    [new] = set(hub.caches) - set(saved)
    assert new.startswith("boot-gate-history/")
    # pushed, and no pull request
    assert again[-1].outcome == "skipped"


def said(steps: list[Step]) -> str:
    return "".join(step.said for step in steps)


@pytest.mark.long
def test_gitlab_installs_gates_and_tests(own_machine: JobMachine, repository: Path) -> None:
    lab = GitLab(own_machine, repository)
    jobs = lab.pipeline()
    assert {name: job.status for name, job in jobs.items()} == {
        "build": 0, "gate": 0, "boot-tests": 0,
    }, jobs  # fmt: skip
    assert "2 passed" in jobs["boot-tests"].said
    for name in ("gate", "boot-tests"):
        assert ET.parse(lab.artifacts[name] / "junit.xml").getroot().tag == "testsuites"


def test_a_pull_request_has_one_comment(machine: JobMachine, repository: Path) -> None:
    report = "mkdir boot-gate; echo report >boot-gate/gate.md"
    machine.comments.write_text("1001\n2002\n")
    assert comment_step(machine, repository, before=report).outcome == "success"
    assert not [line for line in machine.said if line.startswith("gh pr comment")]
    assert (
        "gh api --silent --method PATCH repos/you/router/issues/comments/2002 "
        "--field body=@boot-gate/gate.md"
    ) in machine.said


@pytest.mark.parametrize("container", [False, True])
def test_a_bad_kernel_is_commented_on_too(
    machine: JobMachine, repository: Path, container: bool
) -> None:
    report = "mkdir boot-gate; echo report >boot-gate/gate.md; exit 1"
    assert (
        comment_step(machine, repository, before=report, container=container).outcome == "success"
    )
    assert "gh pr comment 7 --body-file boot-gate/gate.md" in machine.said


def test_without_a_report_there_is_no_comment_and_no_second_failure(
    machine: JobMachine, repository: Path
) -> None:
    step = comment_step(machine, repository, before="exit 129")
    assert step.outcome == "success"
    assert "the gate wrote no report" in step.said
    assert not [line for line in machine.said if line.startswith("gh")]


@pytest.mark.parametrize(
    ("qemu", "kernel", "conclusions"),
    [
        (True, 300_000, ["success", "skipped"]),
        (False, 300_000, ["success", "skipped"]),
        (True, None, ["success", "failure"]),
    ],
)
def test_what_was_not_found_out_can_be_let_pass(
    tmp_path: Path, repository: Path, qemu: bool, kernel: int | None, conclusions: list[str]
) -> None:
    (repository / "vmlinuz").write_bytes(b"no kernel")
    if kernel:
        kernel_of(repository, "vmlinuz", kernel)
    (repository / "gate.toml").write_text('kernels = ["vmlinuz"]\nuntil = "setup"\n')
    page = (REPOSITORY / "docs/gate.md").read_text()
    [block] = re.findall(r"```yaml\n((?: {6}.*\n)*? {8}run: exit 1\n)```", page)
    hub = GitHub(JobMachine(tmp_path / "machine", qemu=qemu), repository)
    steps = hub.job([{"uses": "actions/checkout@v4"}, *yaml.safe_load(block)])
    assert [step.conclusion for step in steps[1:]] == conclusions, steps


@pytest.mark.parametrize("event", [pull_request("stranger/router"), {"ref": "refs/heads/main"}])
def test_from_a_fork_and_from_a_push_there_is_no_comment(
    machine: JobMachine, repository: Path, event: dict[str, Any]
) -> None:
    step = comment_step(machine, repository, before="true", event=event)
    assert step.outcome == "skipped"
