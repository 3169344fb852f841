"""`bootharness hardware` as a person types it, and what is left when it is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.support.desk_machine import DeskMachine
from tests.support.processes import environment, eventually, processes_with, run

Write = Callable[..., Path]
_FIRMWARE = rb"SeaBIOS \(version"


@pytest.fixture
def machines(console: tuple[str, Path], plug: str, write: Write) -> Path:
    """machines.toml with the machine behind sshd and its plug."""
    words = {"silent_seconds": 3, "start_seconds": 10}
    return write(line=console[0], ssh_config=console[1], plug=plug, **words)


def test_list_doctor_and_power(machine: DeskMachine, machines: Path) -> None:
    looked = run("hardware", "doctor", "--machines", machines)
    assert looked.returncode == 0, looked
    assert "is there" in looked.stdout and "is off" in looked.stdout
    assert run("hardware", "power", "apu2", "on", BOOTHARNESS_MACHINES=str(machines)).stdout == (
        "apu2 is on\n"
    )
    assert machine.is_on
    listed = run("hardware", "list", "--machines", machines)
    assert listed.stdout.split()[0] == "apu2" and listed.stdout.split()[-1] == "on"
    assert run("hardware", "power", "--machines", machines, "apu2", "off").returncode == 0
    assert not machine.is_on


def test_a_machine_that_is_not_there_is_told(machines: Path, write: Write) -> None:
    path = write(line="tcp:127.0.0.1:9", plug="tasmota:http://127.0.0.1:9/")
    looked = run("hardware", "doctor", "--machines", path)
    assert looked.returncode == 125
    assert looked.stdout.count("\n") == 3 and "line tcp:127.0.0.1:9" in looked.stdout
    other = run("hardware", "trace", "--machines", path, "apu3")
    assert other.returncode == 129 and "did you mean apu2?" in other.stderr
    traced = run("hardware", "trace", "--machines", path, "apu2")
    assert traced.returncode == 125 and "Traceback" not in traced.stderr


def _console(machines: Path) -> "pexpect.spawn[bytes]":
    words = ["-m", "bootharness", "hardware", "console", "--machines", str(machines), "apu2"]
    return pexpect.spawn(sys.executable, words, env=environment(), timeout=30)


def test_console_shows_the_line_and_switches_off(machine: DeskMachine, machines: Path) -> None:
    terminal = _console(machines)
    terminal.expect(_FIRMWARE)
    assert machine.is_on
    other = run("hardware", "trace", "--machines", machines, "apu2")
    assert other.returncode == 125 and "another run has it" in other.stdout + other.stderr
    assert machine.is_on
    terminal.send("\x1d")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0 and not machine.is_on


def test_nothing_is_left_on_after_a_kill(machine: DeskMachine, machines: Path) -> None:
    terminal = _console(machines)
    terminal.expect(_FIRMWARE)
    os.kill(terminal.pid, signal.SIGKILL)
    eventually(lambda: [machine] if machine.is_on else [])
    eventually(lambda: processes_with(str(machines.parent / "ssh/ssh_config")))
    terminal.close()
    assert run("hardware", "power", "--machines", machines, "apu2", "state").stdout == "off\n"


@pytest.mark.long
def test_a_machine_that_finds_nothing_is_not_good(machine: DeskMachine, machines: Path) -> None:
    done = run("hardware", "trace", "--machines", machines, "apu2")
    assert done.returncode in (1, 125), done
    assert not machine.is_on


def test_another_baud_rate_is_a_line_that_is_lost(machine: DeskMachine, machines: Path) -> None:
    machine.spoil = lambda data: bytes((each * 37 + 129) & 0xFF | 0x80 for each in data)
    done = run("hardware", "trace", "--machines", machines, "apu2")
    assert done.returncode == 125, done
    assert "line-lost" in done.stdout and "baud rate" in done.stdout
    assert done.stdout.splitlines()[0].split()[:2] == ["SKIP", "apu2"], "its name is told once"
    assert done.stdout.splitlines()[0].count("apu2") == 1


@pytest.mark.long
def test_a_machine_that_says_nothing_is_not_judged(machine: DeskMachine, machines: Path) -> None:
    machine.spoil = lambda data: b""
    done = run("hardware", "trace", "--machines", machines, "apu2")
    assert done.returncode == 125 and "nothing at all came" in done.stdout
    assert not machine.is_on


def test_what_a_machine_takes_is_imported_by_nobody_else() -> None:
    asks = (
        "import sys, bootharness.__main__, bootharness.cli.boot, bootharness.one_boot;"
        "print([each for each in ('labgrid', 'paho', 'serial', 'bootharness.hardware') "
        "if each in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", asks], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
