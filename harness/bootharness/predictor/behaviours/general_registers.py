"""General registers that hold anything, high halves included."""

from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.quirks import Quirks

__all__ = ["GENERAL_REGISTERS"]

_ANYTHING = 0xDEAD_BEEF
_DRIVE, _STACK = 0x80, 0x6F04


def _value(name: str) -> int:
    if name == "edx":
        return _ANYTHING & ~0xFF | _DRIVE
    return _ANYTHING & ~0xFFFF | _STACK if name == "esp" else _ANYTHING


GENERAL_REGISTERS = Behaviour(
    name="registers",
    title="general registers and their high halves hold anything",
    standing="allowed",
    source="the BIOS Boot Specification promises DL and nothing else",
    ways=lambda _: [
        Way(
            f"{name.upper()} at {_value(name):08x}h",
            f"uses what {name.upper()} happens to hold at entry",
            Quirks(entry={name: _value(name)}),
        )
        for name in ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp")
    ],
)
