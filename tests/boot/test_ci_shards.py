"""A gate in parts, on as many machines as a CI has: the recipes are run as they stand."""

import json
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.support.github import GitHub
from tests.support.gitlab import GitLab
from tests.support.job_machine import JobMachine, kernel_of
from tests.support.processes import REPOSITORY

SHARDS = REPOSITORY / "ci/shards"
GATE = 'kernels = ["vmlinuz"]\nroute = ["direct", "mbr"]\nmemory_mib = [64, 128]\nuntil = "setup"\n'


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "gate.toml").write_text(GATE)
    kernel_of(folder, "built/vmlinuz", 300_000)
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> JobMachine:
    return JobMachine(tmp_path / "machine")


@pytest.mark.long
def test_github_boots_in_three_jobs_and_merges(machine: JobMachine, repository: Path) -> None:
    hub = GitHub(machine, repository)
    jobs = hub.workflow(SHARDS / "kernel.yml")
    assert {step.outcome for job in jobs.values() for step in job} == {"success"}, jobs
    assert set(hub.artifacts) == {"vmlinuz", "boot-gate", *(f"boot-gate-{at}" for at in "123")}
    parts = [json.loads((hub.artifacts[f"boot-gate-{at}"] / "gate.json").read_text())
             for at in "123"]  # fmt: skip
    assert [len(each["entries"]) for each in parts] == [1, 1, 2]
    whole = json.loads((hub.artifacts["boot-gate"] / "gate.json").read_text())
    assert (whole["headline"], whole["standing"]) == ("accepted: all 4 boots are good", "good")
    assert "accepted" in hub.summary
    # what installs QEMU is not wanted where nothing is booted
    assert machine.said.count("apt-get update -q") == 3


@pytest.mark.long
def test_github_fails_for_a_part_that_is_missing(machine: JobMachine, repository: Path) -> None:
    workflow = (SHARDS / "kernel.yml").read_text().replace("[1, 2, 3]", "[1, 3]")
    (repository / "kernel.yml").write_text(workflow)
    gate = GitHub(machine, repository).workflow(repository / "kernel.yml")["gate"]
    assert (gate[-1].outcome, gate[-1].outputs["status"]) == ("failure", "125")
    assert "shard 2 of 3 is missing" in gate[-1].said


@pytest.mark.long
def test_gitlab_boots_in_three_jobs_and_merges(machine: JobMachine, repository: Path) -> None:
    shutil.copy(SHARDS / "gitlab-ci.yml", repository / ".gitlab-ci.yml")
    lab = GitLab(machine, repository)
    jobs = lab.pipeline()
    assert {name: job.status for name, job in jobs.items()} == {
        "build": 0, "boot: [1/3]": 0, "boot: [2/3]": 0, "boot: [3/3]": 0, "gate": 0,
    }, jobs  # fmt: skip
    assert "accepted: all 4 boots are good" in jobs["gate"].said
    assert len(ET.parse(lab.artifacts["gate"] / "junit.xml").getroot().findall(".//testcase")) == 4


def test_gitlab_merges_what_a_bad_kernel_has_left(machine: JobMachine, repository: Path) -> None:
    shutil.copy(SHARDS / "gitlab-ci.yml", repository / ".gitlab-ci.yml")
    (repository / "built/vmlinuz").write_bytes(b"no kernel")
    jobs = GitLab(machine, repository).pipeline()
    assert {name: job.status for name, job in jobs.items() if name != "build"} == {
        "boot: [1/3]": 1, "boot: [2/3]": 1, "boot: [3/3]": 1, "gate": 1,
    }, jobs  # fmt: skip


@pytest.mark.long
def test_jenkins_boots_on_three_agents_and_merges(machine: JobMachine, repository: Path) -> None:
    """Its scripts, in its order; what is stashed is one folder here."""
    text = (SHARDS / "Jenkinsfile").read_text()
    build, part, clean, merge = (
        one or other
        for one, other in re.findall(r"\bsh [^'\n]*'''\n(.*?)'''|\bsh '([^'\n]*)'", text, re.S)
    )
    [values] = re.findall(r"values (.*)", text)
    machine.stub("bootharness", f'exec {machine.folder}/venv/bin/bootharness "$@"')
    machine.call(["python3", "-m", "venv", str(machine.folder / "venv")], repository)
    for script, shards in ((build, [""]), (part, re.findall(r"\d+", values)), (merge, [""])):
        for shard in shards:
            if script is part:
                agent = machine.folder / f"agent-{shard}"
                shutil.copytree(repository, agent)
            folder = agent if script is part else repository
            done = machine.call(["sh", "-xe"], folder, script, SHARD=shard)
            assert done.returncode == 0, done.stderr
            if script is part:
                shutil.copy(folder / f"shard-{shard}.json", repository)
    assert "rm -f shard-*.json" in clean
    assert "accepted: all 4 boots are good" in done.stdout
    assert (repository / "junit.xml").exists()
    assert (repository / "gate.html").exists()


@pytest.mark.long
def test_jobs_share_a_history_by_files_in_a_bucket(machine: JobMachine, repository: Path) -> None:
    page = (REPOSITORY / "docs/scale.md").read_text()
    job, night = (
        each for each in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "s3://" in each
    )
    kernel_of(repository, "vmlinuz", 300_000)
    machine.stub("bootharness", f'exec {machine.folder}/venv/bin/bootharness "$@"')
    machine.call(["python3", "-m", "venv", str(machine.folder / "venv")], repository)
    bucket = machine.folder / "bucket"
    bucket.mkdir()
    machine.stub(
        "aws",
        f'[ "$3" != --delete ] || {{ rm -f {bucket}/*; shift; }}; '
        f'eval "from=\\"$3\\" to=\\"$4\\""; case $from in s3:*) from={bucket} ;; esac; '
        f'case $to in s3:*) to={bucket} ;; esac; mkdir -p "$to"; cp "$from"/* "$to" 2>/dev/null; :',
    )
    said = []
    for number, script in enumerate((job, job, night, job)):
        home = machine.folder / f"job-{number}"  # a computer that knows nothing
        home.mkdir()
        folder = shutil.copytree(repository, home / "work")
        history = {"BOOTHARNESS_HISTORY": str(home / "history"), "CI_JOB_ID": str(number)}
        done = machine.call(["sh", "-e"], folder, script, **history)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
        if script is night:
            assert [each.name for each in bucket.iterdir()] == ["all.sqlite3"]
    assert "\n4 boots (" in said[0]
    assert "no boot, 4 unchanged results reused" in said[1]
    assert "no boot, 4 unchanged results reused" in said[3]
