"""The memory of a machine that nobody can read, as its recorder has told of it at the handoff."""

from msgspec import Struct, field
from msgspec.structs import replace

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
            size = min(PIECE_BYTES, event.size - at)
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

    def proven(self, handoff: Handoff, kernel: KernelImage | None, stack: range) -> Handoff:
        """Return a handoff that was looked at with this memory, with only what can be known.

        The recorder itself has written to the ``stack``, offsets in the real-mode kernel.
        """
        payload, initrd = (
            proof if proof and proof.compared_bytes else None
            for proof in (handoff.payload, handoff.initrd)
        )
        real_mode = kernel and handoff.real_mode and self._real_mode(kernel, handoff, stack)
        return replace(handoff, payload=payload, initrd=initrd, real_mode=real_mode)

    def _real_mode(self, kernel: KernelImage, handoff: Handoff, stack: range) -> Comparison | None:
        """Compare the real-mode kernel but for its header."""
        start, wanted = handoff.real_mode_address or 0, kernel.read_real_mode()
        whole = Comparison(start, 0)
        for span in (range(_HEADER.start), range(_HEADER.stop, len(wanted))):
            if span.start < stack.stop and stack.start < span.stop:
                continue
            part = self._compared(start + span.start, wanted[span.start : span.stop])
            first = part.first_difference
            whole = Comparison(
                start,
                whole.compared_bytes + part.compared_bytes,
                whole.differing_bytes + part.differing_bytes,
                whole.first_difference if first is None else first + span.start,
                pieces=whole.pieces + part.pieces,
            )
        return whole if whole.compared_bytes else None

    def _compared(self, linear: int, wanted: bytes) -> Comparison:
        """Compare by pieces; those of which nobody has told are not compared."""
        compared, differing, pieces, first = 0, 0, 0, None
        for at, pair in zip(range(0, len(wanted), PIECE_BYTES), sums_of(wanted), strict=True):
            size = min(PIECE_BYTES, len(wanted) - at)
            told = self.sums.get(linear + at)
            if told is None or told[0] != size:
                continue
            compared += size
            pieces += 1
            if told[1] != pair:
                differing += size
                first = at if first is None else first
        return Comparison(linear, compared, differing, first, pieces=pieces)
