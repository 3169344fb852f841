"""What the README and the pages behind it show is what happens."""

import re
from pathlib import Path

import pytest

from bootharness.cli import bootharness
from tests.support.processes import REPOSITORY
from tests.support.readme import README, block, links, run_all, shown, shows

PACKAGE = REPOSITORY / "harness/bootharness"
PAGES = [README, *sorted((REPOSITORY / "docs").glob("*.md"))]
SHOWN = shown(README.read_text())


def test_commands_print_what_the_readme_shows(tmp_path: Path) -> None:
    ran = list(run_all([each.command for each in SHOWN], tmp_path))
    if any("tool-missing" in each.printed for each in ran):
        pytest.skip("a program is missing here")
    assert len(ran) == len(SHOWN), ran[-1]
    others = [
        each for page, each in zip(SHOWN, ran, strict=True) if not shows(page.printed, each.printed)
    ]
    assert others == []


def test_readme_is_read_in_one_sitting() -> None:
    assert len(README.read_text().splitlines()) < 250


def test_the_first_screen_has_a_boot_that_fails_and_why() -> None:
    screen = README.read_text().splitlines()[:24]
    assert any(line.startswith("BAD ") for line in screen)
    assert any("15,735,808" in line for line in screen)


def test_profile_is_one_that_a_loader_can_have(tmp_path: Path) -> None:
    from bootharness.routes.loader import Loader

    (tmp_path / "mine.asm").write_text(
        "bits 16\nglobal cmd_sector\n jmp $\n times 0x1a0 - ($ - $$) db 0\ncmd_sector: dd 0\n"
        " times 0x1b6 - ($ - $$) db 0\n"
    )
    profile = block(REPOSITORY / "docs/loaders.md", "toml", "[patch]")
    (tmp_path / "mine.toml").write_text(profile)
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
    exec(compile(block(README, "python", "bootharness.boot("), "README.md", "exec"), {})
    said = capsys.readouterr().out
    if said.startswith("skip"):
        pytest.skip(said)
    assert said.startswith("good reached init in ")


def test_rooms_on_the_map_are_those_that_there_are() -> None:
    text = (REPOSITORY / "docs/how-it-works.md").read_text()
    on_map = text[text.index("    harness/bootharness/\n") : text.index("    mbr/ ")]
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert {*re.findall(r"(\w+)/", on_map)} - {"harness", "bootharness", "bootgdb"} == rooms


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_file_that_is_linked_is_there(page: Path) -> None:
    for link in links(page):
        assert (page.parent / link).exists(), link


def test_every_page_is_in_the_index() -> None:
    index = REPOSITORY / "docs/README.md"
    pages = {page.name for page in (REPOSITORY / "docs").iterdir()} - {"README.md", "one-boot.svg"}
    assert pages <= {*links(index)}
