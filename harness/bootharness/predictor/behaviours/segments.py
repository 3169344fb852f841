"""Segment registers that hold anything."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["SEGMENTS"]

_BIOS_DATA = 0x40

SEGMENTS = Behaviour(
    name="segments",
    title="DS, ES, FS and GS hold anything",
    standing="allowed",
    source="the BIOS Boot Specification promises DL and nothing else; DS was 0040h, 4000h and "
    "9FC0h on real machines",
    ways=lambda _: [
        Way(f"{name.upper()} at 0040h", f"assumes that {name.upper()} is 0",
            Quirks(entry={name: _BIOS_DATA}))
        for name in ("ds", "es", "fs", "gs")
    ],
)  # fmt: skip
