"""Memory that is not zero where nobody has written to it."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["GARBAGE"]

GARBAGE = Behaviour(
    name="memory-garbage",
    title="memory is full of anything",
    standing="allowed",
    source="nothing promises zeros; a warm start leaves what was there",
    ways=lambda _: [
        Way("memory full of A5h", "takes memory for zero that it has not cleared",
            Quirks(fill=0xA5))
    ],
)  # fmt: skip
