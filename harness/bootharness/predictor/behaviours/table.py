"""All behaviours that a loader is checked against, in the order in which they are shown."""

from bootharness.predictor.behaviours.a20 import A20_CLOSED, A20_CLOSED_BY_MOVES, A20_MEANS
from bootharness.predictor.behaviours.behaviour import Behaviour
from bootharness.predictor.behaviours.block_moves import MOVES_OF_64_KIB, MOVES_OF_A_286
from bootharness.predictor.behaviours.boundaries import BOUNDARY_CHS, BOUNDARY_EDD, SEGMENT_END
from bootharness.predictor.behaviours.changed_registers import (
    CHANGED,
    DX_LOST,
    HIGH_HALVES_LOST,
    INTERRUPTS_LEFT_OFF,
    TELETYPE,
)
from bootharness.predictor.behaviours.deep_calls import DEEP_CALLS
from bootharness.predictor.behaviours.drive import DRIVE
from bootharness.predictor.behaviours.entered_at_07c0 import ENTERED_AT_07C0
from bootharness.predictor.behaviours.flags import FLAGS
from bootharness.predictor.behaviours.flaky_reads import FLAKY_READS
from bootharness.predictor.behaviours.garbage import GARBAGE
from bootharness.predictor.behaviours.general_registers import GENERAL_REGISTERS
from bootharness.predictor.behaviours.long_reads import LONG_READS, MEDIUM_READS
from bootharness.predictor.behaviours.low_memory import LOW_MEMORY
from bootharness.predictor.behaviours.no_edd import NO_EDD
from bootharness.predictor.behaviours.segments import SEGMENTS
from bootharness.predictor.behaviours.stack import STACK

__all__ = ["BEHAVIOURS"]

BEHAVIOURS: tuple[Behaviour, ...] = (
    ENTERED_AT_07C0,
    SEGMENTS,
    STACK,
    FLAGS,
    GENERAL_REGISTERS,
    DRIVE,
    GARBAGE,
    LOW_MEMORY,
    A20_CLOSED,
    A20_CLOSED_BY_MOVES,
    A20_MEANS,
    NO_EDD,
    LONG_READS,
    MEDIUM_READS,
    BOUNDARY_CHS,
    BOUNDARY_EDD,
    SEGMENT_END,
    FLAKY_READS,
    CHANGED,
    DX_LOST,
    HIGH_HALVES_LOST,
    INTERRUPTS_LEFT_OFF,
    TELETYPE,
    DEEP_CALLS,
    MOVES_OF_A_286,
    MOVES_OF_64_KIB,
)
