"""Commands on a terminal of 80 columns lose nothing, and Ctrl-C says what is done."""

import json
import re
import signal
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pexpect
import pyte
import pytest

from bootharness.host.deadline import Deadline
from tests.support.processes import COMMAND, environment, run

COLUMNS, LINES = 80, 50


def on_screen(*arguments: str, **more: str) -> str:
    """Return all that a command has written on a terminal of 80 columns."""
    running = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], *arguments], env=environment(TERM="xterm", **more),
        encoding="utf-8", timeout=120, dimensions=(LINES, COLUMNS),
    )  # fmt: skip
    screen = pyte.HistoryScreen(COLUMNS, LINES, history=10_000)
    stream = pyte.Stream(screen)
    running.expect(pexpect.EOF)
    stream.feed(running.before or "")
    running.close()
    above = ["".join(line[x].data for x in range(COLUMNS)) for line in screen.history.top]
    return "\n".join(line.rstrip() for line in (*above, *screen.display))


def words(text: str) -> str:
    """Return what is written, without blanks, bars and pictures, and times: wrapping may change
    blanks, and a terminal breaks what is to be copied anywhere."""
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    plain = re.sub(r"[█░]+|[=#·]{10,}|\d+\.\d+ s\b", " ", plain)
    return "".join(plain.split())


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    return {
        "BOOTHARNESS_HISTORY": str(tmp_path / "history.sqlite3"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "command",
    [
        "headroom selfcheck:14000000 --loader {loader}",
        "limit {loader}",
        "explain",
        "explain destination-wrapped other-kernel",
        "gate --baseline selfcheck:3000000 selfcheck:17000000 --loader {loader} --until banner",
        "predict selfcheck:17000000 --loader {loader}",
        "routes",
    ],
)
def test_eighty_columns_lose_nothing(command: str, no_carry: Path, state: dict[str, str]) -> None:
    arguments = command.format(loader=no_carry).split()
    if arguments[0] == "gate":
        run(*arguments, **state)  # so that both times the results are known
    piped = run(*arguments, **state)
    shown = on_screen(*arguments, **state)
    assert words(shown) == words(piped.stdout)
    assert "\x1b" not in piped.stdout
    assert all(line == line.rstrip() for line in piped.stdout.splitlines())


@pytest.mark.long
def test_bisect_on_eighty_columns_loses_nothing(no_carry: Path, state: dict[str, str]) -> None:
    hunt = ("bisect", "selfcheck:15735744..15735904", "--loader", str(no_carry), "--jobs", "1",
            "--confidence", "0.8")  # fmt: skip
    piped = run(*hunt, **state)
    assert piped.returncode == 0, piped.stderr
    shown = on_screen(*hunt, **state)  # known by now
    answer = shown[shown.index("FIRST BAD") :]
    assert words(answer) == words(piped.stdout[piped.stdout.index("FIRST BAD") :])
    boots = re.findall(r"^ +\d+  (?:GOOD|BAD) +[\d,]+ bytes  .*left$", shown, re.MULTILINE)
    assert len(boots) >= 4
    assert all(len(boot) <= COLUMNS for boot in boots)


def interrupted(*arguments: str, wait_for: Path, holds: bytes, **more: str) -> tuple[str, str]:
    """Run a command, interrupt it when a file has something in it, and return what it said."""
    running = subprocess.Popen(
        [*COMMAND, *arguments], env=environment(**more),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = Deadline.after(60)
    while not wait_for.exists() or holds not in wait_for.read_bytes():
        assert not deadline.expired
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    said, complained = running.communicate(timeout=60)
    assert running.returncode == 130, complained
    assert "Traceback" not in complained
    return said, complained


def test_interrupted_hunt_says_how_to_go_on_and_writes_what_it_knows(
    tmp_path: Path, no_carry: Path, state: dict[str, str]
) -> None:
    log, report, page = (tmp_path / name for name in ("hunt.jsonl", "hunt.json", "hunt.html"))
    hunt = ("bisect", "selfcheck:15000000..17000000", "--loader", str(no_carry), "--jobs", "1",
            "--log", str(log), "--json", str(report), "--html", str(page))  # fmt: skip
    _, said = interrupted(*hunt, wait_for=log, holds=b'"good"', **state)
    assert re.search(
        rf"interrupted after \d+ boots?; the same command goes on from here \({log}\)", said
    )
    assert json.loads(report.read_text())["boots"]
    assert page.read_text().startswith("<!doctype html>")


def test_interrupted_gate_says_how_to_go_on_and_writes_what_it_knows(
    tmp_path: Path, state: dict[str, str]
) -> None:
    report, cases, errors = (tmp_path / name for name in ("gate.json", "junit.xml", "said"))
    not_a_kernel = tmp_path / "vmlinux"
    not_a_kernel.write_text("hello\n")
    gate = ("gate", str(not_a_kernel), "deb:linux-image-cloud-amd64/bookworm", "--jobs", "1",
            "--json", str(report), "--junit", str(cases))  # fmt: skip
    with errors.open("w") as said:
        running = subprocess.Popen(
            [*COMMAND, *gate], env=environment(**state), stdout=subprocess.PIPE, stderr=said,
            text=True,
        )  # fmt: skip
        deadline = Deadline.after(60)
        while "not-a-kernel" not in errors.read_text():
            assert not deadline.expired
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        shown, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "1 of 2 results known" in errors.read_text()
    assert "interrupted: 1 boot not made; 1 bad" in shown
    assert json.loads(report.read_text())["untried"] == 1
    assert ET.parse(cases).getroot().find(".//testcase") is not None


def test_interrupted_boots_say_what_is_done(tmp_path: Path) -> None:
    report = tmp_path / "boots.json"
    running = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], "boot", "selfcheck:100000", "deb:linux-image-cloud-amd64/bookworm",
         "--json", str(report)],
        env=environment(TERM="xterm"), encoding="utf-8", timeout=60, dimensions=(LINES, COLUMNS),
    )  # fmt: skip
    running.expect("GOOD")
    running.expect("protected-mode")
    running.sendintr()
    running.expect("interrupted: 1 good, 0 bad, 0 unknown, 1 not tried")
    running.expect(pexpect.EOF)
    running.close()
    assert running.exitstatus == 130
    assert [each["verdict"] for each in json.loads(report.read_text())] == ["good"]


@pytest.mark.long
def test_long_phase_has_a_clock() -> None:
    running = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], "boot", "deb:linux-image-cloud-amd64/bookworm"],
        env=environment(TERM="xterm"), encoding="utf-8", timeout=60, dimensions=(LINES, COLUMNS),
    )  # fmt: skip
    running.expect(r"0:00:0[1-9]\S* .*banner")
    running.expect("GOOD")
    running.close()


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_terminals_without_colours_get_none(variable: dict[str, str]) -> None:
    running = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], "explain", "a20-closed"], env=environment(**variable),
        encoding="utf-8", timeout=60, dimensions=(LINES, COLUMNS),
    )  # fmt: skip
    running.expect(pexpect.EOF)
    assert "\x1b[" not in (running.before or "")
