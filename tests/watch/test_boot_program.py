"""What the network may still bring when the time is over: that is no kernel's fault."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.plan import BootPlan, choose
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile, NetworkFacts
from bootharness.watch.boot_program import BootProgram


class Wire:
    """A connection on which a file has come so far, and nothing else is waited for."""

    last_asked = 2.0
    sleeps_s = 0.0
    frames = 7
    has_ipv6: bool | None = False

    def __init__(self, outcome: str) -> None:
        file = NetFile("vmlinuz", "http", "", 3000, "", 1.0, 2.0, 1000, outcome)
        self._facts = NetworkFacts(
            "ipxe-http", "bios", "virtio", "wire", "", {"kernel": "vmlinuz"}, files=(file,)
        )

    def has_seen(self, *events: NetEvent) -> None:
        self._facts = replace(self._facts, events=events)

    asked_last = 0.0

    def awaited(self, _now: float, asked_after: float = 0.0) -> object | None:
        return self if self.asked_last > asked_after else None

    def sleep_s(self) -> float:
        return self.sleeps_s

    def facts(self) -> NetworkFacts:
        return self._facts

    def progress(self) -> tuple[float, int]:
        return self.last_asked, 1000


@pytest.mark.parametrize(
    ("fault", "outcome", "said"),
    [
        (
            "loss:rate=0.05",
            "open",
            "vmlinuz was still on its way, 1,000 of 3,000 bytes, with loss:rate=0.05,seed=1",
        ),
        ("loss:rate=0.05", "served", ""),
        ("http-stall:bytes=1000", "open", ""),
    ],
)
def test_file_that_a_fault_of_ours_holds_up_may_still_come(
    fault: str, outcome: str, said: str
) -> None:
    wire: Any = Wire(outcome)
    plan = choose(BootPlan(), {"route": "ipxe-http", "faults": [fault]})
    assert BootProgram(wire).still_coming(plan, 60.0) == said


@pytest.mark.parametrize(
    ("said", "quiet_s"),
    [
        ("http://10.0.2.1/a... Connection reset (http://ipxe.org/0f0a6039)", 2.0),
        ('BdsDxe: failed to load Boot0001 "UEFI PXEv4 (MAC:525400123401)": Not Found', 5.5),
    ],
)
def test_who_said_of_an_error_and_asks_for_nothing_more_has_given_up(
    said: str, quiet_s: float
) -> None:
    wire: Any = Wire("served")
    program = BootProgram(wire)
    program.hear(f"{said}\n", 10.0)
    assert program.given_up(10.0 + quiet_s - 1.0) is None
    assert program.given_up(10.0 + quiet_s) == said
    for has_ipv6, longer_s in ((True, 20), (None, 100)):
        wire.has_ipv6 = has_ipv6
        assert (program.given_up(9.5 + longer_s) is None) == said.startswith("BdsDxe")
        assert program.given_up(10.5 + longer_s) == said
    wire.last_asked = 11.0  # a UEFI has further boot options
    assert program.given_up(10.0 + quiet_s) is None


def test_who_asks_for_an_address_behind_an_error_has_not_given_up() -> None:
    wire: Any = Wire("served")
    program = BootProgram(wire)
    program.hear("http://10.0.2.1/a... Not found (http://ipxe.org/2d0c613b)\n", 10.0)
    wire.asked_last = wire.last_asked
    assert program.given_up(12.0)
    wire.asked_last = wire.last_asked + 0.1
    assert program.given_up(12.0) is None


def test_who_sends_what_nobody_understands_and_backs_off_has_not_given_up() -> None:
    wire: Any = Wire("served")
    program = BootProgram(wire)
    program.hear("nothere.ipxe... Not found (http://ipxe.org/2d0c613b)\n", 10.0)
    for at in (10.25, 10.75, 11.75, 13.75):  # as iPXE asks for AoE's disks
        assert program.given_up(at - 0.1) is None
        wire.frames += 1
        assert program.given_up(at) is None
    assert program.given_up(21.7) is None
    assert program.given_up(21.8)


def test_what_a_program_sends_behind_the_end_of_its_script_is_no_question() -> None:
    wire: Any = Wire("served")
    program = BootProgram(wire)
    said = "Could not boot image: Exec format error (http://ipxe.org/2e022081)"
    program.hear(f"{said}\n", 10.0)
    for at in (10.5, 11.0, 11.4):  # as iPXE does that listens to IPv6's routers
        wire.frames += 1
        assert program.given_up(at) is None
    assert program.given_up(11.6) == said


def test_script_that_sleeps_has_not_given_up_unless_ipxe_says_that_it_failed() -> None:
    wire: Any = Wire("served")
    wire.sleeps_s = 6.0
    step = "http://10.0.2.1/a... Not found (http://ipxe.org/2d0c613b)"
    end = "Could not boot image: Not found (http://ipxe.org/2d0c613b)"
    for said, quiet_s in ((step, 13.6), (end, 1.6)):
        program = BootProgram(wire)
        program.hear(f"{said}\n", 10.0)
        assert program.given_up(10.0 + quiet_s - 0.2) is None
        assert program.given_up(10.0 + quiet_s) == said


@pytest.mark.parametrize(
    ("line", "which"),
    [
        ("{}... Not found (http://ipxe.org/2d0c613b)", -1),
        ('BdsDxe: failed to load Boot000{} "UEFI PXEv4": Not Found', 0),
    ],
)
def test_of_several_errors_a_script_ended_with_the_last_and_a_uefi_began_with_the_first(
    line: str, which: int
) -> None:
    wire: Any = Wire("served")
    program = BootProgram(wire)
    lines = [line.format(each) for each in "12"]
    program.hear("\n".join((*lines, "")), 10.0)
    assert program.given_up(20.0) == lines[which]


def test_script_that_sleeps_may_still_come_to_something() -> None:
    wire: Any = Wire("served")
    program = BootProgram(wire)
    assert not program.still_coming(BootPlan(), 20.0)
    wire.sleeps_s = 600.0
    said = "iPXE may wait, for 600 s by its script and since 2.00 s"
    assert program.still_coming(BootPlan(), 20.0) == said
    assert not program.still_coming(BootPlan(), 603.0)


@pytest.mark.parametrize(("times", "may_wait"), [(9, True), (10, False)])
def test_script_that_sleeps_and_asks_in_vain_again_and_again_comes_to_nothing(
    times: int, may_wait: bool
) -> None:
    wire: Any = Wire("served")
    wire.sleeps_s = 5.0
    missing = NetEvent(2.0, NetEventKind.FILE_MISSING, "", "gone.img")
    wire.has_seen(*[missing] * times)
    assert bool(BootProgram(wire).still_coming(BootPlan(), 4.0)) == may_wait


def test_a_menu_that_began_again_for_a_file_that_is_not_there_comes_to_nothing() -> None:
    wire: Any = Wire("served")
    wire.sleeps_s = 5.0
    kernel = NetEvent(1.0, NetEventKind.FILE_SERVED, "", "vmlinuz")
    missing = NetEvent(2.0, NetEventKind.FILE_MISSING, "", "gone.img")
    wire.has_seen(kernel, missing)
    assert BootProgram(wire).still_coming(BootPlan(), 4.0)
    wire.has_seen(kernel, missing, kernel, missing)
    assert not BootProgram(wire).still_coming(BootPlan(), 4.0)
