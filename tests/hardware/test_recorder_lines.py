"""The recorder through real servers: frames of any bytes come whole by every kind of line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootharness.kernels.source import fetch
from bootharness.plan import BootPlan
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out
from tests.support.boots import settled
from tests.support.builders import no_carry
from tests.support.desk_machine import DeskMachine
from tests.support.played_machine import recorded
from tests.support.processes import run

LineBy = Callable[[str], tuple[str, dict[str, str]]]

# its moves wrap, and its frames have every byte in them, as IAC of Telnet
_SOURCE = "selfcheck:17000000"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[DeskMachine]:
    """A machine that has the recorder in the MBR of its disk, in front of a loader with the bug."""
    loader = Loader.read(no_carry(tmp_path))
    disk = lay_out(fetch(_SOURCE), loader, settled(BootPlan(until="setup")))
    path, _ = recorded(disk.write(tmp_path / "disk.img"), "mbr", tmp_path)
    with DeskMachine(tmp_path, path) as one:
        yield one


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", ["ssh", "tcp", "rfc2217", "tty"])
def test_the_bug_of_the_story_is_named_by_every_line(
    kind: str, line_by: LineBy, machine: DeskMachine, plug: str,
    write: Callable[..., Path],
) -> None:  # fmt: skip
    name, more = line_by(kind)
    machines = write(line=name, plug=plug, recorder="mbr", silent_seconds=8, **more)
    done = run("hardware", "trace", "--machines", machines, "apu2", "--kernel", _SOURCE,
               "--json", "-")  # fmt: skip
    told = json.loads(done.stdout)
    assert (told["cause"], done.returncode) == ("destination-wrapped", 1), told["summary"]
    assert "block move 242 went to 0x001c00 instead of 0x1001c00" in told["summary"]
    assert not machine.is_on
