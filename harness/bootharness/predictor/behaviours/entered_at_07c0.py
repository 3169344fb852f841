"""The boot sector is entered at another CS:IP for the same address."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["ENTERED_AT_07C0"]

ENTERED_AT_07C0 = Behaviour(
    name="entry-07c0",
    title="entered at 07C0:0000",
    standing="seen",
    source="El Torito has BIOSes enter at the load segment 07C0h; the BIOS Boot Specification says "
    "0000:7C00",
    ways=lambda _: [
        Way("CS:IP at 07c0:0000", "assumes that CS is 0", Quirks(entry={"cs": 0x7C0, "ip": 0}))
    ],
)
