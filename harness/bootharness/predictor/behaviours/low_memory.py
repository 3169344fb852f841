"""Less than 640 KiB of conventional memory."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["LOW_MEMORY"]

LOW_MEMORY = Behaviour(
    name="memory-512k",
    title="512 KiB of conventional memory",
    standing="allowed",
    source="INT 12h says how much there is; a PC/AT has 512 KiB, and option ROMs take from the top",
    ways=lambda _: [
        Way("512 KiB of conventional memory", "uses memory above 512 KiB without asking INT 12h",
            Quirks(low_kib=512))
    ],
    missing=True,
    shows="memory-clobbered",
)  # fmt: skip
