"""Causes in the block moves: their descriptors, their status, their destinations."""

from bootharness.diagnosis.verdict import Finding
from bootharness.formats.gdt import SegmentDescriptor
from bootharness.text import address, count
from bootharness.trace.block_moves import BlockMove
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import KernelFacts

__all__ = [
    "descriptor_invalid",
    "destination_misplaced",
    "destination_wrapped",
    "move_failed",
    "not_all_placed",
]

_24_BITS = 0xFFFFFF
_HIGH_MEMORY = 0x100000
_MOST_WORDS = 0x8000
_WRITABLE = 0x2
_CODE = 0x8


def descriptor_invalid(trace: BootTrace) -> Finding | None:
    """A descriptor or length with which a real CPU or BIOS would fault (SDM Vol. 3A, 3.4.5)."""
    for move in trace.block_moves:
        wrong = _length(move)
        for name, descriptor in (
            ("source", move.table.source),
            ("destination", move.table.destination),
        ):
            wrong = wrong or _descriptor_error(name, descriptor, move.bytes)
        if wrong:
            return Finding(
                f"in block move {move.index} the {wrong}: this BIOS copied all the same, but "
                "another would fault",
                (_both(move),),
            )
    return None


def _length(move: BlockMove) -> str | None:
    words = move.bytes // 2
    if words > _MOST_WORDS:
        return f"length of {words:,} words is more than the 32,768 that INT 15h AH=87h moves"
    return None


def _descriptor_error(name: str, descriptor: SegmentDescriptor, size: int) -> str | None:
    access = f"access byte 0x{descriptor.access:02x} of the {name} descriptor"
    if not descriptor.p:
        return f"{access} says that the segment is not present"
    if not descriptor.s:
        return f"{access} makes it a system segment, not a data segment"
    if descriptor.dpl:
        return f"{access} asks for ring {descriptor.dpl} instead of ring 0"
    if name == "destination" and (descriptor.type & _CODE or not descriptor.type & _WRITABLE):
        return f"{access} does not let it be written to"
    if descriptor.type & _CODE and not descriptor.type & _WRITABLE:
        return f"{access} does not let it be read"
    if size and descriptor.effective_limit < size - 1:
        return (
            f"limit 0x{descriptor.effective_limit:04x} of the {name} descriptor is too small for "
            f"the {size:,} bytes"
        )
    return None


def move_failed(trace: BootTrace) -> Finding | None:
    """A block move that the BIOS reported as failed."""
    for move, call in zip(
        trace.block_moves, (call for call in trace.bios_calls if call.table), strict=True
    ):
        if move.status or call.failed:
            name = call.status_name if call.failed else "although CF is clear"
            return Finding(
                f"block move {move.index} to {address(move.destination)} failed with "
                f"AH={move.status or 0:02x}h, {name}",
                (_descriptor(move),),
            )
    return None


def destination_wrapped(trace: BootTrace) -> Finding | None:
    """A block move whose destination lost the carry out of bit 23."""
    good: BlockMove | None = None
    for move, expected in trace.destinations:
        if move.destination != expected and move.destination == expected & _24_BITS:
            return _wrapped(trace, good, move, expected)
        good = move
    return None


def _wrapped(trace: BootTrace, good: BlockMove | None, move: BlockMove, expected: int) -> Finding:
    before = f" (move {good.index} still went to {address(good.destination)})" if good else ""
    why = "the loader cannot place anything above 16 MiB"
    if trace.kernel:
        limit = expected - trace.starts[0]
        if 0 < limit < trace.kernel.payload_bytes:
            why = (
                f"the loader cannot place more than {count(limit, 'byte')} of payload, and this "
                f"kernel has {trace.kernel.payload_bytes:,}"
            )
    lost = "the carry out of bit 23 of the destination was lost"
    if move.table.destination.base == expected:
        lost = "the descriptor says so, but this BIOS does not take bits 24 to 31 from its byte 7"
    return Finding(
        f"block move {move.index} went to {address(move.destination)} instead of "
        f"{address(expected)}{before}: {lost}, so {why}",
        tuple(_descriptor(each) for each in (good, move) if each),
    )


def destination_misplaced(trace: BootTrace) -> Finding | None:
    """Moves that leave a gap, overlap, or begin elsewhere than the kernel or the initrd does.

    What a loader moves in which order is its own business until it enters a kernel that is
    not all there.
    """
    if trace.kernel is None or trace.handoff is None or _covered(trace, trace.kernel):
        return None
    if destination_wrapped(trace):
        return None
    starts = trace.starts
    expected, before = starts[0], None
    for move in trace.block_moves:
        if move.destination in starts:
            expected = move.destination
        elif move.destination < _HIGH_MEMORY and expected == starts[0]:
            continue  # a loader's own business, before it begins with the kernel
        if move.destination != expected:
            return _misplaced(trace, before, move, expected)
        expected, before = move.end, move
    return None


def _covered(trace: BootTrace, kernel: KernelFacts) -> bool:
    """Whether the completed moves cover the payload without a gap, in whatever order."""
    at = trace.starts[0]
    end = at + kernel.payload_bytes
    for move in sorted(trace.block_moves, key=lambda each: each.destination):
        if move.completed and move.destination <= at:
            at = max(at, move.end)
    return at >= end


def _misplaced(
    trace: BootTrace, before: BlockMove | None, move: BlockMove, expected: int
) -> Finding:
    assert trace.kernel
    if before is None:
        what = f"where the kernel is loaded ({address(expected)})"
    elif move.destination > expected:
        gap = count(move.destination - expected, "byte")
        what = f"{address(expected)}: it leaves a gap of {gap}"
    elif expected - move.destination < before.bytes:
        what = (
            f"{address(expected)}: it overlaps the move before by "
            f"{count(expected - move.destination, 'byte')}"
        )
    else:
        what = f"{address(expected)}, behind the move before"
    return Finding(
        f"block move {move.index} went to {address(move.destination)} instead of {what}",
        tuple(_descriptor(each) for each in (before, move) if each),
    )


def not_all_placed(trace: BootTrace) -> Finding | None:
    """The kernel was entered before all of it was in place."""
    kernel = trace.kernel
    if kernel is None or trace.handoff is None or not trace.block_moves:
        return None
    if _covered(trace, kernel):
        return None
    return Finding(
        f"the loader entered the kernel with {trace.placed_bytes:,} of "
        f"{count(kernel.payload_bytes, 'byte')} of its payload in place",
        tuple(_descriptor(move) for move in trace.block_moves[-1:]),
    )


def _descriptor(move: BlockMove) -> str:
    raw = move.table.destination.build().hex()
    return f"move {move.index}: destination descriptor {raw}, {move.table.destination}"


def _both(move: BlockMove) -> str:
    return (
        f"move {move.index}: {move.bytes:,} bytes, source {move.table.source}, "
        f"destination {move.table.destination}"
    )
