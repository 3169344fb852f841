"""What came over a line that is no proof: of another kernel, and of a machine without power."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.hardware.boot import trace_disk
from bootharness.hardware.doubts import not_by_wire, without_power
from bootharness.hardware.machines import HardwareMachine, read_machines
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.host import SERIAL_LINE
from bootharness.trace.milestones import Milestone
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts
from tests.support.desk_machine import DeskMachine

_APU = HardwareMachine("apu2", "tcp:a:1", "command:a,b", wire="eth1", mac="00:0d:b9:4a:5c:10")
_SERVED = NetEvent(3.0, NetEventKind.FILE_SERVED, "", "vmlinuz")


def facts(*events: NetEvent, frames: int = 9) -> NetworkFacts:
    return NetworkFacts(
        "pxelinux", "bios", "eth1", "wire", "", {"kernel": "vmlinuz"}, frames=frames, events=events
    )


def ended(kind: str, *points: str) -> BootTrace:
    milestones = tuple(Milestone(name, 5.0) for name in points)
    return BootTrace("k", "banner", Ending(kind, 9.0), host=SERIAL_LINE, milestones=milestones)


@pytest.mark.parametrize(
    ("trace", "seen", "brought", "cause"),
    [
        (ended("reached", "banner"), facts(_SERVED), True, None),
        (ended("reached", "banner"), facts(), True, "wire-lost"),
        (ended("panic"), facts(), True, "wire-lost"),
        (ended("idle", "banner"), facts(), True, "wire-lost"),
        (ended("idle"), facts(), True, None),
        (ended("idle"), facts(frames=0), True, "wire-lost"),
        # the recorder came by the wire, and the kernel is that of the disk
        (ended("reached", "banner"), facts(), False, None),
        (ended("reached", "banner"), facts(frames=0), False, "wire-lost"),
    ],
)
def test_a_kernel_that_did_not_come_by_the_wire_proves_nothing(
    trace: BootTrace, seen: NetworkFacts, brought: bool, cause: str | None
) -> None:
    doubted = not_by_wire(trace, seen, _APU, brought=brought)
    assert doubted.ending.cause == cause
    if cause:
        assert judge(doubted).verdict is Verdict.SKIP


_DISCOVER = NetEvent(1.0, NetEventKind.DISCOVER, "")
_OFFER = NetEvent(2.0, NetEventKind.OFFER, "")


@pytest.mark.parametrize(
    ("seen", "why"),
    [((_DISCOVER,), "nobody on eth1 has given apu2 an address"),
     ((_DISCOVER, _OFFER), "apu2 has asked 10.0.0.9 for no file")],
)  # fmt: skip
def test_what_another_server_has_not_done_is_no_bad_kernel(
    seen: tuple[NetEvent, ...], why: str
) -> None:
    beside = replace(_APU, proxy="10.0.0.9")
    doubted = not_by_wire(ended("idle"), facts(*seen), beside, brought=True)
    assert why in doubted.ending.detail and judge(doubted).verdict is Verdict.SKIP
    assert not_by_wire(ended("idle"), facts(*seen), _APU, brought=True).ending.cause is None


@pytest.mark.parametrize(
    ("kind", "on", "cause"),
    [("idle", False, "plug-failed"), ("idle", True, None), ("idle", None, None),
     ("guest-reset", False, "plug-failed"), ("reached", False, None)],
)  # fmt: skip
def test_silence_without_power_means_nothing(kind: str, on: bool | None, cause: str | None) -> None:
    assert without_power(ended(kind), "apu2", lambda: on).ending.cause == cause
    other = replace(ended("idle"), ending=Ending("skipped", 1.0, "", "line-lost"))
    assert without_power(other, "apu2", lambda: True).ending.cause == "line-lost"


def test_a_machine_that_somebody_switches_off_is_not_judged(
    machine: DeskMachine, plug: str, write: Callable[..., Path]
) -> None:
    """As it says its first word; its plug is off then, and nobody here has switched it."""

    def heard(data: bytes) -> bytes:
        machine.unplugged = True
        return data

    machine.spoil = heard
    path = write(line=machine.tty, plug=plug, silent_seconds=2)
    trace = trace_disk(read_machines(path)["apu2"])
    assert (trace.ending.cause, judge(trace).verdict) == ("plug-failed", Verdict.SKIP)
    assert "has somebody switched it" in trace.ending.detail
