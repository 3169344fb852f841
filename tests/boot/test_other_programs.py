"""Boots with another QEMU and with another BIOS than the usual ones."""

import os
import re
import shutil
from pathlib import Path

import pytest

from bootharness.diagnosis import judge
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace
from tests.boot.conftest import Boot
from tests.support.builders import without_carry
from tests.support.processes import run
from tests.support.programs import QEMU

PLACES = ("/usr/local/bin", "/opt/*/bin", "/usr/libexec")
SEABIOS = Path("/usr/share/seabios/bios-256k.bin")
KERNEL = "selfcheck:100000"


def version(trace: BootTrace) -> str:
    assert trace.machine
    return trace.machine.qemu_version


@pytest.fixture(scope="module")
def other_qemu(boots: Boot) -> str:
    """A QEMU of another version: $OTHER_QEMU, or one beside the system's."""
    given = os.environ.get("OTHER_QEMU")
    places = [Path("/").glob(f"{place[1:]}/{QEMU}") for place in PLACES]
    found = [given] if given else [str(each) for some in places for each in some]
    here = version(boots(KERNEL, accelerator="tcg"))
    for each in found:
        if shutil.which(each) and version(boots(KERNEL, qemu=each, accelerator="tcg")) != here:
            return each
    pytest.skip(f"no QEMU but {here} is here: set OTHER_QEMU to one, or put it in {PLACES[0]}")


@pytest.mark.parametrize("wrapped", [False, True], ids=["good", "wrapped"])
@pytest.mark.parametrize("tracer", ["recorder", "both"])
def test_two_versions_of_qemu_agree(
    boots: Boot, other_qemu: str, wrapped: bool, tracer: str
) -> None:
    stage1 = Loader.stage1()
    loader = without_carry(stage1) if wrapped else stage1
    kernel = "selfcheck:17000000" if wrapped else KERNEL
    one, other = (
        boots(kernel, loader, qemu=qemu, accelerator="tcg", tracer=tracer)
        for qemu in (QEMU, other_qemu)
    )
    assert version(one) != version(other)
    seen = [
        (
            judge(trace).verdict,
            judge(trace).cause,
            trace.ending.kind,
            [(move.destination, move.bytes, move.status) for move in trace.block_moves],
            [milestone.name for milestone in trace.milestones],
        )
        for trace in (one, other)
    ]
    assert seen[0] == seen[1]
    assert seen[0][1] == ("destination-wrapped" if wrapped else None)


def test_bios_is_heard(boots: Boot) -> None:
    trace = boots(KERNEL)
    assert trace.bios_log.startswith("SeaBIOS (version ")
    assert "Booting from 0000:7c00" in trace.bios_log


def test_bios_is_heard_while_it_speaks() -> None:
    said = run("boot", KERNEL, "--verbose").stdout
    lines = said.splitlines()
    heard = [at for at, line in enumerate(lines) if line.startswith("    BIOS ")]
    assert lines[heard[0]].startswith("    BIOS SeaBIOS (version ")
    assert any("stage1" in line for line in lines[heard[0] :])


def test_another_build_of_the_bios(boots: Boot, tmp_path: Path) -> None:
    if not SEABIOS.exists():
        pytest.skip(f"{SEABIOS} is not here: `apt-get install seabios` brings it")
    bios = tmp_path / "bios, mine.bin"
    build, changed = re.subn(rb"SeaBIOS \(version %s", b"SeaBIOS (versIOn %s", SEABIOS.read_bytes())
    assert changed
    bios.write_bytes(build)
    trace = boots(KERNEL, bios=str(bios))
    assert judge(trace).verdict == "good"
    assert trace.bios_log.startswith("SeaBIOS (versIOn ")
    assert trace.machine
    assert trace.machine.bios_file == str(bios)


def test_flood_on_the_bios_port_is_bounded(boots: Boot, tmp_path: Path) -> None:
    source = tmp_path / "flood.asm"
    source.write_text(
        "bits 16\nmov dx, 0x402\nmov ecx, 300000\nnext: mov al, 'x'\nout dx, al\n"
        "dec ecx\njnz next\ncli\nhlt\n"
    )
    trace = boots(KERNEL, Loader.read(source), until="setup")
    assert set(trace.bios_log) == {"x"}
    assert len(trace.bios_log) == 1 << 16
