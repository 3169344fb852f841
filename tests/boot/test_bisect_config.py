"""`bootharness bisect config`: a small tree with a real Kconfig, and real boots of its kernels."""

import json
import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bootharness.host.deadline import Deadline
from tests.support.kconfig_tree import BUILD, CONF, config_file, kconfig_tree
from tests.support.processes import COMMAND, environment, eventually, processes_with, run

pytestmark = [
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="QEMU is not installed"),
    pytest.mark.skipif(not CONF, reason="kconfig-frontends is not installed"),
    pytest.mark.skipif(not shutil.which("make"), reason="make is not installed"),
]
DRIVERS = {f"D{number}": "y" for number in range(1, 21) if number != 3}
GOOD = {"ALONE": "y", "NO_SUCH": "y"}
BAD = {"DRIVERS": "y", "LZ4": "y", "NAME": '"some"', "LAST": "y", **DRIVERS}
DIFFERING = 26
SIZES = """
S=15000000
for n in $(seq 20); do eval "v=\\$CONFIG_D$n"; if [ "$v" = y ]; then S=$((S + n * 4096)); fi; done
if [ "$CONFIG_D9" = y ]; then S=$((S + 300000)); fi
cp $({python} -c "from bootharness.kernels.selfcheck import selfcheck_kernel as kernel
print(kernel($S // 16 * 16))") "$O/bzImage"
"""


def bad_if(condition: str) -> str:
    """Return a build that makes a bad kernel where a shell's test is true."""
    return f'if [ {condition} ]; then cp $BAD "$O/bzImage"; fi'


class Hunt:
    """A tree and its two configurations, in a state of their own."""

    def __init__(self, folder: Path, script: str) -> None:
        self.folder = folder
        self.tree = kconfig_tree(folder / "tree", script)
        self.good = config_file(folder / "good.config", GOOD)
        self.bad = config_file(folder / "bad.config", BAD)
        self.state = {
            "XDG_STATE_HOME": str(folder / "state"),
            "BOOTHARNESS_HISTORY": str(folder / "history.sqlite3"),
        }

    def words(self, *more: object) -> list[str]:
        """Return the command's words."""
        words = ("bisect", "config", self.good, self.bad, "--tree", self.tree, *BUILD, *more)
        return [*map(str, words)]

    def run(self, *more: object) -> tuple[str, dict[str, Any]]:
        """Run it to its end; return what it said, in one line, and its document."""
        file = self.folder / "hunt.json"
        done = run(*self.words("--json", file, *more), **self.state)
        assert done.returncode == 0, done.stdout + done.stderr
        return " ".join(done.stdout.split()), json.loads(file.read_text())


def guilty(document: dict[str, Any]) -> list[str]:
    """Return the names of the guilty symbols."""
    return [each["name"] for each in document["config"]["guilty"]]


@pytest.mark.long
def test_a_symbol_is_found_with_what_it_depends_on_and_the_answer_is_tried(tmp_path: Path) -> None:
    hunt = Hunt(tmp_path, bad_if('"$CONFIG_D7" = y'))
    before = {path: path.read_bytes() for path in hunt.tree.rglob("*") if path.is_file()}
    said, document = hunt.run("--html", tmp_path / "page.html", "--markdown", tmp_path / "it.md")
    assert guilty(document) == ["D7"]
    assert "FIRST BAD D7=y" in said
    good, bad = hunt.good, hunt.bad
    assert f"{good}: the tree does not know 1 symbol of it, which is left out: NO_SUCH" in said
    assert f"{bad} boots with it as in {good}; {good} fails with it as in {bad}" in said
    assert f"GOOD {bad} with D7 as in {good}" in said
    assert (
        f"BAD {good} with D7, and DRIVERS, without which Kconfig does not let it be, as in {bad}: "
        "payload-truncated" in said
    )
    assert document["config"]["differing"] == DIFFERING
    assert document["config"]["unknown"] == ["NO_SUCH"]
    for report in (said, (tmp_path / "page.html").read_text(), (tmp_path / "it.md").read_text()):
        assert "“driver 7”, Kconfig:" in report
    # the tree is only read
    assert before == {path: path.read_bytes() for path in hunt.tree.rglob("*") if path.is_file()}


@pytest.mark.long
def test_symbols_of_a_choice_are_the_answer_together(tmp_path: Path) -> None:
    said, document = Hunt(tmp_path, bad_if('"$CONFIG_LZ4" = y')).run()
    assert guilty(document) == ["GZIP", "LZ4"]
    assert "are these 2 symbols of one choice: GZIP, LZ4" in said


@pytest.mark.long
def test_two_symbols_that_fail_only_together_are_both_found(tmp_path: Path) -> None:
    said, document = Hunt(tmp_path, bad_if('"$CONFIG_D7$CONFIG_NAME" = ysome')).run()
    assert sorted(guilty(document)) == ["D7", "NAME"]
    assert "are these 2 symbols together: D7, NAME" in said
    assert len(document["stages"]) == 2
    tried = {each["name"]: each["verdict"] for each in document["answer"]["outcomes"]}
    assert (tried["set-back"], tried["alone"]) == ("good", "bad")


@pytest.mark.long
def test_symbols_that_fail_each_by_itself_are_all_found(tmp_path: Path) -> None:
    _, document = Hunt(tmp_path, bad_if('"$CONFIG_D2" = y -o "$CONFIG_NAME" = some')).run()
    assert guilty(document) == ["D2"]
    assert [[each["name"] for each in group] for group in document["config"]["others"]] == [
        ["NAME"]
    ]
    tried = {each["name"]: each for each in document["answer"]["outcomes"]}
    assert tried["set-back"]["verdict"] == "good"
    assert "with D2, NAME as in" in tried["set-back"]["what"]


@pytest.mark.long
def test_for_a_size_the_growth_of_symbols_is_told_and_nobody_is_blamed(
    no_carry: Path, tmp_path: Path
) -> None:
    hunt = Hunt(tmp_path, SIZES.replace("{python}", sys.executable))
    said, document = hunt.run("--loader", no_carry)
    assert (
        "no single symbol is guilty: the payload grows by 1,147,872 bytes over 26 symbols" in said
    )
    first, *others = document["config"]["growth"]
    assert (first["first"], first["last"], first["symbols"]) == ("D9", "D9", 1)
    assert first["bytes"] > 300_000
    assert all(one["bytes"] >= other["bytes"] for one, other in pairwise(others))
    assert sum(each["symbols"] for each in document["config"]["growth"]) == DIFFERING
    assert "sizes of kernels built along one way" in said


@pytest.mark.long
def test_a_killed_hunt_goes_on_from_its_log(tmp_path: Path) -> None:
    hunt, log = Hunt(tmp_path, bad_if('"$CONFIG_NAME" = some')), tmp_path / "hunt.jsonl"
    words = [*hunt.words("--log", log)]
    mark = f"--log\0{log}"
    begun = subprocess.Popen([*COMMAND, *words], env=environment(**hunt.state),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    deadline = Deadline.after(60)
    while not log.exists() or len(log.read_bytes().splitlines()) < 3:
        assert not deadline.expired
        assert begun.poll() is None
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    eventually(lambda: processes_with(mark))
    before = log.read_bytes().splitlines()
    done = run(*words, **hunt.state)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FIRST BAD  NAME=" in done.stdout
    assert log.read_bytes().splitlines()[: len(before)] == before


def test_an_interrupted_hunt_says_how_to_go_on(tmp_path: Path) -> None:
    hunt, log = Hunt(tmp_path, "sleep 60 9>&-"), tmp_path / "hunt.jsonl"
    begun = subprocess.Popen([*COMMAND, *hunt.words("--log", log)], env=environment(**hunt.state),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    deadline = Deadline.after(60)
    while not log.exists() or not log.read_bytes():
        assert not deadline.expired
        assert begun.poll() is None
    begun.send_signal(signal.SIGINT)
    _, said = begun.communicate(timeout=60)
    assert begun.returncode == 130
    assert "the same command goes on from here" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("no-kconfig", "there is no Kconfig and Makefile in it; give --tree the source"),
        ("not-a-config", "no line is CONFIG_NAME=VALUE, so it is no .config"),
        ("something-else", "knows none of the symbols that it sets, such as BUSYBOX"),
        ("same", "makes the same configuration of both, so there is nothing to search"),
        ("inside", "would build inside of"),
        ("replay", "no such option '--replay'"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(wrong: str, words: str, tmp_path: Path) -> None:
    hunt = Hunt(tmp_path, "")
    more: tuple[str, ...] = ()
    if wrong == "no-kconfig":
        (hunt.tree / "Kconfig").unlink()
    elif wrong == "not-a-config":
        hunt.good.write_text("buy milk\n")
    elif wrong == "something-else":
        config_file(hunt.good, {"BUSYBOX": "y", "ASH": "y"})
    elif wrong == "same":
        shutil.copy(hunt.good, hunt.bad)
    elif wrong == "inside":
        more = ("--build", "make bzImage")
    else:
        more = ("--replay", "file")
    done = run(*hunt.words(*more), **hunt.state)
    assert done.returncode == 129, done.stdout + done.stderr
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_tree_whose_kconfig_fails_is_told_with_its_words(tmp_path: Path) -> None:
    hunt = Hunt(tmp_path, "")
    (hunt.tree / "Kconfig").write_text("config\n")
    done = run(*hunt.words(), **hunt.state)
    assert done.returncode == 125, done.stdout + done.stderr
    assert "make olddefconfig, which completes a configuration, failed" in done.stderr
    assert "Kconfig:1" in done.stderr
