"""A stack wherever the BIOS had one."""

from collections.abc import Iterator

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks
from bootharness.text import address, seg_off
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.reads import disk_reads

__all__ = ["STACK"]

_MEASURED = ((0x30, 0x100), (0x0000, 0x0400), (0x1000, 0x7FE2))
_LOW_END, _ORIGIN = 0x9FC00, 0x7C00
_MOST_BUFFERS = 4


def _ways(plain: BootTrace) -> Iterator[Way]:
    for segment, offset in _MEASURED:
        yield _way(segment, offset, seg_off(segment, offset))
    buffers = {
        read.buffer: read.buffer + read.bytes // 2 & ~0xF
        for read in disk_reads(plain.loader_calls, plain.disk)
        if read.buffer >= _ORIGIN + 512 and read.buffer + read.bytes <= _LOW_END
    }
    for buffer, middle in [*buffers.items()][:_MOST_BUFFERS]:
        where = f"{seg_off(middle >> 4, 0x100)}, in what it reads to {address(buffer)}"
        yield _way((middle >> 4) - 0x10, 0x100, where)


def _way(segment: int, offset: int, where: str) -> Way:
    return Way(f"SS:SP at {where}", "sets up no stack of its own",
               Quirks(entry={"ss": segment, "esp": offset}))  # fmt: skip


STACK = Behaviour(
    name="stack",
    title="the stack is anywhere",
    standing="allowed",
    source="the BIOS Boot Specification promises no stack; SS:SP was 0030:0100, 0000:0400 and "
    "1000:7FE2 on real machines",
    ways=_ways,
)
