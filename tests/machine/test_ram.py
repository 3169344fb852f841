"""Guest memory as a file of ours: which addresses it holds, and what a comparison of it says."""

import os
from collections.abc import Iterator

import pytest

from bootharness.errors import LaunchFailed
from bootharness.kernels.content import Piece
from bootharness.machine import ram as module
from bootharness.machine.ram import Ram

MIB = 1 << 20
BLOCK = 1 << 18


@pytest.fixture
def ram() -> Iterator[Ram]:
    with Ram(4 * MIB) as made:
        yield made


@pytest.mark.parametrize(
    ("linear", "count", "holds"),
    [
        (0, 0xA0000, True),
        (0x9FFFF, 2, False),  # the VGA's, of which the file has another idea
        (0xB8000, 80, False),
        (0xF0000, 16, False),
        (0x100000, 3 * MIB, True),
        (0x100000, 3 * MIB + 1, False),
    ],
)
def test_file_holds_what_is_ram(ram: Ram, linear: int, count: int, holds: bool) -> None:
    assert ram.holds(linear, count) is holds


def test_memory_above_the_devices_lies_elsewhere() -> None:
    with Ram(5 << 30) as large:
        assert large.holds((2 << 30) - 16, 16)
        assert not large.holds((2 << 30) - 16, 17)


@pytest.mark.parametrize("at", [0, BLOCK - 1, BLOCK, BLOCK + 4])
def test_a_byte_that_differs_is_seen(ram: Ram, at: int) -> None:
    data = os.urandom(BLOCK + 5)
    os.pwrite(ram.fd, data, MIB)
    assert ram.equals(MIB, Piece.of(data))
    os.pwrite(ram.fd, bytes([data[at] ^ 1]), MIB + at)
    assert not ram.equals(MIB, Piece.of(data))


def test_no_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int, _size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "ftruncate", full)
    with pytest.raises(LaunchFailed, match="4,194,304 bytes of memory cannot be made"):
        Ram(4 * MIB)
