"""A loader's count of what is left, where it is wrong, and what is none."""

from bootharness.formats.bioscall import DiskAddressPacket
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.recording.counted import counted_wrongly, stopped_early
from bootharness.recording.effects import effects
from bootharness.recording.footsteps import Step
from bootharness.trace.boot_trace import BootTrace
from tests.recording.test_origin import cpu
from tests.support.traces import loading_trace

FIRST, SECTORS = 2057, 4
PACKET = 0x600
ASKS, ASKS_ELSEWHERE = 0x7D00, 0x7D80
TRACE = loading_trace(SECTORS * SECTOR_BYTES, [])
LONGER = loading_trace((SECTORS + 2) * SECTOR_BYTES, [])


def step(at: int, code: str, **values: int) -> Step:
    raw, now = bytes.fromhex(code), cpu(at, **values)
    return Step(0, now, raw, tuple(effects(raw, now)), {})


def asked(at: int, left: int) -> list[Step]:
    """Return `cmp ecx, 0` and a jump by it."""
    return [step(at, "6683f900", ecx=left), step(at + 4, "7410")]


def read(lba: int) -> list[Step]:
    """Return a read of two sectors."""
    packet = DiskAddressPacket(16, 0, 2, 0, 0x2000, lba).build()
    now = cpu(0x7D40, eax=0x4200, esi=PACKET)
    return [Step(0, now, b"\xcd\x13", (), dict(enumerate(packet, PACKET)), 0x13)]


def loading(*behind: Step, before_last: int = 2) -> list[Step]:
    """Return the steps that load four sectors by a count of sectors, with what comes behind."""
    reads = (asked(ASKS, SECTORS), read(FIRST), asked(ASKS, before_last), read(FIRST + 2))
    return [*(each for part in reads for each in part), *behind, step(0x7E00, "90")]


def wrong_at(steps: list[Step], trace: BootTrace = TRACE) -> list[tuple[int, int | None]]:
    found = counted_wrongly(steps, trace, frozenset())
    return [(at, field.wanted) for at, field in found]


def test_a_count_that_is_not_what_is_left_is_wrong_there() -> None:
    assert wrong_at(loading(*asked(ASKS, 0))) == []
    assert wrong_at(loading(*asked(ASKS, 1))) == [(6, 0)]
    assert wrong_at(loading(before_last=3)) == [(3, 2)]


def test_a_count_that_was_right_at_its_end_is_no_count_of_what_comes_next() -> None:
    next_one = asked(ASKS, 7)
    assert wrong_at(loading(*next_one)) == [(6, 0)]
    assert wrong_at(loading(*asked(ASKS_ELSEWHERE, 0), *next_one)) == []


def test_what_another_place_compares_with_more_than_nothing_is_not_the_end_of_a_count() -> None:
    assert wrong_at(loading(*asked(ASKS_ELSEWHERE, 7), *asked(ASKS, 1))) == [(8, 0)]


def test_where_something_is_left_nothing_is_not_the_end_of_a_count() -> None:
    steps = loading(*asked(ASKS_ELSEWHERE, 0), *asked(ASKS, 1), before_last=4)
    steps[:2] = asked(ASKS, 6)
    assert wrong_at(steps, LONGER) == [(8, 2)]


def test_who_leaves_off_by_a_right_count_has_jumped_wrongly() -> None:
    found = stopped_early(loading(*asked(ASKS, 2)), LONGER)
    assert found
    assert found.seen.guilty
    assert "1,024 bytes still to load" in found.seen.why
    assert stopped_early(loading(*asked(ASKS, 0)), TRACE) is None
