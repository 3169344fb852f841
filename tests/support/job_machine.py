"""The machine that a job of CI gets: it installs nothing, and writes down what was asked for."""

import os
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

from bootharness.host.cache import cache_dir
from bootharness.kernels.selfcheck import selfcheck_kernel
from tests.support.processes import COMMAND, REPOSITORY

__all__ = ["JobMachine", "kernel_of"]

_STUBS = {
    "apt-get": 'case "$1" in update | install) exit 0 ;; *) exit 100 ;; esac',
    "apt-cache": "exit 100",
    "sudo": '[ "$1" != -n ] || shift; exec "$@"',
    "gh": 'if [ "$1 $2" = "api --paginate" ]; then cat "$GH_COMMENTS"; fi',
    "pip": '[ "$1" != --cache-dir ] || { mkdir -p "$2/http" && echo wheel >"$2/http/1"; }',
    "make": "cp built/vmlinuz vmlinuz",
}
_VENV = """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin"
    printf '#!/bin/sh\\nBOOTHARNESS_CACHE={cache} exec {command} "$@"\\n' >"$3/bin/bootharness"
    printf '#!/bin/sh\\nexec pip "$@"\\n' >"$3/bin/pip"
    printf '#!/bin/sh\\nexec {python} "$@"\\n' >"$3/bin/python"
    chmod +x "$3"/bin/*
    ln -sf python "$3/bin/python3"
    exit
fi
exec {python} "$@"
"""
_LIMIT_S = 300


class JobMachine:
    """A home, a PATH and a log of what was installed; nothing of it is the machine's own.

    With ``installs`` the package is really installed, with what it depends on from this
    environment; else its place is taken by this checkout, with the cache of these tests. ``qemu``
    is whether there is one, and ``root`` whether the job is root's.
    """

    def __init__(
        self, folder: Path, *, qemu: bool = True, root: bool = True, installs: bool = False
    ) -> None:
        self.folder, self._installs = folder, installs
        self.home, self._log = folder / "home", folder / "stubs.log"
        self.comments = folder / "comments"
        for each in (self.home, folder / "bin", folder / "tmp"):
            each.mkdir(parents=True)
        self._log.touch()
        self.comments.touch()
        for name, does in _STUBS.items():
            self.stub(name, does)
        if not root:
            self.stub("id", "echo 1000")
        python = _python_stub(installs)
        self._program("python3", python)
        self._path = f"{folder / 'bin'}:{_path(folder, qemu=qemu)}"

    def stub(self, name: str, does: str) -> None:
        """Put a program on PATH that writes down its arguments, and then does what it says."""
        self._program(name, f'#!/bin/sh\necho "{name} $*" >>"$STUBS_LOG"\n{does}\n')

    def _program(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    @property
    def said(self) -> list[str]:
        """What was called, a line each."""
        return self._log.read_text().splitlines()

    def call(
        self, argv: list[str], folder: Path, text: str | None = None, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program of a job."""
        checkout = {"PYTHONPATH": f"{REPOSITORY / 'harness'}:{REPOSITORY}"}
        where = self._installing() if self._installs else checkout
        return subprocess.run(
            argv, cwd=folder, input=text or "", capture_output=True, text=True, check=False,
            timeout=_LIMIT_S,
            env={
                "PATH": self._path, "HOME": str(self.home), "TMPDIR": str(self.folder / "tmp"),
                "STUBS_LOG": str(self._log), "GH_COMMENTS": str(self.comments), "CI": "true",
                "PIP_DISABLE_PIP_VERSION_CHECK": "1", **where, **more,
            },
        )  # fmt: skip

    def _installing(self) -> dict[str, str]:
        """Return what has pip install the package alone, without a network."""
        return {
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_IGNORE_INSTALLED": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # which is how pip spells yes
            "PYTHONPATH": os.pathsep.join(_site_packages()),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{self._git_repository().as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": "https://gitlab.example/OWNER/bootharness",
        }

    def _git_repository(self) -> Path:
        """Return a repository with what is checked out here, committed or not."""
        made = self.folder / "bootharness.git"
        if not made.exists():
            made.mkdir()
            ignored = shutil.ignore_patterns("__pycache__")
            for name in ("pyproject.toml", *_packed()):
                copy = partial(shutil.copytree, ignore=ignored)
                (copy if (REPOSITORY / name).is_dir() else shutil.copy)(
                    REPOSITORY / name, made / name
                )
            who = ["-c", "user.name=t", "-c", "user.email=t@example"]
            for words in (["init", "-qb", "main"], ["add", "-A"], [*who, "commit", "-qm", "all"]):
                subprocess.run(["git", *words], cwd=made, check=True)
        return made


def kernel_of(folder: Path, name: str, size: int) -> Path:
    """Put a synthetic kernel into a folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(selfcheck_kernel(size).read_bytes())
    return path


def _packed() -> list[str]:
    """Return what goes into a source distribution, without what is not installed from it."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    packed: list[str] = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    return [each for each in packed if each not in ("tests", "docs")]


def _python_stub(installs: bool) -> str:
    if installs:
        return f'#!/bin/sh\nexec {sys.executable} "$@"\n'
    return _VENV.format(command=" ".join(COMMAND), python=sys.executable, cache=cache_dir())


def _site_packages() -> list[str]:
    return [each for each in sys.path if each.endswith("-packages")]


def _path(folder: Path, *, qemu: bool) -> str:
    if qemu:
        return os.environ["PATH"]
    programs = folder / "programs"
    programs.mkdir()
    for each in os.environ["PATH"].split(os.pathsep):
        for program in Path(each).glob("*"):
            link = programs / program.name
            if not program.name.startswith("qemu-system") and not link.is_symlink():
                link.symlink_to(program)
    return str(programs)
