"""The predictor: a loader run in a CPU emulator, with the BIOS answered in Python.

    predict -> Pc -> Cpu (unicorn) --INT--> Bios -> DiskServices, block_move, ...
                |                            |
                +--------> Memory <----------+

An emulator has no clock: all times in its traces are 0.
"""

from harness.bioses import BIOSES
from harness.emulator.predict import predict
from harness.emulator.quirks import Quirks, ReadError

__all__ = ["BIOSES", "Quirks", "ReadError", "predict"]
