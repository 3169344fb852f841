"""Do the two tracers agree, call by call, on what a loader did?"""

from collections.abc import Iterable
from itertools import zip_longest

from bootharness.formats.bioscall import BiosCall
from bootharness.text import address, seg_off

__all__ = ["disagreement"]

_TELETYPE = (0x10, 0x0E)
_POLLS = (0x01, 0x11)  # is a key there? the recorder leaves that out
# in a block-move table, in hex digits
_NULL_END, _SOURCE, _DESTINATION_END = 16, 32, 64


def disagreement(recorded: Iterable[BiosCall], seen_by_gdb: Iterable[BiosCall]) -> str | None:
    """Return in one sentence where two accounts of a loader's calls differ first, else None.

    What only one of them looks at is not compared: gdb does not see a block move return,
    and the recorder does not record video calls but teletype output. Where a read failed,
    gdb may have seen its packet only after the BIOS had written to it. Of a block-move table
    what the loader writes is compared, and not what the BIOS fills in.
    """
    first = [call for call in recorded if _compared(call)]
    second = [call for call in seen_by_gdb if _compared(call)]
    for index, (one, other) in enumerate(zip_longest(first, second)):
        if one is None or other is None:
            who, call = ("gdb", other) if one is None else ("the recorder", one)
            return f"only {who} saw call {index}: {call}"
        failed = one.failed or other.failed
        gdbs = _essence(other, failed=failed)
        for what, ours in _essence(one, failed=failed).items():
            if ours != gdbs[what]:
                return f"call {index}: {what} is {ours} for the recorder and {gdbs[what]} for gdb"
        if one.registers_out and other.registers_out and one.failed != other.failed:
            return f"call {index}: the recorder says {one.status_name}, gdb {other.status_name}"
    return None


def _compared(call: BiosCall) -> bool:
    if call.number == 0x16:
        return call.function not in _POLLS
    return call.number != 0x10 or (call.number, call.function) == _TELETYPE


def _essence(call: BiosCall, *, failed: bool) -> dict[str, str | int | None]:
    registers = call.registers_in
    move = None
    if table := call.table:
        written = call.table_hex[:_NULL_END] + call.table_hex[_SOURCE:_DESTINATION_END]
        move = (
            f"{address(table.source.base)} to {address(table.destination.base)}, "
            f"{registers.ecx & 0xFFFF} words, {written}"
        )
    return {
        "the service": f"INT {call.number:02x}h AH={call.function:02x}h",
        "the caller": seg_off(registers.cs, registers.ip),
        "the drive": registers.edx & 0xFF if call.number == 0x13 else None,
        "the packet": str(call.packet.lba if call.packet and failed else call.packet),
        "the block move": move,
    }
