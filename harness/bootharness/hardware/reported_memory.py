"""The memory of a machine that nobody can read, as its recorder has told of it at the handoff."""

from msgspec import Struct, field

from bootharness.formats.serial_record import PIECE_BYTES, Memory, Sums, sums_of
from bootharness.kernels.content import Piece
from bootharness.kernels.image import KernelImage
from bootharness.trace.handoff import Comparison, Handoff

__all__ = ["ReportedMemory"]

# what a loader writes into, with what lies around it: its bytes are told, not their sums
_HEADER = range(0x1E0, 0x280)


class ReportedMemory(Struct):
    """Some of its bytes, and the sums of others; what was not told reads as zeros."""

    told: list[Memory] = field(default_factory=list)
    sums: dict[int, tuple[int, tuple[int, int]]] = field(default_factory=dict)
    """Of each piece by its address: how many bytes it has, and their sums."""

    def take(self, event: Memory | Sums) -> None:
        """Take what the recorder tells."""
        if isinstance(event, Memory):
            self.told.append(event)
            return
        for number, pair in enumerate(event.sums):
            at = number * PIECE_BYTES
            size = min(PIECE_BYTES, event.bytes - at)
            self.sums[event.address + at] = size, pair

    def read_memory(self, linear: int, count: int) -> bytes:
        """Return so many bytes."""
        found = bytearray(count)
        for each in self.told:
            start = max(each.address, linear)
            end = min(each.address + len(each.data), linear + count)
            if start < end:
                at = start - each.address
                found[start - linear : end - linear] = each.data[at : at + end - start]
        return bytes(found)

    def compare_memory(self, linear: int, expected: Piece) -> Comparison:
        """Compare the sums of what lies at an address with those of what should."""
        return self._compared(linear, expected.read())

    def real_mode(self, kernel: KernelImage, handoff: Handoff, stack: range) -> Comparison | None:
        """Compare the real-mode kernel but for its header, None where it cannot be: the recorder
        itself has written to the ``stack``, whose offsets these are."""
        start, wanted = handoff.real_mode_address, kernel.read_real_mode()
        if start is None or not handoff.exact:
            return None
        parts = []
        for span in (range(_HEADER.start), range(_HEADER.stop, len(wanted))):
            if span.start < stack.stop and stack.start < span.stop:
                continue
            part = self._compared(start + span.start, wanted[span.start : span.stop])
            if not part.equal:
                at = span.start + (part.first_difference or 0)
                return Comparison(start, len(wanted), part.differing_bytes, at, pieces=part.pieces)
            parts.append(part)
        compared = sum(part.compared_bytes for part in parts)
        pieces = sum(part.pieces for part in parts)
        return Comparison(start, compared, pieces=pieces) if parts else None

    def _compared(self, linear: int, wanted: bytes) -> Comparison:
        """Compare by pieces; one whose sums nobody has told differs."""
        differing, first = 0, None
        for at, pair in zip(range(0, len(wanted), PIECE_BYTES), sums_of(wanted), strict=True):
            size = min(PIECE_BYTES, len(wanted) - at)
            if self.sums.get(linear + at) != (size, pair):
                differing += size
                first = at if first is None else first
        pieces = -(-len(wanted) // PIECE_BYTES)
        return Comparison(linear, len(wanted), differing, first, pieces=pieces)
