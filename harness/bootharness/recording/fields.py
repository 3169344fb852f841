"""The values that a cause is about: where they lay, and what they should have been."""

from collections.abc import Callable, Iterator
from itertools import islice

from bootharness.recording import fields_at_handoff, fields_of_moves, fields_of_reads
from bootharness.recording.ended import ENDED
from bootharness.recording.field import Field
from bootharness.trace.boot_trace import BootTrace

__all__ = ["FOLLOWED", "Field", "fields_of"]

_MOST = 4


def fields_of(trace: BootTrace, cause: str) -> tuple[Field, ...]:
    """Return the values that a cause of a recorded boot is about, by that boot's own trace: the
    likeliest to have been wrong at first comes first."""
    return tuple(
        islice((field for asked in FOLLOWED.get(cause, ()) for field in asked(trace)), _MOST)
    )


_Asked = Callable[[BootTrace], Iterator[Field]]
_moves, _reads, _handoff = fields_of_moves, fields_of_reads, fields_at_handoff
FOLLOWED: dict[str, tuple[_Asked, ...]] = {
    "destination-wrapped": (_moves.destination,),
    "destination-misplaced": (_moves.destination,),
    "descriptor-invalid": (_moves.descriptor,),
    "memory-clobbered": (_moves.clobbering,),
    "wrong-sectors": (_reads.drive, _reads.sectors, _moves.mapped),
    "setup-corrupt": (_reads.setup,),
    "payload-corrupt": (
        _reads.direction,
        _reads.buffer,
        _reads.setup_too_long,
        _reads.sectors,
        _moves.mapped,
    ),
    "header-not-set": (_handoff.header,),
    "cmdline-wrong": (_handoff.command_line,),
    "handoff-state": (_handoff.entry,),
    "bios-hang": (),
    "disk-read-failed": (_reads.too_many,),
    **dict.fromkeys(ENDED, ()),
    "payload-truncated": (_moves.destination, _moves.mapped),
}
"""Causes of which a value is followed back to the instruction that made it wrong."""
