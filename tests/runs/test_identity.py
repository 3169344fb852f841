"""What a result depends on: all that can change a boot, the worker's own, and nothing else."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.plan import BootPlan, choose
from bootharness.routes import table
from bootharness.routes.loader import Loader
from bootharness.runs import identity
from bootharness.runs.cell import Cell
from bootharness.runs.identity import Identities
from bootharness.runs.workers import LocalWorkers
from tests.support.processes import REPOSITORY
from tests.support.programs import program

# the card's own ROM, or what somebody brings
_WITHOUT = ("ipxe", "ipxe-http", "net-root", "net-server")
CELL = Cell("selfcheck:4096", BootPlan(until="setup"))


def key(**options: object) -> str:
    with LocalWorkers(1, limit_s=60) as workers:
        return Identities(workers).of(replace(CELL, plan=choose(CELL.plan, options)))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("harness")
    shutil.copytree(REPOSITORY / "harness", folder, dirs_exist_ok=True)
    return folder


def version_of(package: Path) -> str:
    code = "from bootharness.runs.identity import own_version; print(own_version())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(package)}, cwd=package,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_loader_is_looked_at_once_for_all_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    named = Loader.named

    def counted(name: str) -> Loader:
        looked_at.append(name)
        return named(name)

    monkeypatch.setattr(Loader, "named", counted)
    cells = [replace(CELL, plan=replace(CELL.plan, cmdline=f"n={each}")) for each in range(9)]
    with LocalWorkers(1, limit_s=60) as workers:
        identities = Identities(workers)
        assert len({identities.of(each) for each in cells}) == 9
    assert looked_at == [CELL.plan.loader]


@pytest.mark.parametrize(
    ("changed", "matters"),
    [
        ("watch/hang.py", True),
        ("routes/net.py", True),
        ("diagnosis/moves.py", True),
        ("report/document.py", True),
        ("one_boot.py", True),
        ("cli/boot.py", False),
        ("cli/uses.py", False),
        ("plugin/fixtures.py", False),
        ("debug/run.py", False),
        ("factors/rules.py", False),
        ("bisection/hunt.py", False),
        ("gate/report/html.py", False),
        ("report/terminal.py", False),
    ],
)
def test_only_what_can_change_a_boot_makes_old_results_useless(
    package: Path, changed: str, matters: bool
) -> None:
    before = version_of(package)
    with (package / "bootharness" / changed).open("a") as file:
        file.write("# a comment\n")
    assert (version_of(package) != before) is matters


def test_a_plan_and_what_it_names_are_part_of_it(tmp_path: Path) -> None:
    initrd = tmp_path / "initrd"
    initrd.write_bytes(b"1")
    keys = {key(), key(memory_mib=64), key(route="direct"), key(until="init")}
    keys |= {key(until="init", initrd=str(initrd))}
    other = tmp_path / "other"
    other.write_bytes(b"2")
    keys |= {key(until="init", initrd=str(other))}
    assert len(keys) == 6
    other.rename(tmp_path / "moved")
    assert key(until="init", initrd=str(tmp_path / "moved")) in keys


def test_answers_and_a_cards_rom_count_by_their_content(tmp_path: Path) -> None:
    answers, rom = tmp_path / "answers", tmp_path / "rom"
    answers.write_text('[[answer]]\nbootfile = "a"')
    rom.write_bytes(b"1")
    root = replace(CELL, kernel=str(tmp_path / "root"))
    (tmp_path / "root").mkdir()

    def with_files(**files: Path) -> str:
        choices = {"route": "net-root", **{name: str(path) for name, path in files.items()}}
        identity._digest.cache_clear()
        with LocalWorkers(1, limit_s=60) as workers:
            return Identities(workers).of(replace(root, plan=choose(CELL.plan, choices)))

    keys = {with_files(), with_files(answers=answers), with_files(answers=answers, nic_rom=rom)}
    answers.write_text('[[answer]]\nbootfile = "b"')
    keys |= {with_files(answers=answers), with_files(answers=answers, nic_rom=rom)}
    assert len(keys) == 5
    answers.rename(tmp_path / "moved")
    assert with_files(answers=tmp_path / "moved") in keys


def test_what_is_expected_is_no_part_of_it() -> None:
    with LocalWorkers(1, limit_s=60) as workers:
        identities = Identities(workers)
        assert identities.of(CELL) == identities.of(replace(CELL, expect="bad"))


def test_another_boot_program_is_another_boot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "PXELINUX"
    folder.mkdir()
    loader = folder / "pxelinux.0"
    route = replace(table.ROUTES["pxelinux"], programs=(folder,))
    monkeypatch.setitem(table.ROUTES, "pxelinux", route)
    keys = []
    for content in (b"6.04", b"6.05", b"6.04"):
        loader.write_bytes(content)
        identity._digest.cache_clear()
        keys.append(key(route="pxelinux", until="auto"))
    assert keys[0] == keys[2] != keys[1]


def test_every_network_route_names_the_programs_that_have_a_part_in_it() -> None:
    for route in table.ROUTES.values():
        if route.from_network and route.name not in _WITHOUT:
            assert route.programs, route.name


def _with_path(path: str) -> None:
    os.environ["PATH"] = path


def test_it_is_the_workers_qemu_that_counts(tmp_path: Path) -> None:
    newer = 'case $1 in --version) echo "QEMU emulator version 99.1.0";; *) exec $real "$@";; esac'
    program(tmp_path, "qemu-system-i386", newer)
    here = key()
    keys = []
    for path in (f"{tmp_path}:{os.environ['PATH']}", os.environ["PATH"]):
        with ProcessPoolExecutor(
            1, get_context("spawn"), initializer=_with_path, initargs=(path,)
        ) as elsewhere:
            keys.append(Identities(elsewhere).of(CELL))
    assert keys[0] != here
    assert keys[1] == here
