"""labgrid's drivers, and a place of its coordinator, where it is installed."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bootharness.hardware.desk import Desk
from bootharness.hardware.machines import HardwareMachine
from bootharness.host.deadline import Deadline
from tests.support.desk_machine import DeskMachine
from tests.support.lab import free_port, serving

pytest.importorskip("labgrid", reason="pip install 'bootharness[labgrid]' brings it")

# of labgrid's own log of two environments in one process
pytestmark = pytest.mark.filterwarnings("ignore:unhandled exception during event notification")

_SAYS = b"SeaBIOS (version"
_BIN = Path(sys.executable).parent


def power_of(plug: str) -> str:
    """Return a plug of ours as labgrid describes it."""
    url = f"{plug.removeprefix('tasmota:').rstrip('/')}/cm"
    return f"""HttpDigitalOutput:
        url: '{url}'
        method: POST
        body_asserted: 'cmnd=Power On'
        body_deasserted: 'cmnd=Power Off'
        url_get: '{url}?cmnd=Power'
        body_get_asserted: '\\{{"POWER":"ON"\\}}'
        body_get_deasserted: '\\{{"POWER":"OFF"\\}}'"""


DRIVERS = """
    drivers:
      SerialDriver: {}
      HttpDigitalOutputDriver: {}
      DigitalOutputPowerDriver: {delay: 0.2}
"""


def hears(name: str) -> bytes:
    """Return what a machine says by a line and a plug of labgrid's."""
    said, deadline = b"", Deadline.after(30)
    with Desk(HardwareMachine("apu2", name, name, off_seconds=0.2)) as desk:
        line = desk.on().line
        assert desk.is_on()
        while _SAYS not in said and not deadline.expired:
            said += line.read(1)
    return said


def test_drivers_of_this_computer(machine: DeskMachine, plug: str, tmp_path: Path) -> None:
    file = tmp_path / "env.yaml"
    file.write_text(f"""targets:
  desk:
    resources:
      RawSerialPort: {{port: {machine.tty}, speed: 115200}}
      {power_of(plug)}{DRIVERS}""")
    assert _SAYS in hears(f"labgrid:{file}:desk")
    assert not machine.is_on


@pytest.fixture
def place(
    plug: str, ports: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A place that is acquired, with the machine's line and plug."""
    port = free_port()
    monkeypatch.setenv("LG_COORDINATOR", f"127.0.0.1:{port}")
    exported = tmp_path / "exporter.yaml"
    power = power_of(plug).replace("\n        ", "\n    ")
    exported.write_text(f"""apu:
  NetworkSerialPort: {{host: 127.0.0.1, port: {ports[0]}, speed: 115200, protocol: raw}}
  {power}
""")

    def client(*words: str) -> str:
        done = subprocess.run([_BIN / "labgrid-client", *words], capture_output=True, text=True,
                              timeout=60, check=False)  # fmt: skip
        assert done.returncode == 0, done
        return done.stdout

    with ExitStack() as stack:
        coordinator = [str(_BIN / "labgrid-coordinator"), "-l", f"127.0.0.1:{port}"]
        # it writes its places to the folder that it is started in
        stack.enter_context(serving(coordinator, port, tmp_path))
        words = [str(_BIN / "labgrid-exporter"), "-c", f"127.0.0.1:{port}", "-n", "desk", exported]
        exporter = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(exporter.wait)
        stack.callback(exporter.terminate)
        deadline = Deadline.after(30)
        while "HttpDigitalOutput" not in client("resources") and not deadline.expired:
            pass
        client("-p", "apu", "create")
        client("-p", "apu", "add-match", "desk/apu/*")
        client("-p", "apu", "acquire")
        yield "apu"
        client("-p", "apu", "release")


@pytest.mark.skipif(not shutil.which("ser2net", path="/usr/sbin:/usr/bin"), reason="no ser2net")
def test_a_place_of_a_coordinator(machine: DeskMachine, place: str, tmp_path: Path) -> None:
    file = tmp_path / "env.yaml"
    file.write_text(f"""targets:
  main:
    resources:
      RemotePlace: {{name: {place}}}{DRIVERS}""")
    assert _SAYS in hears(f"labgrid:{file}")
    assert not machine.is_on
