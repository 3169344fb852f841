"""A drive whose reads fail once."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["FLAKY_READS"]

FLAKY_READS = Behaviour(
    name="read-fails-once",
    title="every read fails the first time",
    standing="allowed",
    source="Ralf Brown's list, INT 13h AH=02h: retry at least three times, resetting the disk",
    ways=lambda _: [
        Way(
            "a read error that is gone at the next attempt",
            "does not read again what a read has failed to bring",
            Quirks(flaky=True),
        )
    ],
)
