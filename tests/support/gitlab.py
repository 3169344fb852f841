"""A runner of GitLab's, as far as the recipes need one: a job is one script under its shell."""

import shlex
import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from tests.support.job_machine import JobMachine
from tests.support.processes import REPOSITORY

__all__ = ["GitLab", "Job"]

_NO_JOBS = {"include", "variables", "stages", "default", "workflow"}
_KNOWN = {
    "stage", "image", "variables", "cache", "before_script", "script", "artifacts", "needs",
    "extends", "parallel", "allow_failure",
}  # fmt: skip


class Job(Struct):
    """A job that has ended: with which status, and what it printed."""

    status: int
    said: str
    may_fail: bool = False


class GitLab:
    """One repository's pipelines on one machine; caches are kept from one to the next.

    ``shell`` is bash where the image has it, and sh elsewhere.
    """

    def __init__(self, machine: JobMachine, repository: Path, *, shell: str = "bash") -> None:
        self._machine, self._repository, self._shell = machine, repository, shell
        self.artifacts: dict[str, Path] = {}
        self.project = machine.folder / "builds" / "router"

    def pipeline(self, **variables: str) -> dict[str, Job]:
        """Run the jobs of ``.gitlab-ci.yml``, of which each needs those before it to pass."""
        text = (self._repository / ".gitlab-ci.yml").read_text()
        whole: dict[str, Any] = {}
        for each in yaml.safe_load(text).get("include", []):
            assert each["remote"].endswith("/bootharness/-/raw/main/ci/gitlab.yml"), each
            whole = yaml.safe_load((REPOSITORY / "ci/gitlab.yml").read_text())
        whole = _merged(whole, yaml.safe_load(text))
        names = [name for name in whole if name not in _NO_JOBS and not name.startswith(".")]
        jobs = {name: _extended(whole, name) for name in names}
        done: dict[str, Job] = {}
        self.artifacts = {}
        for name in sorted(names, key=lambda each: whole["stages"].index(jobs[each]["stage"])):
            job = jobs[name]
            assert set(job) <= _KNOWN, job
            needed = [each for each in done if each.partition(":")[0] in job.get("needs", [])]
            if len(needed) < len(job.get("needs", [])):
                continue
            if all(not done[each].status or done[each].may_fail for each in needed):
                for called, values in _several(name, job):
                    done[called] = self._job(
                        called, job, needed,
                        {**whole.get("variables", {}), **job.get("variables", {}), **values,
                         **variables},
                    )  # fmt: skip
        return done

    def _job(
        self, name: str, job: dict[str, Any], needed: list[str], variables: dict[str, str]
    ) -> Job:
        shutil.rmtree(self.project, ignore_errors=True)
        shutil.copytree(self._repository, self.project)
        for each in needed:
            shutil.copytree(self.artifacts[each], self.project, dirs_exist_ok=True)
        cache = job.get("cache", {})
        kept = self._machine.folder / "caches" / cache.get("key", "none")
        if kept.exists():
            shutil.copytree(kept, self.project, dirs_exist_ok=True, symlinks=True)
        done = self._machine.call(
            [self._shell], self.project, _script(job),
            CI_PROJECT_DIR=str(self.project),
            **{
                key: value.replace("$CI_PROJECT_DIR", str(self.project))
                for key, value in variables.items()
            },
        )  # fmt: skip
        if _is_kept(cache, done.returncode):
            self._keep(cache["paths"], kept)
        artifacts = job.get("artifacts", {})
        self.artifacts[name] = self._machine.folder / "artifacts" / name
        shutil.rmtree(self.artifacts[name], ignore_errors=True)
        self.artifacts[name].mkdir(parents=True)
        if _is_kept(artifacts, done.returncode):
            junit = artifacts.get("reports", {}).get("junit")
            self._keep([*artifacts["paths"], *([junit] if junit else [])], self.artifacts[name])
        return Job(done.returncode, done.stdout + done.stderr, bool(job.get("allow_failure")))

    def _keep(self, paths: list[str], kept: Path) -> None:
        for path in paths:
            there = self.project / path
            (kept / path).parent.mkdir(parents=True, exist_ok=True)
            if there.is_dir():
                shutil.copytree(there, kept / path, dirs_exist_ok=True, symlinks=True)
            elif there.exists():
                shutil.copy(there, kept / path)


def _several(name: str, job: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the jobs that stand for one with ``parallel``, each with its variables."""
    if "parallel" not in job:
        yield name, {}
        return
    for axes in job["parallel"]["matrix"]:
        for values in product(*axes.values()):
            yield f"{name}: [{', '.join(values)}]", dict(zip(axes, values, strict=True))


def _script(job: dict[str, Any]) -> str:
    """Return what the runner gives to the shell on its standard input: all lines in one `eval`."""
    lines = [*job.get("before_script", []), *job["script"]]
    said = "\n".join(f"echo {shlex.quote(f'$ {line}')}\n{line}" for line in lines)
    return (
        "umask 0000\n"
        "if set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit\n"
        f"set +o noclobber\n: | eval {shlex.quote(said)}\nexit 0\n"
    )


def _is_kept(entry: dict[str, Any], status: int) -> bool:
    when = entry.get("when", "on_success")
    return bool(entry) and (when == "always" or (when == "on_success") == (status == 0))


def _extended(whole: dict[str, Any], name: str) -> dict[str, Any]:
    job = whole[name]
    return _merged(_extended(whole, job["extends"]), job) if "extends" in job else job


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Merge as GitLab does: mappings by their keys, anything else is replaced."""
    both = {**below, **above}
    for key in set(below) & set(above):
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            both[key] = _merged(below[key], above[key])
    return both
