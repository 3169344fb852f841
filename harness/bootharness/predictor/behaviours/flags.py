"""Flags as they happen to be."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["FLAGS"]

FLAGS = Behaviour(
    name="flags",
    title="the direction flag set, interrupts off",
    standing="allowed",
    source="the BIOS Boot Specification promises no flags; IF was 0 and 1 on real machines",
    ways=lambda _: [
        Way("the direction flag set", "does not clear DF", Quirks(entry={"flags": 0x602})),
        Way("interrupts off", "assumes that interrupts are on", Quirks(entry={"flags": 0x002})),
    ],
)
