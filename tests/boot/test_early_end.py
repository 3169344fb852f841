"""A guest that is done before the harness has connected: what happened is known all the same."""

import socket
from pathlib import Path

import pytest

from bootharness.diagnosis import judge
from bootharness.machine.machine import Machine
from bootharness.machine.qemu import Qemu
from bootharness.watch import see as session
from tests.support.faults import FAULTS, run
from tests.support.processes import eventually

BY_NAME = {fault.name: fault for fault in FAULTS}


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("triple fault before the handoff", b'"SHUTDOWN"'),
        ("INT 18h at entry", b'"GUEST_PANICKED"'),
        ("nothing wrong", b'"GUEST_PANICKED"'),
    ],
)
def test_events_from_before_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, event: bytes
) -> None:
    class Late(Machine):
        def __init__(self, qemu: Qemu) -> None:
            def missing() -> list[bytes]:
                waiting = qemu.qmp.recv(1 << 16, socket.MSG_PEEK)
                return [] if event in waiting else [waiting]

            eventually(missing, seconds=60)
            super().__init__(qemu)

    monkeypatch.setattr(session, "Machine", Late)
    fault = BY_NAME[name]
    trace = run(fault, tmp_path)
    assert judge(trace).cause == fault.cause
    assert event.strip(b'"').decode() in [each.name for each in trace.events]
    assert trace.ending.kind not in ("idle", "loop", "timeout")
