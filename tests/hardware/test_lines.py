"""Lines through real servers: what the machine says comes as it is, and what is wrong is told."""

import os
import pty
import socket
import tty
from collections.abc import Callable
from pathlib import Path

import pytest

from bootharness.errors import CouldNotFindOut, LineLost, UsageError
from bootharness.hardware import ssh_line
from bootharness.hardware.desk import Desk
from bootharness.hardware.line import Line
from bootharness.hardware.lines import open_line
from bootharness.hardware.machines import HardwareMachine, read_machines
from bootharness.host.deadline import Deadline
from tests.support.desk_machine import DeskMachine
from tests.support.lab import free_port, sshd

LineBy = Callable[[str], tuple[str, dict[str, str]]]

EVERY_BYTE = bytes(range(256)) * 4
SAYS = b"SeaBIOS (version"


def line_of(name: str, **more: object) -> HardwareMachine:
    return HardwareMachine("apu2", name, "command:/bin/true,/bin/true", **more)  # type: ignore[arg-type]


def heard(line: Line, wanted: bytes, seconds: float = 20) -> bytes:
    deadline, said = Deadline.after(seconds), b""
    while wanted not in said and not deadline.expired:
        said += line.read(deadline.remaining)
    return said


@pytest.mark.parametrize("kind", ["ssh", "tcp", "rfc2217", "tty"])
def test_what_a_machine_says_comes_by_every_line(
    kind: str, line_by: LineBy, machine: DeskMachine, plug: str
) -> None:
    name, more = line_by(kind)
    one = HardwareMachine("apu2", name, plug, off_seconds=0.1, **more)  # type: ignore[arg-type]
    with Desk(one) as desk:
        said = heard(desk.on().line, SAYS)
        assert desk.is_on() and machine.is_on
    assert SAYS in said
    assert b"consrv>" not in said
    assert not machine.is_on


def test_bytes_go_both_ways_unchanged_through_ssh(tmp_path: Path) -> None:
    port, end = pty.openpty()
    tty.setraw(end)
    with sshd(tmp_path, os.ttyname(end)) as (where, configuration):
        line = open_line(line_of(f"ssh:{where}", ssh_config=str(configuration)))
        line.write(EVERY_BYTE)
        there = b""
        while len(there) < len(EVERY_BYTE):
            there += os.read(port, 4096)
        os.write(port, EVERY_BYTE)
        back = b""
        while len(back) < len(EVERY_BYTE) and (came := line.read(5)):
            back += came
        line.close()
    os.close(port)
    os.close(end)
    assert there == back == EVERY_BYTE


def test_a_console_server_that_asks_for_a_password_is_told(tmp_path: Path) -> None:
    with (
        sshd(tmp_path, "/dev/null", passwords=True) as (where, configuration),
        pytest.raises(LineLost) as lost,
    ):
        open_line(line_of(f"ssh:{where}", ssh_config=str(configuration)))
    assert "asks for a password" in str(lost.value)


def test_a_console_server_whose_key_nobody_knows_is_told(tmp_path: Path) -> None:
    with sshd(tmp_path, "/dev/null") as (where, configuration):
        (tmp_path / "known_hosts").write_text("")
        with pytest.raises(LineLost) as lost:
            open_line(line_of(f"ssh:{where}", ssh_config=str(configuration)))
    assert "log in once by hand" in str(lost.value)


def test_a_console_server_that_stalls_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_line, "_LET_IN_S", 7.0)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(LineLost) as lost:
        open_line(line_of(f"ssh:me@127.0.0.1:{mute.getsockname()[1]}"))
    assert "\n" not in str(lost.value)


def test_a_line_that_is_cut_is_lost(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = open_line(line_of(f"tcp:127.0.0.1:{server.getsockname()[1]}"))
        there, _ = server.accept()
        there.sendall(b"half")
        there.close()
        assert line.read(5) == b"half"
        with pytest.raises(LineLost) as lost:
            line.read(5)
        line.close()
    assert "has hung up" in str(lost.value)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("tcp:127.0.0.1:PORT", LineLost),
        ("/dev/there-is-none", LineLost),
        ("/dev/null", LineLost),
        ("tcp:127.0.0.1:x", UsageError),
        ("tcp:127.0.0.1:70000", UsageError),
        ("ssh:-oProxyCommand=x@host", UsageError),
        ("ssh:host", UsageError),
    ],
)
def test_what_is_no_line_is_told(name: str, error: type[Exception]) -> None:
    name = name.replace("PORT", str(free_port()))
    with pytest.raises(error) as wrong:
        open_line(line_of(name))
    assert "\n" not in str(wrong.value) and name.partition(":")[2] in str(wrong.value)


@pytest.mark.long
def test_bytes_while_it_is_off_are_another_machines(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        one = HardwareMachine(
            "apu2", f"tcp:127.0.0.1:{port}", "command:/bin/true,/bin/true", off_seconds=0.0
        )
        with Desk(one) as desk:
            there, _ = server.accept()
            there.setblocking(False)

            class Talks:
                def read(self, timeout_s: float) -> bytes:
                    there.send(b"x")
                    return desk_line.read(timeout_s)

                write, close = desk.line.write, desk.line.close

            desk_line, desk.line = desk.line, Talks()  # type: ignore[assignment]
            with pytest.raises(LineLost, match="while apu2 is off"):
                desk.on()
        there.close()


def test_two_runs_at_once_are_one(
    machine: DeskMachine, plug: str, write: Callable[..., Path]
) -> None:
    path = write(line=machine.tty, plug=plug)
    one = read_machines(path)["apu2"]
    with Desk(one), pytest.raises(CouldNotFindOut, match="another run has it") as taken:
        Desk(one)
    assert taken.value.cause == "machine-taken"
    Desk(one).close()
