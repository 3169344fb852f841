"""Look at a machine whose UEFI has ended its boot services: by whom, and what lies where."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from bootharness.errors import FormatError
from bootharness.formats.bzimage import MINIMUM_BYTES, SetupHeader
from bootharness.formats.loading import MAGIC, MAGIC_AT
from bootharness.kernels.content import Piece
from bootharness.kernels.image import BEGINNING_BYTES, KernelImage
from bootharness.routes.initrd import Initrd
from bootharness.trace.handoff import Comparison
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_handoff import UefiHandoff
from bootharness.watch.entry import GuestMemory, release_of

__all__ = ["code_at", "image_in_memory", "look_uefi"]

_PAGE = 4096
_PIECE = 1 << 22
# a kernel's code that ends boot services lies behind what is compressed in it
_FARTHEST = 1 << 28
_LOWEST = 1 << 20
_PROGRAM = ord("M")  # of MZ
# so much of the code around it is in a kernel's file once
_CODE = range(-48, 48)


class LiveMemory(GuestMemory, Protocol):
    """That of a machine that can also be searched."""

    def places_of(self, beginning: bytes) -> Iterable[int]:
        """Yield where such bytes are, by physical address."""


def image_in_memory(memory: GuestMemory, caller: int) -> tuple[int, SetupHeader] | None:
    """Return where the Linux image begins in which code at ``caller`` lies, and its setup header;
    None where it is in none, for a loader may leave the header out."""
    lowest = max(caller - _FARTHEST & -_PAGE, _LOWEST)
    top = (caller & -_PAGE) + _PAGE
    while top > lowest:
        start = max(top - _PIECE, lowest)
        piece = memory.read_memory(start, top - start)
        firsts = piece[::_PAGE]
        for page in range(len(firsts) - 1, -1, -1):
            at = page * _PAGE
            if firsts[page] == _PROGRAM and piece.startswith(MAGIC, at + MAGIC_AT):
                with suppress(FormatError):
                    return start + at, SetupHeader.parse(piece[at : at + MINIMUM_BYTES])
        top = start
    return None


def code_at(memory: GuestMemory, caller: int) -> bytes:
    """Return the code around an address."""
    return memory.read_memory(caller + _CODE.start, len(_CODE))


def look_uefi(
    memory: LiveMemory,
    kernel: KernelImage | None,
    initrd: Initrd | None,
    found: tuple[int, SetupHeader] | None,
    calls: Sequence[UefiCall],
    caller: int,
    seconds: float,
) -> UefiHandoff:
    """Return the state of a machine whose boot services ``caller`` has ended, which lies in the
    image ``found``, compared with the files."""
    base = found[0] if found else _base_of(memory, kernel, caller)
    started = next(_started(calls, base), None)
    payload = initrd_in_memory = None
    if kernel and (piece := kernel.compressed):
        offset, content = piece
        if base is not None:
            payload = memory.compare_memory(base + offset, content)
        else:
            payload = _somewhere(memory, content)
    handed = _initrd(calls, started)
    size = handed.stop - handed.start if handed else None  # len() is for less than 2**63
    if handed and initrd and initrd.size == size:
        initrd_in_memory = memory.compare_memory(handed.start, initrd.content)
    elif handed is None and payload and initrd and initrd.size:
        # a boot manager has loaded it, as it has the kernel; nobody knows where it should lie
        placed = _somewhere(memory, initrd.content)
        initrd_in_memory = placed if placed and placed.equal else None
    return UefiHandoff(
        seconds=round(seconds, 6),
        caller=caller,
        base=base,
        image=started.path if started else "",
        payload=payload,
        initrd=initrd_in_memory,
        initrd_bytes=size,
        cmdline=started.text if started else None,
        release=release_of(memory, *found) if found else None,
    )


def _initrd(calls: Sequence[UefiCall], started: UefiCall | None) -> range | None:
    """Return where in memory the initrd lies that a kernel took: from the protocol by which a boot
    manager hands it over, or the file that its command line names, which it reads itself."""
    handed = None
    for call in calls:
        if call.failed or not call.address or not call.bytes:
            continue
        if call.service == "LoadFile":
            handed = range(call.address, call.address + call.bytes)
        elif call.service == "Read" and started and call.caller in started.lies:
            start = handed.start if handed and handed.stop == call.address else call.address
            handed = range(start, call.address + call.bytes)
    return handed


def _base_of(memory: GuestMemory, kernel: KernelImage | None, caller: int) -> int | None:
    """Return where a kernel's file would begin in memory, by the code around an address."""
    if kernel is None:
        return None
    file = kernel.content.read(0, kernel.file_bytes)
    at = file.find(code_at(memory, caller))
    return caller + _CODE.start - at if at >= 0 else None


def _somewhere(memory: LiveMemory, content: Piece) -> Comparison | None:
    """Compare what is compressed in a kernel with where a boot manager has put it that ends boot
    services itself: wherever memory begins like it. Of several places one that equals counts."""
    best = None
    for at in memory.places_of(content.cut(0, min(BEGINNING_BYTES, content.size)).read()):
        found = memory.compare_memory(at, content)
        if found.equal:
            return found
        if best is None or found.differing_bytes < best.differing_bytes:
            best = found
    return best


def _started(calls: Sequence[UefiCall], base: int | None) -> Iterator[UefiCall]:
    """Yield the images that were started at an address, the last one first."""
    for call in reversed(calls):
        if call.service == "StartImage" and base is not None and call.address == base:
            yield call
