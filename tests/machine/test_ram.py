"""Guest memory read in QEMU's own: which addresses it has, and what a comparison of it says."""

import mmap
import os
import sys
from collections.abc import Iterator
from ctypes import addressof, c_char
from subprocess import Popen

import pytest

from bootharness.kernels.content import Piece
from bootharness.machine.ram import Ram

MIB = 1 << 20
BLOCK = 1 << 18
SIZE = 4 * MIB


@pytest.fixture
def memory() -> Iterator[mmap.mmap]:
    with mmap.mmap(-1, SIZE) as mapped:
        yield mapped


@pytest.fixture
def ram(memory: mmap.mmap) -> Iterator[Ram]:
    """Memory of this process for a guest's."""
    made = Ram.of(os.getpid(), address_of(memory), SIZE)
    assert made
    with made:
        yield made


def address_of(memory: mmap.mmap) -> int:
    return addressof(c_char.from_buffer(memory))


@pytest.mark.parametrize(
    ("linear", "count", "holds"),
    [
        (0, 0xA0000, True),
        (0x9FFFF, 2, False),  # from there on the VGA answers
        (0xB8000, 80, False),
        (0xF0000, 16, False),
        (0x100000, 3 * MIB, True),
        (0x100000, 3 * MIB + 1, False),
        ((2 << 30) - 16, 16, False),
    ],
)
def test_it_holds_what_is_ram(ram: Ram, linear: int, count: int, holds: bool) -> None:
    assert ram.holds(linear, count) is holds


def test_memory_behind_the_devices_lies_elsewhere() -> None:
    large = Ram(-1, 0, 5 << 30)
    assert large.holds((2 << 30) - 16, 16)
    assert not large.holds((2 << 30) - 16, 17)


@pytest.mark.parametrize("at", [0, BLOCK - 1, BLOCK, BLOCK + 4])
def test_a_byte_that_differs_is_seen(memory: mmap.mmap, ram: Ram, at: int) -> None:
    data = os.urandom(BLOCK + 5)
    memory[MIB : MIB + len(data)] = data
    assert ram.read(MIB, len(data)) == data
    assert ram.equals(MIB, Piece.of(data))
    memory[MIB + at] = data[at] ^ 1
    assert not ram.equals(MIB, Piece.of(data))


def test_what_starts_qemu_is_not_qemu(memory: mmap.mmap) -> None:
    with Popen([sys.executable, "-c", "input()"], stdin=-1) as other:
        assert Ram.of(other.pid, address_of(memory), SIZE) is None
        other.kill()
    assert Ram.of(other.pid, address_of(memory), SIZE) is None
