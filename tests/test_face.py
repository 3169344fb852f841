"""The public names: these, and nothing that README uses besides."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import bootharness

NAMES = (
    "CAUSES", "ROUTES", "BlockMove", "BootHarnessError", "BootPlan", "BootTrace",
    "Checked", "CouldNotFindOut", "Device", "Diagnosis", "DiskImage", "Expectation", "GateOutcome",
    "HuntResult", "Judgement", "KernelImage", "Loader", "MachineConfig", "Matrix", "Medium",
    "NetPlan", "Observer", "Route", "UsageError", "Verdict", "bisect", "bisect_commits", "boot",
    "check", "fetch", "find_limits", "judge", "predict", "read_trace", "run_gate",
)  # fmt: skip


def test_the_names_are_these() -> None:
    assert tuple(bootharness.__all__) == NAMES
    assert sorted(dir(bootharness)) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(bootharness, name)
    assert value.__doc__
    # whoever imports a module of the same name beside it must not hide it
    assert getattr(sys.modules["bootharness"], name) is value


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import bootharness, sys; print(*(name for name in sys.modules if 'bootharness' in name))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["bootharness"]


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'boot_disk'"):
        bootharness.boot_disk  # noqa: B018


@pytest.mark.parametrize("page", ["README.md", *map(str, Path("docs").glob("*.md"))])
def test_pages_import_public_names_alone(page: str) -> None:
    text = Path(page).read_text()
    for names in re.findall(r"^(?:>>> )?from bootharness import (.*)$", text, re.MULTILINE):
        assert {name.strip() for name in names.split(",")} <= {*NAMES}
    assert not re.findall(r"from bootharness\.\S+ import|import bootharness\.", text)
