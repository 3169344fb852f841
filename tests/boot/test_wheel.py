"""Installed from its wheel, outside of the repository, the harness boots all the same."""

import importlib.util
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.support.processes import REPOSITORY

_LIMIT_S = 300


def call(*argv: object, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with nothing of this checkout in its environment."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [*map(str, argv)],
        cwd=folder,
        env={**environment, **more},
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("wheel")
    offline = importlib.util.find_spec("hatchling") is not None
    isolation = ["--no-build-isolation"] if offline else []
    built = call(
        sys.executable, "-m", "pip", "wheel", REPOSITORY, "--no-deps", *isolation, "-w", folder,
        folder=folder,
    )  # fmt: skip
    if built.returncode and not offline:
        pytest.skip(f"there is no hatchling, and it cannot be had: {built.stderr[-300:]}")
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it; what it depends on is this environment's, without
    what only the extras bring."""
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, with_pip=False, symlinks=True)
    python = root / "bin/python"
    site = sysconfig.get_path("purelib", vars={"base": str(root), "platbase": str(root)})
    Path(site, "depended-on.pth").write_text(
        f"{sysconfig.get_path('purelib')}\n"
        "import sys; sys.modules.update(matplotlib=None, numpy=None)\n"
    )
    done = call(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index",
        "--no-deps", "--ignore-installed", wheel,
        folder=root,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    where = call(
        python, "-c", "import bootharness; print(bootharness.__file__)", folder=root
    ).stdout
    assert Path(where).is_relative_to(site)
    return root


@pytest.mark.long
def test_wheel_boots_with_a_cache_that_is_empty(installed: Path, tmp_path: Path) -> None:
    # so the assembly sources are those that came in the wheel
    done = call(
        installed / "bin/bootharness", "boot", "selfcheck:16000", "--tracer", "both",
        folder=tmp_path, BOOTHARNESS_CACHE=str(tmp_path / "cache"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("GOOD selfcheck:16000")
    assert any((tmp_path / "cache/assembled").glob("stage1-*.elf"))


def test_wheel_brings_the_plugin_and_no_kernels(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_boots(boot_trace): ...\n")
    done = call(installed / "bin/python", "-m", "pytest", "--co", "-q", folder=tmp_path)
    assert "test_mine.py::test_boots[no-kernel]" in done.stdout, done.stdout + done.stderr


def test_wheel_says_its_version(installed: Path, tmp_path: Path) -> None:
    said = call(installed / "bin/bootharness", "--version", folder=tmp_path).stdout
    assert said.startswith("bootharness, version ")


def test_wheel_brings_the_gates_page_and_workers(installed: Path, tmp_path: Path) -> None:
    done = call(
        installed / "bin/bootharness", "gate", "selfcheck:16000", "--until", "setup",
        "--history", "history", "--html", "gate.html", folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "<!doctype html>" in (tmp_path / "gate.html").read_text()


@pytest.mark.long
def test_wheel_brings_the_example_and_runs_its_tests(installed: Path, tmp_path: Path) -> None:
    done = call(installed / "bin/bootharness", "example", "mine", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    done = call(installed / "bin/python", "-m", "pytest", folder=tmp_path / "mine")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout


def test_wheel_has_the_public_names_and_is_typed(installed: Path, tmp_path: Path) -> None:
    code = "import bootharness; [getattr(bootharness, name) for name in bootharness.__all__]"
    done = call(installed / "bin/python", "-c", code, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [*installed.rglob("site-packages/bootharness/py.typed")]


def test_wheel_installs_nothing_called_harness(installed: Path, tmp_path: Path) -> None:
    done = call(installed / "bin/python", "-c", "import harness", folder=tmp_path)
    assert "No module named 'harness'" in done.stderr


def test_a_project_may_have_a_folder_called_harness(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness/__init__.py").write_text("")
    (tmp_path / "harness/widget.py").write_text("SIZE = 4\n")
    (tmp_path / "conftest.py").write_text("from harness.widget import SIZE\n")
    (tmp_path / "test_mine.py").write_text(
        "from harness.widget import SIZE\n\n"
        "def test_size():\n    assert SIZE == 4\n\n"
        "def test_boots(boot_judgement):\n    assert boot_judgement.verdict == 'good'\n"
    )
    done = call(
        installed / "bin/python", "-m", "pytest", "--kernel", "selfcheck:16000", folder=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


@pytest.mark.long
def test_wheel_is_run_as_a_module(installed: Path, tmp_path: Path) -> None:
    done = call(installed / "bin/python", "-m", "bootharness", "routes", folder=tmp_path)
    assert done.stdout.startswith("mbr "), done.stderr
