"""docs/testing.md: every block of code on it is run, and its tables are what the code says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.plugin.reference import filled
from tests.support.builders import no_carry
from tests.support.processes import REPOSITORY, environment

PAGE = (REPOSITORY / "docs/testing.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FILES = {code.splitlines()[0].removeprefix("# "): code
         for language, code in BLOCKS if language in ("python", "toml", "ini")}  # fmt: skip
COMMANDS = [line.removeprefix("$ ") for language, code in BLOCKS if language == "console"
            for line in code.splitlines()]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project that the page speaks of, with a kernel that boots quickly and a bad loader."""
    for name, code in FILES.items():
        if name.startswith("test_"):
            (tmp_path / name).write_text(code)
    for name in ("arch/x86/boot/bzImage", "build/bzImage"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(selfcheck_kernel(100_000).read_bytes())
    no_carry(tmp_path)
    return tmp_path


def run(project: Path, *arguments: str) -> str:
    """Run pytest in a project, which must pass, and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=project, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"\d skipped", done.stdout), done.stdout
    return done.stdout


def test_every_block_is_a_file_or_a_command() -> None:
    assert {language for language, _ in BLOCKS} == {"python", "toml", "ini", "console"}
    assert len(FILES) + sum(language == "console" for language, _ in BLOCKS) == len(BLOCKS)
    assert all(re.fullmatch(r"test_\w+\.py|kernels\.toml|pytest\.ini", name) for name in FILES)
    assert all(command.startswith("pytest ") for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_one_that_passes(project: Path, command: str) -> None:
    """One of them runs every test on the page."""
    assert "passed" in run(project, *shlex.split(command)[1:])
    if "--junitxml" in command:
        assert (project / "report.xml").exists()


def test_some_command_runs_every_file() -> None:
    assert any(not command.endswith(".py") for command in COMMANDS)


@pytest.mark.long
def test_boot_that_must_fail_does(project: Path) -> None:
    assert "1 passed" in run(project, "--kernel", "selfcheck:15735824", "test_refused.py")


def test_table_of_kernels_is_one(project: Path) -> None:
    (project / "kernels.toml").write_text(FILES["kernels.toml"])
    said = run(project, "-v", "test_boots.py")
    names = re.findall(r'^id = "(.*?)"', FILES["kernels.toml"], re.MULTILINE)
    assert len(names) == 3
    for name in names:
        assert f"test_kernel_boots[{name}] PASSED" in said


def test_table_of_kernels_may_lie_elsewhere(project: Path) -> None:
    (project / "pytest.ini").write_text(FILES["pytest.ini"])
    (project / "images").mkdir()
    (project / "images/kernels.toml").write_text(
        '[[kernel]]\nid = "elsewhere"\nsource = "../build/bzImage"\n'
    )
    assert "test_kernel_boots[elsewhere] PASSED" in run(project, "-v", "test_boots.py")


def test_tables_are_what_the_code_says() -> None:
    assert filled(PAGE) == PAGE, "make docs writes them anew"


def test_tables_say_something_of_everything() -> None:
    assert not re.findall(r"^\| `.*\|  \|$", PAGE, re.MULTILINE)


def test_fixtures_markers_and_options_of_pytest_are_all_on_the_page(project: Path) -> None:
    fixtures = run(project, "--fixtures").partition("fixtures defined from bootharness")[2]
    names = re.findall(r"^(\w+)(?: \[\w+ scope\])? -- ", fixtures.partition("\n-----")[0], re.M)
    assert {"boot_trace", "boot_judgement", "kernel", "machine", "netboot_trace"} <= {*names}
    assert "no docstring available" not in fixtures.partition("\n-----")[0]
    options = run(project, "--help").partition("boot kernels under QEMU:")[2].partition("\n\n")[0]
    spelt = re.findall(r"^ +(--[a-z-]+)", options, re.M)
    assert {"--kernel", "--boot-strict", "--boot-memory"} <= {*spelt}
    for each in (*names, *spelt):
        assert f"`{each}" in PAGE
    markers = run(project, "--markers")
    assert "@pytest.mark.netboot(route, *faults, root, " in markers
    (boot,) = re.findall(r"@pytest\.mark\.boot\((.*)\): ", markers)
    assert {"bios", "idle_s", "memory_mib", "until"} <= {*boot.split(", ")}
    for each in boot.split(", "):
        assert f"| `{each}` | `--boot-" in PAGE
