"""Look at a machine that has just entered a kernel: registers, header, and what lies where."""

from collections.abc import Iterable
from typing import Protocol

from msgspec.structs import replace

from bootharness.errors import FormatError
from bootharness.formats.bioscall import BiosCall, Registers
from bootharness.formats.bzimage import MINIMUM_BYTES, SetupHeader
from bootharness.formats.loading import MAGIC, MAGIC_AT, SETUP_AT
from bootharness.kernels.content import Piece
from bootharness.kernels.image import KernelImage
from bootharness.routes.initrd import Initrd
from bootharness.routes.loader import ORIGIN
from bootharness.trace.booted import DiskFacts
from bootharness.trace.handoff import BootParams, Comparison, Handoff
from bootharness.trace.proof import compare, without_loader_fields
from bootharness.trace.reads import disk_reads

__all__ = [
    "GuestMemory",
    "header_entered",
    "look",
    "look_32_bit",
    "of_boot_sector",
    "release_of",
]

_STACK_BYTES = 80
_VERSION_BYTES = 256
# Documentation/arch/x86/zero-page.rst
_BOOT_PARAMS_BYTES = 4096
_EXT_MEM_K_AT, _ALT_MEM_K_AT, _E820_ENTRIES_AT = 0x002, 0x1E0, 0x1E8
_ZEROED = (*range(0x44, 0x58), *range(0x60, 0x70), *range(0xD8, 0x13C))
"""What is neither filled in by a loader that has no use for it nor of the setup header."""
_CMDLINE_READ_BYTES = 8192
"""More than any kernel takes, so that one that is too long is seen as it is."""


class GuestMemory(Protocol):
    """The memory of a machine that stands still, by physical address."""

    def read_memory(self, linear: int, count: int) -> bytes:
        """Return so many bytes, fewer where the memory ends."""

    def compare_memory(self, linear: int, expected: Piece) -> Comparison:
        """Compare what lies at an address with what should."""


def header_entered(memory: GuestMemory, registers: Registers, *, exact: bool) -> SetupHeader | None:
    """Return the setup header of what is entered, None where it has none."""
    base = _real_mode_address(memory, registers, exact=exact)
    try:
        return SetupHeader.parse(memory.read_memory(base, MINIMUM_BYTES))
    except FormatError:
        return None


def look(
    memory: GuestMemory,
    kernel: KernelImage | None,
    initrd: Initrd | None,
    registers: Registers,
    *,
    exact: bool,
    calls: int,
    seconds: float,
) -> Handoff:
    """Return the state of a machine that is stopped at the handoff, compared with the files."""
    base = _real_mode_address(memory, registers, exact=exact)
    header = header_entered(memory, registers, exact=exact)
    proofs = {}
    if kernel and header:
        real_mode = memory.read_memory(base, kernel.real_mode_bytes)
        expected = kernel.read_real_mode()
        if exact:
            stack = _stack_in_use(registers, base)
            proofs["real_mode"] = compare(
                base,
                without_loader_fields(expected, stack),
                without_loader_fields(real_mode, stack),
            )
        proofs["payload"] = memory.compare_memory(kernel.header.loaded_at(header), kernel.payload)
        if placed := initrd.in_memory(header) if initrd else None:
            proofs["initrd"] = memory.compare_memory(*placed)
    return Handoff(
        seconds=seconds,
        exact=exact,
        calls=calls,
        registers=registers,
        header=header,
        real_mode=proofs.get("real_mode"),
        payload=proofs.get("payload"),
        initrd=proofs.get("initrd"),
        cmdline=_cmdline(memory, header),
        real_mode_address=base if header else None,
        release=release_of(memory, base, header),
    )


def of_boot_sector(handoff: Handoff, disk: DiskFacts, calls: Iterable[BiosCall]) -> Handoff:
    """Return a handoff, without the real-mode kernel where that begins with the boot sector which
    the BIOS has read: it is that of the medium then, and uses itself for its own variables."""
    at = handoff.real_mode_address
    own = at == ORIGIN and not any(
        read.buffer <= at < read.buffer + read.bytes
        for read in disk_reads(calls, disk)
        if not read.call.from_bios
    )
    if not own and disk.kernel_lba != 0:
        return handoff
    return replace(handoff, real_mode=None, in_boot_sector=own)


def look_32_bit(
    memory: GuestMemory,
    kernel: KernelImage | None,
    initrd: Initrd | None,
    registers: Registers,
    *,
    calls: int,
    seconds: float,
) -> Handoff:
    """Return the state of a machine that is stopped at the kernel's 32-bit entry; see `look`."""
    page = memory.read_memory(registers.esi, _BOOT_PARAMS_BYTES).ljust(_BOOT_PARAMS_BYTES, b"\0")
    try:
        header = SetupHeader.parse(page)
    except FormatError:
        header = None
    proofs = {}
    if kernel and header:
        proofs["payload"] = memory.compare_memory(kernel.header.loaded_at(header), kernel.payload)
        if placed := initrd.in_memory(header) if initrd else None:
            proofs["initrd"] = memory.compare_memory(*placed)
    return Handoff(
        seconds=seconds,
        exact=True,
        calls=calls,
        registers=registers,
        header=header,
        real_mode=None,
        payload=proofs.get("payload"),
        initrd=proofs.get("initrd"),
        cmdline=_cmdline(memory, header),
        boot_params=_boot_params(page, kernel),
    )


def _boot_params(page: bytes, kernel: KernelImage | None) -> BootParams:
    file = kernel.read_real_mode() if kernel else b""
    return BootParams(
        e820_entries=page[_E820_ENTRIES_AT],
        alt_mem_k=int.from_bytes(page[_ALT_MEM_K_AT : _ALT_MEM_K_AT + 4], "little"),
        ext_mem_k=int.from_bytes(page[_EXT_MEM_K_AT : _EXT_MEM_K_AT + 2], "little"),
        as_in_file=sum(page[at] == file[at] != 0 for at in _ZEROED if at < len(file)),
    )


def _stack_in_use(registers: Registers, base: int) -> range:
    """What the recorder's own exception has overwritten, as offsets in the real-mode kernel."""
    top = (registers.ss or 0) * 16 + (registers.esp & 0xFFFF) - base
    return range(max(top - _STACK_BYTES, 0), max(top, 0))


def _real_mode_address(memory: GuestMemory, registers: Registers, *, exact: bool) -> int:
    """Return where the real-mode kernel lies.

    It is entered 0x200 bytes behind its start; later its CS is that start. A loader that
    enters it wrongly, at the start, is told apart by where the magic is.
    """
    if not exact:
        return registers.cs * 16
    entry = registers.cs * 16 + registers.ip
    start = entry - SETUP_AT
    if start >= 0 and memory.read_memory(start + MAGIC_AT, len(MAGIC)) == MAGIC:
        return start
    return entry


def release_of(memory: GuestMemory, base: int, header: SetupHeader | None) -> str | None:
    if header is None or not header.kernel_version:
        return None
    said = memory.read_memory(base + SETUP_AT + header.kernel_version, _VERSION_BYTES)
    return said.split(b"\0")[0].decode("ascii", "backslashreplace").split(" ")[0] or None


def _cmdline(memory: GuestMemory, header: SetupHeader | None) -> str | None:
    if header is None or not header.cmd_line_ptr:
        return None
    line = memory.read_memory(header.cmd_line_ptr, _CMDLINE_READ_BYTES)
    return line.split(b"\0")[0].decode("utf-8", "backslashreplace")
