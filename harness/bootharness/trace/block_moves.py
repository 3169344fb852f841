"""The block moves of a boot: what went where, and how much of the kernel was then in place."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.gdt import BlockMoveTable
from bootharness.trace.bioses import BIOSES
from bootharness.trace.booted import KernelFacts

__all__ = ["BlockMove", "block_moves", "placements"]


class BlockMove(Struct, frozen=True):
    """One INT 15h AH=87h: linear addresses, bytes, times in seconds since launch."""

    index: int
    """Which of the boot's moves it is, from 0."""
    source: int
    """Where it took the bytes from, as the BIOS reads the table."""
    destination: int
    """Where it put them, as the BIOS reads the table, which may say another address."""
    bytes: int
    """How many were moved."""
    status: int | None
    """AH as returned, None where the return was not seen."""
    completed: bool
    """Whether it did return: by its return, or because its caller went on afterwards."""
    seconds: float
    """When it was called."""
    returned_at: float | None
    """When it returned, None where that was not seen."""
    table: BlockMoveTable
    """Its six descriptors, parsed."""

    @property
    def end(self) -> int:
        """The linear address behind the last byte moved."""
        return self.destination + self.bytes


def block_moves(
    calls: tuple[BiosCall, ...], *, handed_off: bool, bios: str = "seabios"
) -> Iterator[BlockMove]:
    """Yield the block moves among BIOS calls, with the addresses that the BIOS reads from a table.

    After a handoff none of them is still going on.
    """
    model = BIOSES[bios]
    last = max((at for at, call in enumerate(calls) if not call.from_bios), default=-1)
    went_on = len(calls) if handed_off else last
    index = 0
    for at, call in enumerate(calls):
        table = call.table
        if table is None:
            continue
        raw = bytes.fromhex(call.table_hex)
        returned = call.registers_out is not None
        yield BlockMove(
            index=index,
            source=model.address(raw[0x10:0x18]),
            destination=model.address(raw[0x18:0x20]),
            bytes=(call.registers_in.ecx & 0xFFFF) * 2,
            status=call.status,
            completed=(returned or at < went_on) and not call.failed,
            seconds=call.called_at,
            returned_at=call.returned_at,
            table=table,
        )
        index += 1


def placements(moves: Iterable[BlockMove], kernel: KernelFacts) -> Iterator[tuple[BlockMove, int]]:
    """Yield each move that continues the payload without a gap, and the bytes then in place."""
    start = end = kernel.header.load_address
    for move in moves:
        if move.destination == end and move.completed and end - start < kernel.payload_bytes:
            end = move.end
            yield move, min(end - start, kernel.payload_bytes)
