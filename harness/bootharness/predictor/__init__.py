"""The predictor: a loader run in a CPU emulator, with the BIOS answered in Python.

    predict -> Pc -> Cpu (unicorn) --INT--> BiosServices -> DiskServices, block_move, ...
                |                            |
                +--------> Memory <----------+

An emulator has no clock: all times in its traces are 0.
"""
