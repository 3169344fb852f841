"""What has ended a boot, by a loader's last instructions alone."""

import pytest
from msgspec.structs import replace

from bootharness.recording.ended import ended_by
from bootharness.recording.footsteps import Step
from bootharness.recording.search import searched
from bootharness.recording.standstill import Standstill
from bootharness.trace.backwards import Origin, Recorded
from bootharness.trace.boot_trace import BootTrace, Ending
from tests.recording.test_origin import walked

TRACE = BootTrace("it", "setup", Ending("loop", 0.1))
SAYS = ("cd10", {"eax": 0x0E3F})  # teletype output of a question mark
READS = ("cd13", {"eax": 0x4200})


def at_int(steps: list[Step]) -> list[Step]:
    """Return steps with the numbers of their interrupts, as a walk has them."""
    return [replace(each, number=each.code[1]) if each.code[0] == 0xCD else each for each in steps]


def named(cause: str, *lines: tuple[str, dict[str, int]], whole: bool = True) -> int | None:
    found = ended_by(at_int(walked(*lines)), TRACE, cause, whole=whole)
    return found.seen.guilty.position if found and found.seen.guilty else None


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        ("reset-keyboard", "e664"),
        ("reset-port-92", "e692"),
        ("reset-bios", "eaf0ff00f0"),
        ("port-misused", "e6e9"),
        ("stage1-hang", "f4"),
        ("stage1-hang", "ebfe"),
        ("loader-gave-up", "cd18"),
        ("loader-gave-up", "cd19"),
    ],
)
def test_what_ends_a_boot_is_named(cause: str, code: str) -> None:
    assert named(cause, ("90", {}), (code, {})) == 1
    assert named(cause, ("90", {}), (code, {}), whole=False) is None


def test_a_port_in_dx_counts_too() -> None:
    assert named("reset-cf9", ("ee", {"edx": 0xCF9}), ("ebfe", {})) == 0
    assert named("reset-cf9", ("ee", {"edx": 0x3F8}), ("ebfe", {})) is None


def test_who_gives_up_because_something_failed_is_not_guilty() -> None:
    carry = {"efl": 1}
    failed = (READS, ("7202", carry), SAYS, ("cd18", {}))
    assert named("loader-gave-up", *failed) is None


def test_who_gives_up_though_nothing_failed_went_there_wrongly() -> None:
    fine = {"efl": 0}
    assert named("loader-gave-up", READS, ("7302", fine), SAYS, ("cd18", {})) == 1
    always = (READS, ("eb02", fine), SAYS, ("cd18", {}))
    assert named("loader-gave-up", *always) == 1


def test_who_goes_on_by_a_call_that_has_not_failed_and_gives_up_later_went_there_later() -> None:
    read = (READS, ("7302", {"efl": 0}), ("c3", {}))
    for cause in ("loader-gave-up", "kernel-rejected"):
        assert named(cause, *read, ("eb02", {}), SAYS, ("cd18", {})) == 3
        assert named(cause, *read, ("7502", {}), SAYS, ("cd18", {})) is None


def test_of_a_loop_that_is_left_on_a_condition_none_is_guilty() -> None:
    assert named("stage1-hang", ("e464", {}), ("a802", {}), ("75fa", {})) is None


def test_the_last_who_closes_the_gate_is_named() -> None:
    steps = (("cd15", {"eax": 0x2401}), ("cd15", {"eax": 0x2400}), ("e692", {"eax": 2}))
    assert named("a20-closed", *steps) == 1
    assert named("a20-closed", *steps, ("e692", {"eax": 0})) == 3


def test_code_that_nobody_has_put_there_is_no_place_to_go_to() -> None:
    (jump,) = walked(("e9f77f", {}))  # to 0xfbfa
    beyond = walked(("90", {}))[0]
    astray = replace(beyond, cpu=replace(beyond.cpu, values=beyond.cpu.values | {"eip": 0xFBFA}))
    found = searched([jump, astray], TRACE, [])
    assert found
    assert found.seen.guilty == jump
    assert "where nobody has put any code" in found.seen.why


def test_who_does_the_same_for_ever_stands_still() -> None:
    (step,) = walked(("ebfe", {}))
    still = Standstill()
    times = next(number for number in range(1000) if still.reached_by(step))
    assert 1 < times < 100


def test_who_counts_in_memory_does_not_stand_still() -> None:
    (step,) = walked(("ff060005", {}), memory={0x500 + at: 0 for at in range(4)})
    still = Standstill()
    assert not any(still.reached_by(step) for _ in range(1000))


def test_that_there_was_no_time_to_look_is_told() -> None:
    late = Recorded(1000, 0.5, (), Origin("", "nobody was found: the time limit was over before"))
    assert late.sentences == ("nobody was found: the time limit was over before",)
    mute = Recorded(1000, 0.5, (), Origin("the LBA", "the LBA (0x1): a BIOS call put it there"))
    assert mute.sentences == ()
