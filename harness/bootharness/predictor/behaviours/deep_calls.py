"""Calls that need much of their caller's stack."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["DEEP_CALLS"]

DEEP_CALLS = Behaviour(
    name="stack-use",
    title="calls use 512 bytes of the stack",
    standing="allowed",
    source="a BIOS runs on its caller's stack, and nothing says how much of it is enough",
    ways=lambda _: [
        Way("calls that use 512 bytes of the stack", "has less than 512 bytes of stack",
            Quirks(stack_bytes=512))
    ],
)  # fmt: skip
