"""Reads that may not cross a multiple of 64 KiB, or leave their segment."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["BOUNDARY_CHS", "BOUNDARY_EDD", "SEGMENT_END"]

BOUNDARY_CHS = Behaviour(
    name="dma-boundary",
    title="no CHS read over a 64 KiB boundary",
    standing="allowed",
    source="Ralf Brown's list, INT 13h AH=02h: status 09h, DMA across a 64K boundary",
    ways=lambda _: [
        Way("no CHS read over a 64 KiB boundary", "reads by CHS over a 64 KiB boundary",
            Quirks(crossing=frozenset({"chs"})))
    ],
)  # fmt: skip

BOUNDARY_EDD = Behaviour(
    name="edd-boundary",
    title="no extended read over a 64 KiB boundary",
    standing="seen",
    source="BIOSes that read by DMA also for AH=42h; EDD itself allows such reads",
    ways=lambda _: [
        Way("no extended read over a 64 KiB boundary", "reads over a 64 KiB boundary",
            Quirks(crossing=frozenset({"packet"})))
    ],
)  # fmt: skip

SEGMENT_END = Behaviour(
    name="segment-end",
    title="no read beyond the end of its segment",
    standing="seen",
    source="VirtualBox hangs there (rust-osdev/bootloader#123)",
    ways=lambda _: [
        Way("no read beyond the end of its segment", "reads beyond the end of a segment",
            Quirks(crossing=frozenset({"segment"})))
    ],
)  # fmt: skip
