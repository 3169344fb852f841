"""A disk that is not the first."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["DRIVE"]

DRIVE = Behaviour(
    name="drive-81",
    title="the disk is drive 81h",
    standing="allowed",
    source="BIOS Boot Specification: DL is the drive that is booted from",
    ways=lambda _: [
        Way("the disk as drive 81h", "assumes that DL is 80h, or loses DL", Quirks(drive=0x81))
    ],
)
