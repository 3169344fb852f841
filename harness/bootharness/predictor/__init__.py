"""The predictor: a loader run in a CPU emulator, with the BIOS answered in Python.

    predict -> Pc -> Cpu (unicorn) --INT--> BiosServices -> DiskServices, block_move, ...
                |                            |
                +--------> Memory <----------+

An emulator has no clock: all times in its traces are 0.
"""

from bootharness.predictor.predict import predict, predict_disk
from bootharness.predictor.quirks import Quirks, ReadError
from bootharness.trace.bioses import BIOSES

__all__ = ["BIOSES", "Quirks", "ReadError", "predict", "predict_disk"]
