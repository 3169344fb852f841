"""A BIOS without extended reads."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["NO_EDD"]

_INVALID = 0x01
_ASSUMES = "assumes EDD: reads with INT 13h AH=42h without looking whether it is there"

NO_EDD = Behaviour(
    name="no-edd",
    title="no extended reads (EDD)",
    standing="allowed",
    source="EDD: INT 13h AH=41h tells whether AH=42h is there, by CF, BX and bit 0 of CX",
    ways=lambda _: [
        Way("no EDD at all", _ASSUMES, Quirks(edd=(0x55AA, 0, _INVALID))),
        Way("EDD without extended reads (bit 0 of CX is 0)", _ASSUMES, Quirks(edd=(0xAA55, 2, 0))),
    ],
    missing=True,
    asked_by=(0x13, 0x41),
)
