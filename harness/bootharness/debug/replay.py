"""A boot again from its trace alone: the same loader and disk, and a kernel like the one it had."""

import hashlib
import os
from pathlib import Path
from random import Random

from msgspec import Struct

from bootharness.debug.listing import listed
from bootharness.debug.trust import kernel_of, loader_of
from bootharness.errors import BootHarnessError, UsageError
from bootharness.formats.bzimage import header_fields
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.kernels.content import ZEROS, Piece
from bootharness.kernels.image import KernelImage
from bootharness.kernels.initrd import tiny_initrd
from bootharness.routes.loader import Loader
from bootharness.text import count, printable
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import DiskFacts, KernelFacts

__all__ = ["Replay", "replayed"]

_HALT = b"\xfa\xf4\xeb\xfd"
"""CLI, and HLT for ever."""
_STAND_IN_LIMIT = 1 << 28
"""A kernel with all its modules built in has a tenth of this."""
_CMDLINE_BYTES = 2048


class Replay(Struct, frozen=True):
    """The loader of a boot, and sentences on what is not as it was."""

    loader: Loader
    notes: tuple[str, ...]


def replayed(trace: BootTrace, given: KernelImage | None, image: Path) -> Replay:
    """Write the disk image of a boot again, from its trace and from what of it is here.

    Raises UsageError when the trace does not tell all that the loader has read.
    """
    disk = trace.disk
    assert disk
    boot_sector = bytes.fromhex(disk.boot_sector)
    notes: list[str] = []
    if there := _same_disk(trace, disk, boot_sector):
        if there != image.absolute():
            image.symlink_to(there)
        return Replay(_loader(trace, boot_sector, notes), tuple(notes))
    if disk.kind != "disk" or disk.driver != "raw" or disk.sector_bytes != SECTOR_BYTES:
        raise UsageError(
            f"{printable(disk.path)}: the image that was booted is not here as it was, and only a "
            "raw disk can be made again from a trace: debug with --disk"
        )
    kernel = _kernel(trace.kernel, given, notes) if trace.kernel else b""
    wide = trace.kernel is not None and not trace.kernel.header.needs_32_bits_alone
    pieces = _pieces(disk, boot_sector, kernel, notes, wide=wide)
    loader = _loader(trace, boot_sector, notes)
    if loader.binary == boot_sector:
        _check_reads(trace, pieces)
    elif len(loader.binary) > SECTOR_BYTES:
        pieces[SECTOR_BYTES] = Piece.of(loader.binary[SECTOR_BYTES:])
    with image.open("wb") as file:
        file.truncate(disk.bytes)
        for at, piece in pieces.items():
            if piece.source is not ZEROS:  # which are there
                os.pwrite(file.fileno(), piece.read(), at)
    return Replay(loader, tuple(notes))


def _same_disk(trace: BootTrace, disk: DiskFacts, boot_sector: bytes) -> Path | None:
    """Return the disk image that was booted if it is here, as far as can be told."""
    path, kernel = Path(disk.path).absolute(), trace.kernel
    if disk.driver != "raw":  # what a trace names is opened by no driver of QEMU's
        return None
    if not path.is_file() or path.stat().st_size != disk.bytes:
        return None
    with path.open("rb") as file:
        file.seek(disk.base)
        if file.read(SECTOR_BYTES) != boot_sector:
            return None
        if kernel and disk.kernel_lba is not None:
            file.seek(disk.base + disk.kernel_lba * disk.sector_bytes)
            if hashlib.sha256(file.read(kernel.file_bytes)).hexdigest() != kernel.sha256:
                return None
    return path


def _loader(trace: BootTrace, boot_sector: bytes, notes: list[str]) -> Loader:
    """Return the loader with its source, if it is the one that is here, or as a listing."""
    facts = trace.loader
    if facts is None:
        return listed(trace.source, boot_sector, {})
    try:
        loader = loader_of(facts.name)
        if hashlib.sha256(loader.binary).hexdigest() == facts.sha256 and loader.elf:
            return loader
    except BootHarnessError:
        pass
    notes.append(f"the source of the loader {facts.name} is not here: its code is disassembled")
    return listed(facts.name, boot_sector, facts.symbols)


def _kernel(facts: KernelFacts, given: KernelImage | None, notes: list[str]) -> bytes:
    """Return the kernel's file, or as much of a stand-in as a loader looks at."""
    if given:
        if given.sha256 != facts.sha256:
            raise UsageError(f"{given.path}: not the kernel of the trace: it has another SHA-256")
        return given.content.read(0, given.file_bytes)
    try:
        kernel = kernel_of(facts.source)
        if kernel.sha256 == facts.sha256:
            return kernel.path.read_bytes()
        why = "is another one here"
    except BootHarnessError:
        why = "is not here"
    notes.append(
        f"the kernel {facts.source} {why}: a stand-in with its setup header and "
        f"{count(facts.payload_bytes, 'random byte')} is loaded in its place, and halts when it is "
        "entered; --kernel FILE takes the kernel from elsewhere"
    )
    return _stand_in(facts)


def _stand_in(facts: KernelFacts) -> bytes:
    if facts.file_bytes > _STAND_IN_LIMIT:
        raise UsageError(
            f"kernel.file_bytes: {facts.file_bytes:,}, and a stand-in has at most "
            f"{_STAND_IN_LIMIT:,}: give the kernel by --kernel"
        )
    image = bytearray(facts.real_mode_bytes)
    for name, offset, size in header_fields():
        value = getattr(facts.header, name)
        if isinstance(value, int):
            image[offset : offset + size] = value.to_bytes(size, "little")
        elif isinstance(value, str):
            image[offset : offset + size] = value.encode("ascii")
    entry = 0x202 + (facts.header.jump >> 8)
    image[entry : entry + len(_HALT)] = _HALT
    rest = min(facts.payload_bytes, max(facts.file_bytes - len(image), 0))
    image += Random(facts.payload_bytes).randbytes(rest)
    return bytes(image[: facts.file_bytes])


def _pieces(
    disk: DiskFacts, boot_sector: bytes, kernel: bytes, notes: list[str], *, wide: bool
) -> dict[int, Piece]:
    """Return what is known of the disk, by its offset in bytes.

    Raises UsageError for what lies behind its end.
    """
    pieces = {0: Piece.of(boot_sector)}
    if disk.cmdline_lba is not None and disk.cmdline is not None:
        cmdline = os.fsencode(disk.cmdline).ljust(_CMDLINE_BYTES, b"\0")
        pieces[disk.cmdline_lba * SECTOR_BYTES] = Piece.of(cmdline)
    if disk.kernel_lba is not None:
        pieces[disk.kernel_lba * SECTOR_BYTES] = Piece.of(kernel)
    if disk.initrd_lba is not None and disk.initrd_bytes:
        initrd = Piece.of(tiny_initrd(wide=wide))
        if initrd.size != disk.initrd_bytes:
            initrd = Piece(ZEROS, 0, disk.initrd_bytes)
            notes.append(
                f"the initrd is {count(initrd.size, 'zero byte')}: the trace has only its size"
            )
        pieces[disk.initrd_lba * SECTOR_BYTES] = initrd
    if any(at + piece.size > disk.bytes for at, piece in pieces.items()):
        raise UsageError(f"disk.bytes: {disk.bytes:,}, and what is on the disk goes beyond that")
    return pieces


def _check_reads(trace: BootTrace, pieces: dict[int, Piece]) -> None:
    """Raise UsageError when a loader that nobody knows has read what nobody has."""
    for call in trace.loader_calls:
        if call.number != 0x13 or call.function not in (0x02, 0x42):
            continue
        packet = call.packet
        start = packet.lba * SECTOR_BYTES if packet else -1
        if not any(at <= start < at + piece.size for at, piece in pieces.items()):
            what = f"LBA {packet.lba}" if packet else "sectors by cylinder, head and sector"
            raise UsageError(
                f"{printable(trace.source)}: its loader has read {what}, which the trace does not "
                "have: debug with --disk"
            )
