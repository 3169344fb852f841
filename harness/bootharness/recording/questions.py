"""What is asked of a recording by itself: of a cause the bytes that were not as they should be."""

from collections.abc import Iterator

from msgspec import Struct

from bootharness.formats.bzimage import offset_of
from bootharness.recording.ended import ENDED
from bootharness.recording.fields import fields_of
from bootharness.recording.unset import not_set
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.handoff import Comparison
from bootharness.trace.reads import disk_reads

__all__ = ["Question", "questions"]

_TABLE_DESTINATION = 0x18
_BASE_BYTES = (2, 3, 4, 7)
"""Of a descriptor, from the lowest to the highest of its base."""
_MOST = 2
_VECTORS_END = 0x500


class Question(Struct, frozen=True):
    """Who wrote this byte last, before a BIOS call of the boot or, for None, its handoff?

    ``behind`` asks when the call has returned, or at the end where it did not. Without an address
    nobody is asked that: the loader is followed on its way alone.
    """

    what: str
    address: int | None = None
    call: int | None = None
    behind: bool = False


def questions(trace: BootTrace, cause: str) -> tuple[Question, ...]:
    """Return what to ask about a cause of a recorded boot, by that boot's own trace."""
    asked = {
        "destination-wrapped": _descriptor,
        "destination-misplaced": _descriptor,
        "payload-corrupt": _payload,
        "setup-corrupt": _setup,
        "header-not-set": _header,
        "memory-clobbered": _clobbered,
    }.get(cause)
    found = tuple(asked(trace))[:_MOST] if asked else ()
    return found or tuple(_followed(trace, cause))


def _followed(trace: BootTrace, cause: str) -> Iterator[Question]:
    """What is followed back of a cause that is about no byte of memory."""
    if cause in ENDED:
        yield Question("what has ended the boot")
    for field in fields_of(trace, cause):
        yield Question(field.what, call=field.call)


def _descriptor(trace: BootTrace) -> Iterator[Question]:
    """The bytes of the first destination that is not where it should be."""
    calls = [index for index, call in enumerate(trace.bios_calls) if call.table]
    for move, wanted in trace.destinations:
        if move.destination == wanted:
            continue
        registers = trace.bios_calls[calls[move.index]].registers_in
        table = registers.es * 16 + (registers.esi & 0xFFFF)
        differs = move.destination ^ wanted
        for number, at in enumerate(_BASE_BYTES):
            if differs >> (8 * number) & 0xFF:
                what = f"byte {at} of the destination descriptor of block move {move.index}"
                yield Question(what, table + _TABLE_DESTINATION + at, calls[move.index])
        return


def _payload(trace: BootTrace) -> Iterator[Question]:
    """The first byte of the protected-mode kernel that is not the file's."""
    yield from _difference(trace.handoff.payload if trace.handoff else None, "protected-mode")


def _setup(trace: BootTrace) -> Iterator[Question]:
    """The first byte of the real-mode kernel that is not the file's."""
    yield from _difference(trace.handoff.real_mode if trace.handoff else None, "real-mode")


def _difference(proof: Comparison | None, part: str) -> Iterator[Question]:
    if proof and proof.first_difference is not None:
        what = f"the first byte of the {part} kernel that is not the file's"
        yield Question(what, proof.address + proof.first_difference, None)


def _header(trace: BootTrace) -> Iterator[Question]:
    """The fields that a loader has to write, and that are as they must not be."""
    handoff = trace.handoff
    if handoff is None or handoff.header is None or handoff.real_mode_address is None:
        return
    for name in not_set(handoff.header, trace):
        yield Question(f"{name} in the setup header", handoff.real_mode_address + offset_of(name),
                       None)  # fmt: skip


def _clobbered(trace: BootTrace) -> Iterator[Question]:
    """The loader's own code where it ran, or the first byte below it that must stay."""
    reads = {id(read.call): read for read in disk_reads(trace.loader_calls, trace.disk)}
    for index, call in enumerate(trace.bios_calls):
        caller, placed = call.registers_in, range(0)
        if read := reads.get(id(call)):
            placed = range(read.buffer, read.buffer + read.bytes)
        elif call.table and not call.from_bios:
            start = call.table.destination.base
            placed = range(start, start + (caller.ecx & 0xFFFF) * 2)
        at = caller.cs * 16 + caller.ip
        if at in placed:
            yield Question("the loader's code behind its call", at, index, behind=True)
            return
        if placed and placed.start < _VECTORS_END:
            yield Question("the interrupt vectors", placed.start, index, behind=True)
            return
