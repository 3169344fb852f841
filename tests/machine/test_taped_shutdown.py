"""The guest's own shutdown is taken off its tape, whatever is on that besides."""

import pytest

from bootharness.machine.taped_shutdown import playable

HEADER = b"\x00\xe0\x20\x0c" + bytes(8)
OFF = b"\x10"
BEHIND = b"\x00\x00\x00\x07\x6b\x23\x0e\x27"
"""1,899 instructions, a checkpoint, QEMU's own shutdown, and the end."""
ANY = b"\x10" * 8
EVENTS = {
    "instructions": b"\x00" + ANY[:4],
    "an interrupt": b"\x01",
    "an exception": b"\x02",
    "a bottom half": b"\x03" + ANY,
    "a block": b"\x08" + ANY,
    "a character that was read": b"\x07\x10\x00\x00\x00\x01\x10",
    "a frame": b"\x09\x10" + ANY[:4] + b"\x00\x00\x00\x03" + ANY[:3],
    "a character that was written": b"\x16" + ANY,
    "random bytes": b"\x1b" + ANY[:4] + b"\x00\x00\x00\x10" + ANY * 2,
    "a clock": b"\x1c" + ANY,
    "a checkpoint": b"\x1f",
}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_the_shutdown_behind_any_event_is_taken_off(event: bytes) -> None:
    for before in (event, event * 5000):
        assert playable(HEADER + before + OFF + BEHIND) == HEADER + before + BEHIND


@pytest.mark.parametrize(
    "tape",
    [
        b"",
        HEADER,
        HEADER + EVENTS["a clock"] + BEHIND,
        HEADER + b"\x05" + OFF + BEHIND,  # an event of input, whose size we do not know
        b"\x00\xe0\x20\x0d" + bytes(8) + OFF + BEHIND,  # of another format
        HEADER + b"\x09\x10" + ANY[:4] + b"\xff\xff\xff\xff" + OFF,  # a frame without an end
        HEADER + b"\x00\x10",
    ],
)
def test_another_tape_is_left_as_it_is(tape: bytes) -> None:
    assert playable(tape) == tape
