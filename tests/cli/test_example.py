"""`bootharness example`: a folder in which every command has something to do."""

import re
import shlex
from pathlib import Path

import pytest

from bootharness.cli import bootharness
from bootharness.diagnosis import judge
from bootharness.gate.matrix import read_matrix
from bootharness.kernels.source import known_kernels
from bootharness.plan import BootPlan
from bootharness.predictor.predict import predict
from bootharness.routes.loader import Loader
from tests.support.builders import without_carry
from tests.support.processes import run


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example")
    done = run("example", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(f"next: cd {folder} && bootharness boot ")
    return folder


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text("mine")
    done = run("example", tmp_path)
    assert done.returncode == 129
    assert f"{tmp_path}: not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["gate.toml"]


def test_a_folder_that_cannot_be_made_is_one_sentence() -> None:
    done = run("example", "/proc/none")
    assert done.returncode == 129
    (line,) = done.stderr.splitlines()
    assert "/proc/none" in line


def test_its_loader_is_stage1_without_one_instruction(example: Path) -> None:
    loader = Loader.read(example / "no-carry.asm")
    at = loader.symbols["destination_carry"] - 0x7C00
    wanted = without_carry(Loader.stage1()).binary
    assert wanted[at : at + 3] == b"\x90\x90\x90"
    assert loader.binary[at : at + 8] == wanted[at + 3 : at + 11]
    assert not loader.takes_initrd


@pytest.mark.parametrize(
    ("size", "cause"), [(15_735_808, None), (15_735_824, "destination-wrapped")]
)
def test_its_loader_fails_behind_its_limit(example: Path, size: int, cause: str | None) -> None:
    plan = BootPlan(loader=str(example / "no-carry.asm"), until="banner")
    assert judge(predict(f"selfcheck:{size}", plan)).cause == cause


def test_its_gate_and_its_kernels_are_read(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(example)
    cells = read_matrix(example / "gate.toml").cells()
    assert [cell.expect for cell in cells].count("destination-wrapped") == 1
    assert [each.id for each in known_kernels(example / "kernels.toml")] == ["small", "large"]


def test_what_its_readme_tells_to_type_can_be_typed(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(example)
    typed = re.findall(
        r"^    (bootharness .*?)(?:   .*)?$", (example / "README.md").read_text(), re.M
    )
    assert len(typed) >= 8
    for line in typed:
        words = shlex.split(line)
        with bootharness.make_context("bootharness", words[1:]) as context:
            command = bootharness.get_command(context, words[1])
            assert command, line
            command.make_context(words[1], words[2:], parent=context)
