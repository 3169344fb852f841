"""What the README shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bootharness.cli import bootharness

README = Path(__file__).parents[2] / "README.md"
PACKAGE = README.parent / "harness/bootharness"


def block(language: str, containing: str) -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)
    return next(each for each in blocks if containing in each)


def test_test_file_is_a_whole_one(tmp_path: Path) -> None:
    (tmp_path / "test_boot.py").write_text(block("python", "test_boot.py"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "--kernel", "selfcheck:1000000"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if "skipped" in done.stdout and "passed" not in done.stdout:
        pytest.skip(done.stdout)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_profile_is_one_that_a_loader_can_have(tmp_path: Path) -> None:
    from bootharness.routes.loader import Loader

    (tmp_path / "mine.asm").write_text(
        "bits 16\nglobal cmd_sector\n jmp $\n times 0x1a0 - ($ - $$) db 0\ncmd_sector: dd 0\n"
        " times 0x1b6 - ($ - $$) db 0\n"
    )
    (tmp_path / "mine.toml").write_text(block("toml", "[patch]"))
    loader = Loader.read(tmp_path / "mine.asm")
    patched = loader.patched(
        kernel_lba=0x11223344,
        kernel_sectors=0x5566,
        cmdline_lba=0x778899AA,
        initrd_lba=0,
        initrd_size=0,
        initrd_address=0,
    )
    assert patched[0x1B0:0x1B6] == bytes.fromhex("443322116655")
    assert patched[0x1A0:0x1A4] == bytes.fromhex("aa998877")


@pytest.mark.parametrize("command", bootharness.list_commands(None))
def test_every_command_is_shown(command: str) -> None:
    assert f"bootharness {command}" in README.read_text()


def test_python_is_as_it_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code = block("python", "bootharness.boot(").replace("arch/x86/boot/bzImage", "selfcheck:65536")
    exec(compile(code, "README.md", "exec"), {})
    said = capsys.readouterr().out
    if said.startswith("skip"):
        pytest.skip(said)
    assert said.startswith("good reached init in ")


def test_rooms_on_the_map_are_those_that_there_are() -> None:
    text = README.read_text()
    on_map = text[text.index("    harness/bootharness/\n") : text.index("    mbr/ ")]
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert {*re.findall(r"(\w+)/", on_map)} - {"harness", "bootharness", "bootgdb"} == rooms


def test_every_file_that_is_linked_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text())
    assert links
    for link in links:
        assert (README.parent / link).exists(), link
