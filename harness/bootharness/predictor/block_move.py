"""INT 15h AH=87h: copy extended memory, as the BIOSes that are modelled do it."""

from msgspec import Struct

from bootharness.formats.gdt import BlockMoveTable
from bootharness.kernels.content import Piece
from bootharness.predictor.ending import Ended
from bootharness.predictor.frame import Frame
from bootharness.predictor.memory import Memory
from bootharness.trace.bioses import BiosModel

__all__ = ["Effect", "block_move", "effect"]

_TABLE_BYTES = BlockMoveTable.SIZE
_GDT, _SOURCE, _DESTINATION, _CS, _SS = 0x08, 0x10, 0x18, 0x20, 0x28
_SEGMENT_BYTES = 0x10000
_EXCEPTION = 0x02
# what SeaBIOS fills in: limit, base, access, and the rest
_GDT_ENDS = (bytes.fromhex("2f00"), bytes.fromhex("930000"))
_CODE_AND_STACK = bytes.fromhex("ffff00000f9b0000 ffff00980d930000")


class Effect(Struct, frozen=True):
    """What a BIOS makes of a block-move table: what it copies, and the status it returns.

    ``fault`` is an exception that the BIOS is not prepared for.
    """

    source: int
    destination: int
    size: int
    status: int = 0
    fault: bool = False


def effect(table: bytes, words: int, model: BiosModel) -> Effect:
    """Return what a BIOS does with a table of 48 bytes and CX words to move."""
    source = table[_SOURCE : _SOURCE + 8]
    destination = table[_DESTINATION : _DESTINATION + 8]
    addresses, size, status = (model.address(source), model.address(destination)), words * 2, 0
    if model.stop == "never":
        return Effect(*addresses, size)
    if not (_loads(source) and _loads(destination, write=model.stop == "error")):
        return Effect(*addresses, 0, _EXCEPTION, fault=model.stop == "triple-fault")
    size = min(size, _SEGMENT_BYTES)  # SI and DI begin anew behind it, with the same bytes
    if model.stop == "error":
        within = min(_limit(source), _limit(destination)) + 1
        if within < size:
            size, status = within, _EXCEPTION
    return Effect(*addresses, size, status)


def block_move(memory: Memory, frame: Frame, model: BiosModel) -> None:
    """Copy CX words from the source to the destination of the table at ES:SI."""
    at = frame.far(frame.es, frame.esi)
    table = memory.read_memory(at, _TABLE_BYTES)
    move = effect(table, frame.cx, model)
    if model.stop != "never":
        _fill_in(memory, at, table)
    if move.fault:
        raise Ended("guest-reset", "a descriptor of the block move is not that of a data segment")
    _copy(memory, move.source, move.destination, move.size)
    if model.stop != "never" and not _loads(memory.read_memory(at + _SS, 8)):
        raise Ended("guest-reset", "the block move overwrote its own descriptor table")
    frame.answer(move.status)


def _fill_in(memory: Memory, at: int, table: bytes) -> None:
    """Write what the BIOS writes into the table: where it is itself, its code, its stack."""
    limit, rest = _GDT_ENDS
    own = limit + at.to_bytes(3, "little") + rest
    memory.write(at, table[:_GDT] + own + table[_SOURCE:_CS] + _CODE_AND_STACK)


def _loads(descriptor: bytes, *, write: bool = False) -> bool:
    """Whether a CPU loads DS or ES from a descriptor, and lets it be written through."""
    access = descriptor[5]
    code, allows = access & 0x08, access & 0x02
    if not access & 0x80 or not access & 0x10:
        return False
    return not (code and (write or not allows)) and not (write and not allows)


def _limit(descriptor: bytes) -> int:
    return int.from_bytes(descriptor[:2], "little")


def _copy(memory: Memory, source: int, destination: int, size: int) -> None:
    """Copy upwards: what overlaps behind itself repeats."""
    if source < destination < source + size:
        period = destination - source
        data = memory.read_memory(source, period).ljust(period, b"\0")
        memory.put(destination, [Piece.of((data * (size // period + 1))[:size])])
        return
    memory.put(destination, list(memory.pieces(source, size)))
