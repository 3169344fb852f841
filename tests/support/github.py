"""A runner of GitHub's, as far as the recipes need one: steps in order, under its shells."""

import fnmatch
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct, field

from tests.support.expressions import filled, holds
from tests.support.job_machine import JobMachine
from tests.support.processes import REPOSITORY

__all__ = ["ACTION", "GitHub", "Step"]

ACTION = "OWNER/bootharness@main"
_BASH = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail")
_KNOWN = {"name", "id", "if", "uses", "with", "run", "shell", "env", "continue-on-error"}
_NOT_IN_NAMES = '":<>|*?\\/\r\n'
"""What an artifact's name must not have."""


class Step(Struct):
    """A step that has ended: how, with which status, and what it printed.

    ``conclusion`` is the outcome, or success where the job goes on all the same.
    """

    name: str
    outcome: str
    conclusion: str = "skipped"
    status: int = 0
    said: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


class GitHub:
    """One repository's workflows on one machine; artifacts and caches are kept between jobs."""

    def __init__(
        self, machine: JobMachine, repository: Path, *, event: dict[str, Any] | None = None,
        container: bool = False,
    ) -> None:  # fmt: skip
        self._machine, self._repository, self._container = machine, repository, container
        self._event = event or {}
        self._runs = 0
        self.caches: dict[str, Path] = {}
        self.artifacts: dict[str, Path] = {}
        self.summary = ""
        self.workspace = machine.folder / "workspace"

    def workflow(self, path: Path) -> dict[str, list[Step]]:
        """Run a workflow; return the steps of each job that was run."""
        workflow = yaml.safe_load(path.read_text())
        self._start()
        done: dict[str, list[Step]] = {}
        for name, job in workflow["jobs"].items():
            assert set(job) <= {"needs", "runs-on", "steps", "strategy", "if"}, job
            needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            failed = not all(_passed(done.get(each)) for each in needed)
            if holds(job.get("if"), {}, failed=failed):
                done[name] = [step for at, values in enumerate(_combinations(job))
                              for step in self._job(job["steps"], name, at, values)]  # fmt: skip
        return done

    def job(self, steps: list[dict[str, Any]]) -> list[Step]:
        """Run a workflow of one job, which has those steps."""
        self._start()
        return self._job(steps, "gate")

    def _start(self) -> None:
        self.artifacts, self._runs = {}, self._runs + 1

    def _job(
        self, steps: list[dict[str, Any]], name: str, index: int = 0,
        matrix: dict[str, Any] | None = None,
    ) -> list[Step]:  # fmt: skip
        shutil.rmtree(self.workspace, ignore_errors=True)
        shutil.rmtree(self._machine.home)
        temporary = self._machine.folder / "runner-temp"
        shutil.rmtree(temporary, ignore_errors=True)
        for each in (self.workspace, self._machine.home, temporary):
            each.mkdir()
        self.summary = ""
        contexts = {
            "github": {
                "repository": "you/router", "token": "t0ken", "run_id": 70 + self._runs,
                "run_attempt": 1, "job": name, "event": self._event,
            },
            "runner": {"os": "Linux", "arch": "X64"},
            "strategy": {"job-index": index},
            "matrix": matrix or {},
        }  # fmt: skip
        return self._steps(steps, contexts, {})

    def _steps(
        self, steps: list[dict[str, Any]], contexts: dict[str, Any], more: dict[str, str]
    ) -> list[Step]:
        ended: list[Step] = []
        known: dict[str, Any] = {each["id"]: {} for each in steps if "id" in each}
        contexts = {**contexts, "steps": known}
        for each in steps:
            assert set(each) <= _KNOWN, each
            name = each.get("name") or each.get("uses") or each["run"]
            step = Step(name, "skipped")
            if holds(each.get("if"), contexts, failed=not _passed(ended)):
                step = self._step(step, each, contexts, more)
                step.conclusion = "success" if each.get("continue-on-error") else step.outcome
            ended.append(step)
            if "id" in each:
                known[each["id"]] = {"outcome": step.outcome, "outputs": step.outputs}
        return ended

    def _step(
        self, step: Step, each: dict[str, Any], contexts: dict[str, Any], more: dict[str, str]
    ) -> Step:
        if "run" in each:
            given = {
                name: filled(str(value), contexts) for name, value in each.get("env", {}).items()
            }
            return self._run(step, filled(each["run"], contexts), each.get("shell"), more | given)
        given = {name: filled(str(value), contexts) for name, value in each.get("with", {}).items()}
        if each["uses"] == ACTION:
            return self._composite(step, given, contexts)
        actions: dict[str, Callable[..., dict[str, str] | None]] = {
            "actions/checkout@v4": self._check_out,
            "actions/upload-artifact@v4": self._upload,
            "actions/download-artifact@v4": self._download,
            "actions/cache/restore@v4": self._restore,
            "actions/cache/save@v4": self._save,
        }
        words = {name.replace("-", "_"): value for name, value in given.items()}
        done = actions[each["uses"]](**words)
        step.outcome, step.outputs = "success", done or {}
        return step

    def _run(self, step: Step, script: str, shell: str | None, more: dict[str, str]) -> Step:
        temporary = self._machine.folder / "runner-temp"
        file, output, summary = (temporary / name for name in ("step.sh", "output", "summary"))
        file.write_text(script)
        output.write_text("")
        summary.write_text("")
        assert shell in (None, "bash"), shell
        usual = ("sh", "-e") if self._container else ("bash", "-e")
        done = self._machine.call(
            [*(_BASH if shell else usual), str(file)], self.workspace,
            GITHUB_OUTPUT=str(output), GITHUB_STEP_SUMMARY=str(summary),
            GITHUB_WORKSPACE=str(self.workspace), RUNNER_TEMP=str(temporary),
            GITHUB_ACTIONS="true", **more,
        )  # fmt: skip
        step.status, step.said = done.returncode, done.stdout + done.stderr
        step.outcome = "failure" if done.returncode else "success"
        pairs = (line.split("=", 1) for line in output.read_text().splitlines())
        step.outputs = dict(pairs)
        self.summary += summary.read_text()
        return step

    def _composite(self, step: Step, given: dict[str, str], contexts: dict[str, Any]) -> Step:
        action = yaml.safe_load((REPOSITORY / "action.yml").read_text())
        assert set(given) <= set(action["inputs"]), given
        inputs = {name: each.get("default", "") for name, each in action["inputs"].items()} | given
        inside = {**contexts, "inputs": inputs}
        for each in action["runs"]["steps"]:
            assert "uses" in each or each.get("shell"), f"{each}: a run needs a shell in an action"
        ended = self._steps(
            action["runs"]["steps"], inside, {"GITHUB_ACTION_PATH": str(REPOSITORY)}
        )
        failed = next((each for each in ended if each.outcome == "failure"), None)
        step.outcome = "failure" if failed else "success"
        step.status = failed.status if failed else 0
        step.said = "".join(f"== {each.name}: {each.outcome}\n{each.said}" for each in ended)
        ids = [each.get("id") for each in action["runs"]["steps"]]
        known = {
            name: {"outcome": each.outcome, "outputs": each.outputs}
            for name, each in zip(ids, ended, strict=True)
            if name
        }
        step.outputs = {
            name: filled(each["value"], {**inside, "steps": known})
            for name, each in action["outputs"].items()
        }
        return step

    def _check_out(self) -> None:
        shutil.copytree(self._repository, self.workspace, dirs_exist_ok=True)

    def _upload(self, name: str, path: str) -> None:
        assert name and not set(name) & set(_NOT_IN_NAMES), f"not a name of an artifact: {name!r}"
        assert name not in self.artifacts, f"there is an artifact {name} already"
        kept = self._machine.folder / "artifacts" / f"{self._runs}-{name}"
        there = self.workspace / path
        if there.is_dir() and any(there.iterdir()):  # what is uploaded has no folders above it
            shutil.copytree(there, kept)
        elif there.is_file():
            kept.mkdir(parents=True)
            shutil.copy(there, kept)
        else:
            return
        self.artifacts[name] = kept

    def _download(self, name: str = "", pattern: str = "", path: str = "") -> None:
        if name:
            shutil.copytree(self.artifacts[name], self.workspace / path, dirs_exist_ok=True)
        for each in fnmatch.filter(self.artifacts, pattern):  # each in a folder of its own
            shutil.copytree(self.artifacts[each], self.workspace / path / each)

    def _restore(self, path: str, key: str, restore_keys: str = "") -> dict[str, str]:
        for wanted in (key, *restore_keys.split()):
            for name in reversed(self.caches):  # the newest first
                if name == key or (wanted != key and name.startswith(wanted)):
                    kept = self.caches[name]
                    assert (kept / "paths").read_text() == path, (
                        "a cache is known by its paths, too"
                    )
                    shutil.copytree(
                        kept / "home", self._machine.home, dirs_exist_ok=True, symlinks=True
                    )
                    return {"cache-matched-key": name, "cache-hit": str(name == key).lower()}
        return {}

    def _save(self, path: str, key: str) -> None:
        assert key not in self.caches, f"a cache is never written twice: {key}"
        there = [self._machine.home / each.removeprefix("~/") for each in path.split()]
        if not any(each.exists() for each in there):
            return  # with a warning
        kept = self._machine.folder / "caches" / key
        kept.mkdir(parents=True)
        (kept / "paths").write_text(path)
        for each in filter(Path.exists, there):
            shutil.copytree(
                each, kept / "home" / each.relative_to(self._machine.home), symlinks=True
            )
        self.caches[key] = kept


def _combinations(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    matrix = job.get("strategy", {}).get("matrix", {})
    for values in product(*matrix.values()):
        yield dict(zip(matrix, values, strict=True))


def _passed(steps: Iterable[Step] | None) -> bool:
    return steps is not None and all(each.conclusion != "failure" for each in steps)
