"""The serial line: what is found in it, however it comes in."""

import os
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bootharness.machine.qemu import SerialPipes
from bootharness.machine.serial import SerialLine
from bootharness.trace.signs import kernel_signs

SIGNS = kernel_signs("init reached", own_init=True)
PANIC = b"Kernel panic - not syncing: no root\n"


class Guest:
    """The other end of a serial line."""

    def __init__(self, pipes: SerialPipes) -> None:
        self.line = SerialLine(pipes)
        self._to_host = pipes.from_guest  # a named pipe that is open for both ways

    def says(self, *texts: bytes) -> list[str]:
        """Write, and return the names of the signs seen after each."""
        seen = []
        for text in texts:
            assert os.write(self._to_host, text) == len(text)
            seen += [sign.name for _, sign, _ in self.line.signs(SIGNS)]
        return seen


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    with closing(SerialPipes.make(tmp_path / "serial")) as pipes:
        yield Guest(pipes)


def test_signs_come_in_their_order(guest: Guest) -> None:
    assert guest.says(b"Linux version 6.1\nhello\ninit reached\n" + PANIC) == [
        "banner",
        "init",
        "panic",
    ]
    assert guest.says(b"Linux version 6.1\n", b"init reached\n") == ["banner", "init"]


def test_sign_in_two_pieces_is_seen_once(guest: Guest) -> None:
    assert guest.says(b"x" * 5000 + b"Kernel panic - not", b" syncing: no", b" root", b"\n") == [
        "panic"
    ]
    assert guest.says(b"init", b" reached") == ["init"]
    assert guest.says(b"more") == []


def test_sign_at_the_far_end_of_much_is_seen(guest: Guest) -> None:
    # what has piled up while the harness was stopped
    text = b"Linux version 6.1\n" + b"[ 0.1] a line of a kernel\n" * 20_000
    assert guest.says(text) == ["banner"]


def test_silence_is_no_sign(guest: Guest) -> None:
    assert list(guest.line.signs(SIGNS)) == []


@pytest.mark.parametrize(
    "piece",
    [
        b"x",
        b"\n",
        b"Linux version 6.1\n",
        b"This kernel requires a ",
        b"This kernel requires a CPU",
        b"Kernel panic - not syncing: ",
        b" -- System halted",
        b"Run Run ",
    ],
)
def test_flood_is_taken_in_without_end_and_without_memory(guest: Guest, piece: bytes) -> None:
    # patterns that went back over what they had looked at would take minutes
    text = piece * (500_000 // len(piece))
    tracemalloc.start()
    for _ in range(4):
        guest.says(text)
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert left < 1_000_000


def test_panic_without_an_end_of_line_is_seen(guest: Guest) -> None:
    assert guest.says(b"Kernel panic - not syncing: " + b"x" * 600) == ["panic"]
