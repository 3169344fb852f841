"""What came over a line that is no proof: of another kernel, and of a machine without power."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.hardware import desk
from bootharness.hardware.boot import trace_disk
from bootharness.hardware.doubts import not_by_wire, without_power
from bootharness.hardware.machines import HardwareMachine, read_machines
from bootharness.hardware.power_sign import PowerSign
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.host import SERIAL_LINE
from bootharness.trace.milestones import Milestone
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts
from tests.support.desk_machine import DeskMachine, tasmota

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


# five seconds by INT 15h AH=86h, then ACPI's soft off, where SeaBIOS puts it on QEMU's PC
_SWITCHES_OFF = bytes.fromhex("b4 86 b9 4c00 31 d2 cd 15  ba 0406 b8 0020 ef  eb fe")


@pytest.mark.long
def test_a_machine_that_draws_nothing_any_more_has_switched_itself_off(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    disk = tmp_path / "off.img"
    disk.write_bytes(_SWITCHES_OFF.ljust(510, b"\0") + b"\x55\xaa" + bytes(1 << 20))
    with DeskMachine(tmp_path, disk) as machine, tasmota(machine) as plug:
        machine.drawn = (6.5, 0.0)
        path = write(
            line=machine.tty, plug=f"tasmota:http://127.0.0.1:{plug.port}/", silent_seconds=60
        )
        trace = trace_disk(read_machines(path)["apu2"])
    assert trace.ending.kind == "guest-shutdown"
    judged = judge(trace)
    assert (judged.verdict, judged.cause) == (Verdict.BAD, "guest-powered-off"), judged


def test_a_plug_that_is_off_and_lets_current_through_is_none(
    machine: DeskMachine, plug: str, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "_NO_CURRENT_S", 0.5)
    machine.drawn = (6.5, 6.0)
    trace = trace_disk(read_machines(write(line=machine.tty, plug=plug))["apu2"])
    assert (trace.ending.cause, judge(trace).verdict) == ("plug-failed", Verdict.SKIP)
    assert "it says that it is off, and 6 W are drawn through it" in trace.ending.detail


def test_what_is_drawn_is_a_sign_only_of_a_machine_that_drew_more() -> None:
    def signs(*watts: float | None) -> list[bool]:
        sign = PowerSign(iter(watts).__next__, 1.0)
        return [sign.is_off(1.5 * (at + 1), 0.5) for at in range(len(watts))]

    assert signs(0.0, 0.0, 0.0, 0.0) == [False] * 4
    assert signs(6.0, 0.5, 0.0, 1.0) == [False, False, False, True]
    assert signs(6.0, 0.0, 6.0, 0.0, 0.0, 0.0) == [False] * 5 + [True]
    assert signs(6.0, None, 0.0)[:2] == [False, False]
    talks = PowerSign(iter((6.0, 0.0, 0.0)).__next__, 1.0)
    assert not any(talks.is_off(at, at - 0.1) for at in (1.5, 3.0, 4.5, 6.0))
