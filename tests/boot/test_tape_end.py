"""A tape has all instructions before its end: what is behind that is not played."""

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.formats.qcow2 import empty_overlay
from bootharness.host.deadline import Deadline
from bootharness.host.workspace import Workspace
from bootharness.machine.choice import chosen_machine
from bootharness.machine.device import Drive
from bootharness.machine.machine import Machine
from bootharness.machine.qemu import Qemu
from bootharness.machine.tape import TAPE, Tape
from bootharness.machine.taping import why_not_taped
from bootharness.plan import MachineConfig

LOOPS = bytes.fromhex("ebfe")
SWITCHES_OFF = bytes.fromhex("ba0406 b80020 ef ebfe")
"""mov dx, 0x604; mov ax, 0x2000; out dx, ax; jmp $"""
LOOPS_FOR_S, PATIENCE_S, LOOK_S = 0.5, 20, 0.05
BYTES = 1 << 20

# QEMU, replay/replay-internal.h, of 7.2 to 10.0
VERSION, HEADER_BYTES = b"\x00\xe0\x20\x0c", 12
INSTRUCTIONS, SHUTDOWNS, RANDOM = 0, range(10, 22), 27
BEHIND = {0: 4, 3: 8, 4: 8, 8: 8, 22: 8, 28: 8, 29: 8}
"""How many bytes follow an event of each kind, if any."""


def events(tape: bytes) -> Iterator[tuple[int, int]]:
    """Yield each event's kind, and of instructions how many."""
    at = HEADER_BYTES
    while at < len(tape):
        kind, behind = tape[at], BEHIND.get(tape[at], 0)
        if kind == RANDOM:
            behind = 8 + int.from_bytes(tape[at + 5 : at + 9], "big")
        value = int.from_bytes(tape[at + 1 : at + 1 + behind], "big")
        yield kind, value if kind == INSTRUCTIONS else 0
        at += 1 + behind


def recorded(folder: Path, code: bytes, more: tuple[str, ...]) -> tuple[bytes, int]:
    """Record a machine with such a boot sector; return its tape, and how many instructions it says
    that it has."""
    image = folder / "disk.img"
    image.write_bytes((code.ljust(510, b"\0") + b"\x55\xaa").ljust(BYTES, b"\0"))
    config = replace(chosen_machine(MachineConfig()), accelerator="tcg")
    if why := why_not_taped(config.qemu):
        pytest.skip(why)
    with Workspace() as workspace:
        overlay = workspace.path / "overlay.qcow2"
        overlay.write_bytes(empty_overlay(BYTES))
        device = Drive(image).played(overlay)
        device = replace(device, words=(*device.words, *more))
        with Qemu(config, device, workspace, tape=Tape("record")) as qemu, Machine(qemu) as machine:
            looping = Deadline.after(LOOPS_FOR_S if code == LOOPS else PATIENCE_S)
            while not looping.expired and machine.status != "shutdown":
                machine.wait(Deadline.after(LOOK_S))
            assert looping.expired == (code == LOOPS)
            machine.end_tape()
        assert qemu.tape_end
        return (workspace.path / TAPE).read_bytes(), qemu.tape_end.position


@pytest.mark.parametrize("code", [LOOPS, SWITCHES_OFF], ids=["loops", "switches off"])
@pytest.mark.parametrize(
    "more", [(), ("-rtc", "clock=vm")], ids=["an RTC by the host's clock", "by the guest's"]
)
def test_a_tape_ends_behind_its_last_instruction(
    tmp_path: Path, code: bytes, more: tuple[str, ...]
) -> None:
    tape, executed = recorded(tmp_path, code, more)
    if not tape.startswith(VERSION):
        pytest.skip("a tape of another format")
    played = takewhile(lambda event: event[0] not in SHUTDOWNS, events(tape))
    assert sum(count for _, count in played) == executed > 0
    assert sum(kind in SHUTDOWNS for kind, _ in events(tape)) == 1
