"""What a report draws of a boot: a hundredth of its trace, and enough to see what happened."""

import zlib
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from bootharness.diagnosis import Judgement
from bootharness.errors import FormatError
from bootharness.formats.call_lines import call_lines
from bootharness.formats.zipped import unzipped
from bootharness.text import count, printable
from bootharness.trace.boot_trace import BootTrace

__all__ = ["MemoryRange", "Picture", "pack", "picture", "unpack"]

_MOST_LINES = 600
_SERIAL_LETTERS = 48_000
_SCREEN_LETTERS = 8_000
_LOADER = range(0x7C00, 0x7E00)
_ZLIB_LEVEL = 6
_PICTURE_BYTES = 1 << 24
_24_BITS = (1 << 24) - 1


class MemoryRange(Struct, frozen=True):
    """A range of guest memory, linear, its end not in it; ``stray`` is not where it belongs."""

    name: str
    start: int
    end: int
    stray: bool = False


class Picture(Struct, frozen=True):
    """What is drawn of a boot.

    ``moves`` are destination (linear), size in bytes, and where it was to go: the same
    destination, unless the carry out of bit 23 was lost. ``evidence`` is the diagnosis's, and what
    a recording has told.
    ``screen`` is the text that was last on it, as far as anybody saw it.
    """

    memory_bytes: int = 0
    ranges: tuple[MemoryRange, ...] = ()
    moves: tuple[tuple[int, int, int], ...] = ()
    evidence: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    packets: tuple[str, ...] = ()
    serial: str = ""
    screen: str = ""


def picture(trace: BootTrace, judgement: Judgement) -> Picture:
    """Return the picture of a boot."""
    moves = tuple(_moves(trace))
    calls = [printable(line) for line in call_lines(trace.bios_calls)]
    packets = [printable(str(event)) for event in trace.network.events] if trace.network else []
    return Picture(
        memory_bytes=trace.machine.memory_bytes if trace.machine else 0,
        ranges=(*_ranges(trace), *_strays(moves)),
        moves=moves,
        evidence=(
            *(judgement.diagnosis.evidence if judgement.diagnosis else ()),
            *(trace.recorded.sentences if trace.recorded else ()),
        ),
        consequences=tuple(f"{each.cause}: {each.sentence}" for each in judgement.consequences),
        calls=_ends(calls),
        packets=_ends(packets),
        serial=trace.serial[-_SERIAL_LETTERS:],
        screen=_screen(trace)[-_SCREEN_LETTERS:],
    )


def _screen(trace: BootTrace) -> str:
    """Return what was on the screen at the end, or was read from it last, or was written to it."""
    at_the_end = trace.post_mortem.screen if trace.post_mortem else ""
    return next((text for text in (at_the_end, trace.boot_screen) if text.strip()), trace.screen)


def _moves(trace: BootTrace) -> Iterator[tuple[int, int, int]]:
    """Yield each block move with where it would have gone had no carry been lost."""
    for move, wanted in trace.destinations:
        lost = move.destination == wanted & _24_BITS
        yield move.destination, move.bytes, wanted if lost else move.destination


def _ranges(trace: BootTrace) -> Iterator[MemoryRange]:
    """Yield what was placed, the lowest first where all went well."""
    handoff, kernel = trace.handoff, trace.kernel
    if trace.loader:
        yield MemoryRange("loader", _LOADER.start, _LOADER.stop)
    header = handoff.header if handoff else None
    if handoff and handoff.real_mode_address is not None and kernel:
        start = handoff.real_mode_address
        yield MemoryRange("real-mode kernel", start, start + kernel.real_mode_bytes)
    if header and header.cmd_line_ptr and handoff and handoff.cmdline:
        start = header.cmd_line_ptr
        yield MemoryRange("command line", start, start + len(handoff.cmdline) + 1)
    if kernel:
        start, placed = trace.load_address or 0, trace.placed_bytes
        if handoff and handoff.payload and not trace.block_moves:
            placed = handoff.payload.compared_bytes
        if placed:
            yield MemoryRange("protected-mode kernel", start, start + placed)
        unpacked = kernel.header.pref_address or 0
        if handoff and unpacked and kernel.header.init_size:
            start = max(unpacked, start)
            yield MemoryRange("room to unpack (init_size)", start, start + kernel.header.init_size)
    if header and header.ramdisk_image and header.ramdisk_size:
        start = header.ramdisk_image
        yield MemoryRange("initrd", start, start + header.ramdisk_size)


def _strays(moves: tuple[tuple[int, int, int], ...]) -> Iterator[MemoryRange]:
    for number, (destination, size, wanted) in enumerate(moves):
        if destination != wanted:
            yield MemoryRange(
                f"block move {number}, wrapped", destination, destination + size, True
            )


def _ends(lines: list[str]) -> tuple[str, ...]:
    """Return all lines, or of too many the first and the last ones."""
    if len(lines) <= _MOST_LINES:
        return tuple(lines)
    half = _MOST_LINES // 2
    left_out = f"... {count(len(lines) - 2 * half, 'line')} left out"
    return (*lines[:half], left_out, *lines[-half:])


def pack(drawn: Picture | dict[str, Any]) -> bytes:
    """Return a picture, or its plain values, as JSON, compressed by zlib: browsers can
    decompress it."""
    return zlib.compress(msgspec.json.encode(drawn), _ZLIB_LEVEL)


def unpack(packed: bytes) -> Picture:
    """Return a packed picture, an empty one of nothing and of what is damaged."""
    try:
        text = unzipped(packed, most=_PICTURE_BYTES) if packed else b"{}"
        return msgspec.json.decode(text, type=Picture)
    except (FormatError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Picture()
