"""The lab: a machine that QEMU plays, its plug, and servers in front of both."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.desk_machine import DeskMachine, tasmota
from tests.support.lab import mosquitto, ser2net, sshd

# name: (line, plug) by what serves them; a fixture of this folder
Write = Callable[..., Path]
Line = tuple[str, dict[str, str]]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[DeskMachine]:
    """A machine without a disk: its firmware says so on the serial line, and no more."""
    with DeskMachine(tmp_path, None) as one:
        yield one


@pytest.fixture
def plug(machine: DeskMachine) -> Iterator[str]:
    """Its plug, by HTTP."""
    with tasmota(machine) as one:
        yield f"tasmota:http://127.0.0.1:{one.port}/"


@pytest.fixture
def console(machine: DeskMachine, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Its console server, by SSH, and a client's configuration."""
    folder = tmp_path / "ssh"
    folder.mkdir()
    with sshd(folder, machine.tty) as (where, configuration):
        yield f"ssh:{where}", configuration


@pytest.fixture
def ports(machine: DeskMachine, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Its console server, by TCP and by RFC 2217."""
    with ser2net(tmp_path, machine.tty) as both:
        yield both


@pytest.fixture
def line_by(request: pytest.FixtureRequest, machine: DeskMachine) -> Callable[[str], Line]:
    """Return the machine's line of a kind, and what an SSH client needs for it."""

    def named(kind: str) -> Line:
        if kind == "ssh":
            name, configuration = request.getfixturevalue("console")
            return name, {"ssh_config": str(configuration)}
        if kind == "tty":
            return machine.tty, {}
        if kind == "rfc2217":
            pytest.importorskip("serial")
        raw, negotiated = request.getfixturevalue("ports")
        return f"{kind}:127.0.0.1:{raw if kind == 'tcp' else negotiated}", {}

    return named


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    """An MQTT broker that wants a password."""
    with mosquitto(tmp_path, password="secret") as port:
        yield port


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write machines.toml with one machine, apu2, of these fields."""

    def written(**fields: object) -> Path:
        lines = (
            f"{name} = {value}" if isinstance(value, int | float) else f'{name} = "{value}"'
            for name, value in {"off_seconds": 0.1, **fields}.items()
        )
        path = tmp_path / "machines.toml"
        path.write_text("\n".join(["[apu2]", *lines, ""]))
        return path

    return written
