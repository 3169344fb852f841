"""Causes that lie in the loading: reads, block moves, and what they put where."""

from collections.abc import Iterator

from harness.diagnosis.verdict import Diagnosis
from harness.formats.bioscall import BiosCall
from harness.formats.mbr import SECTOR_BYTES
from harness.text import address, count
from harness.trace import BlockMove, BootTrace, Comparison, screen_text

__all__ = [
    "destination_wrapped",
    "disk_read_failed",
    "kernel_rejected",
    "move_failed",
    "payload_corrupt",
    "payload_truncated",
    "setup_corrupt",
]

_24_BITS = 0xFFFFFF
_READS = (0x02, 0x42)


def disk_read_failed(trace: BootTrace) -> Diagnosis | None:
    """A read that failed and was not repeated with success."""
    reads = [call for call in trace.loader_calls if call.number == 0x13 and call.function in _READS]
    for index, call in enumerate(reads):
        if call.failed and not any(_repeats(later, call) for later in reads[index + 1 :]):
            tries = sum(read.failed and _same_place(read, call) for read in reads)
            what = (
                f"{count(call.packet.sectors, 'sector')} at LBA {call.packet.lba:,}"
                if call.packet
                else "CHS sectors"
            )
            end = f" ({_beyond_end(trace, call)})" if _beyond_end(trace, call) else ""
            return Diagnosis(
                "disk-read-failed",
                f"the disk read of {what} failed with AH={call.status:02x}h, {call.status_name}, "
                f"in {count(tries, 'attempt')}{end}",
                tuple(str(read) for read in reads if read.failed),
            )
    return None


def _same_place(one: BiosCall, other: BiosCall) -> bool:
    if one.packet and other.packet:
        return one.packet.lba == other.packet.lba
    return one.registers_in.ecx == other.registers_in.ecx


def _repeats(later: BiosCall, failed: BiosCall) -> bool:
    return not later.failed and later.registers_out is not None and _same_place(later, failed)


def _beyond_end(trace: BootTrace, call: BiosCall) -> str:
    if trace.disk is None or call.packet is None:
        return ""
    sectors = trace.disk.bytes // SECTOR_BYTES
    if call.packet.lba + call.packet.sectors <= sectors:
        return ""
    return f"the disk ends at LBA {sectors:,}"


def move_failed(trace: BootTrace) -> Diagnosis | None:
    """A block move that the BIOS reported as failed."""
    for move in trace.block_moves:
        if move.status:
            return Diagnosis(
                "move-failed",
                f"block move {move.index} to {address(move.destination)} failed with "
                f"AH={move.status:02x}h",
                (_descriptor(move),),
            )
    return None


def _destinations(trace: BootTrace) -> Iterator[tuple[BlockMove, int]]:
    """Yield each move with the destination that it should have had.

    The kernel begins at code32_start and the initrd at its address; a move that does not
    begin one of them continues the one before it.
    """
    starts = []
    if trace.kernel:
        starts.append(trace.kernel.header.code32_start)
    if trace.disk and trace.disk.initrd_bytes and trace.disk.initrd_address:
        starts.append(trace.disk.initrd_address)
    payload_end = starts[0] + trace.kernel.payload_bytes if trace.kernel else None
    expected: int | None = None
    for move in trace.block_moves:
        if expected is None or expected == payload_end:
            begins = [start for start in starts if move.destination in (start, start & _24_BITS)]
            expected = begins[0] if begins else move.destination
        yield move, expected
        expected += move.bytes
        if payload_end is not None and expected > payload_end > expected - move.bytes:
            expected = payload_end  # the last move of a payload may be rounded up


def destination_wrapped(trace: BootTrace) -> Diagnosis | None:
    """A block move whose destination lost the carry out of bit 23."""
    good: BlockMove | None = None
    for move, expected in _destinations(trace):
        if move.destination != expected and move.destination == expected & _24_BITS:
            return _wrapped(trace, good, move, expected)
        good = move
    return None


def _wrapped(trace: BootTrace, good: BlockMove | None, move: BlockMove, expected: int) -> Diagnosis:
    before = f" (move {good.index} still went to {address(good.destination)})" if good else ""
    if trace.kernel and good and expected - trace.kernel.header.code32_start > 0:
        limit = expected - trace.kernel.header.code32_start
        why = (
            f"the loader cannot place more than {count(limit, 'byte')} of payload, and this "
            f"kernel has {trace.kernel.payload_bytes:,}"
        )
        if trace.kernel.payload_bytes <= limit:
            why = "the loader cannot place anything above 16 MiB"
    else:
        why = "the loader cannot place anything above 16 MiB"
    return Diagnosis(
        "destination-wrapped",
        f"block move {move.index} went to {address(move.destination)} instead of "
        f"{address(expected)}{before}: the carry out of bit 23 of the destination was lost, "
        f"so {why}",
        tuple(_descriptor(each) for each in (good, move) if each),
    )


def _descriptor(move: BlockMove) -> str:
    raw = move.table.destination.build().hex()
    return f"move {move.index}: destination descriptor {raw}, {move.table.destination}"


def payload_truncated(trace: BootTrace) -> Diagnosis | None:
    """Fewer bytes placed than the header promises."""
    kernel = trace.kernel
    if kernel is None:
        return None
    if kernel.missing_bytes:
        has = kernel.payload_bytes - kernel.missing_bytes
        return Diagnosis(
            "payload-truncated",
            f"the kernel file has {count(max(has, 0), 'byte')} of the {kernel.payload_bytes:,} "
            "that syssize promises: it was cut short, or syssize is wrong",
            (f"{kernel.source}: {count(kernel.file_bytes, 'byte')}",),
        )
    if trace.handoff and trace.block_moves and trace.placed_bytes < kernel.payload_bytes:
        return Diagnosis(
            "payload-truncated",
            f"the loader entered the kernel with {trace.placed_bytes:,} of "
            f"{count(kernel.payload_bytes, 'byte')} of its payload in place",
            tuple(_descriptor(move) for move in trace.block_moves[-1:]),
        )
    return None


def payload_corrupt(trace: BootTrace) -> Diagnosis | None:
    """The protected-mode kernel in memory is not the file's."""
    return _differs(trace, "payload", "payload-corrupt", "the protected-mode kernel")


def setup_corrupt(trace: BootTrace) -> Diagnosis | None:
    """The real-mode kernel in memory is not the file's."""
    return _differs(trace, "real_mode", "setup-corrupt", "the real-mode kernel")


def _differs(trace: BootTrace, part: str, cause: str, what: str) -> Diagnosis | None:
    proof: Comparison | None = getattr(trace.handoff, part, None)
    if proof is None or proof.equal or proof.first_difference is None:
        return None
    at = proof.first_difference
    found = "nothing" if proof.found is None else f"0x{proof.found:02x}"
    return Diagnosis(
        cause,
        f"{what} in memory differs from the file in {proof.differing_bytes:,} of "
        f"{count(proof.compared_bytes, 'byte')}, first at offset {at:,} "
        f"({address(proof.address + at)}): {found} instead of 0x{proof.expected or 0:02x}",
        (f"compared from {address(proof.address)} on",),
    )


def kernel_rejected(trace: BootTrace) -> Diagnosis | None:
    """The loader looked at the image and gave up before it loaded it."""
    if trace.ending.kind not in ("boot-failed", "bootstrap") or trace.kernel is None:
        return None
    if trace.block_moves or not trace.loader_calls:
        return None
    header = trace.kernel.header
    if header.version < 0x204:
        field = f"its boot protocol is {header.protocol}, older than 2.04"
    elif not header.loadflags & 1:
        field = "LOADED_HIGH is not set in its loadflags: it is a zImage"
    elif header.setup_sects > 64:
        field = f"its setup_sects is {header.setup_sects}, more than 64"
    else:
        field = "its header has nothing that stage1 would refuse"
    said = loader_message(trace)
    return Diagnosis(
        "kernel-rejected",
        f"the loader refused the kernel{f' with {said!r}' if said else ''}: {field}",
        (f"version 0x{header.version:04x}, loadflags 0x{header.loadflags:02x}",),
    )


def loader_message(trace: BootTrace) -> str:
    """Return what the loader itself wrote through INT 10h."""
    return screen_text(trace.loader_calls).strip()
