"""Traces made by hand, for judging without a machine."""

from typing import Any

from msgspec.structs import replace

from bootharness.formats.bioscall import BiosCall, DiskAddressPacket, Registers
from bootharness.formats.bzimage import SetupHeader
from bootharness.formats.gdt import BlockMoveTable, SegmentDescriptor
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.booted import DiskFacts, KernelFacts
from bootharness.trace.handoff import Comparison, Handoff
from tests.support.builders import bzimage

__all__ = ["handoff", "loading_trace", "move", "read", "registers", "teletype"]

CHUNK = 0xFE00
_BOOT_SECTOR = "eb" * 510 + "55aa"


def registers(**values: int) -> Registers:
    """Return registers, zero where not given."""
    names = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "ds", "es", "flags")
    return Registers(**{**dict.fromkeys((*names, "cs", "ip"), 0), **values})


def read(lba: int, sectors: int, *, at: float = 0.0, status: int = 0, **more: Any) -> BiosCall:
    """Return an INT 13h AH=42h to 2000:0000."""
    inside = registers(eax=0x4200, edx=0x80, cs=0, ip=0x7D41)
    outside = replace(inside, eax=status << 8, flags=1 if status else 0)
    packet = DiskAddressPacket(16, 0, sectors, 0, 0x2000, lba)
    return BiosCall(0x13, 0x42, inside, outside, at, at, packet=packet, **more)


def move(
    destination: int, size: int = CHUNK, *, at: float = 0.0, status: int | None = 0
) -> BiosCall:
    """Return an INT 15h AH=87h; with status None it did not return."""
    data = SegmentDescriptor(0x20000, 0xFFFF, 0x93, *[False] * 4, True, 0, True, 3)
    null = SegmentDescriptor.parse(bytes(8))
    table = BlockMoveTable(null, null, data, replace(data, base=destination), null, null)
    inside = registers(eax=0x8700, ecx=size // 2, cs=0, ip=0x7D18)
    outside = None
    if status is not None:
        outside = replace(inside, eax=status << 8, flags=1 if status else 0)
    returned = None if outside is None else at
    return BiosCall(0x15, 0x87, inside, outside, at, returned, table_hex=table.build().hex())


def teletype(text: str, *, cs: int = 0) -> list[BiosCall]:
    """Return the calls that write a text."""
    inside = [registers(eax=0x0E00 | ord(letter), cs=cs) for letter in text]
    return [BiosCall(0x10, 0x0E, each, each, 0.0, 0.0) for each in inside]


def loading_trace(
    payload: int, calls: list[BiosCall], *, ending: str = "reached", **more: Any
) -> BootTrace:
    """Return the trace of a boot of a kernel with a payload of so many bytes."""
    header = SetupHeader.parse(bzimage(syssize=payload // 16))
    kernel = KernelFacts(
        "kernel", "0" * 64, "6.1.0", "lz4", payload + 2560, 2560, payload, 0, header
    )
    disk = DiskFacts(
        "disk.img", 1 << 30, 2052, 2048, "console=ttyS0", None, None, None, _BOOT_SECTOR
    )
    values: dict[str, Any] = {"kernel": kernel, "disk": disk, "bios_calls": tuple(calls), **more}
    return BootTrace("kernel", "banner", Ending(ending, 1.0), **values)


def handoff(calls: int, *, differing: int = 0, compared: int = 1000) -> Handoff:
    """Return a handoff after so many calls, with a payload that differs in so many bytes."""
    proof = Comparison(0x100000, compared)
    if differing:
        proof = Comparison(0x100000, compared, differing, 10, 1, 2)
    return Handoff(0.5, True, calls, registers(cs=0x1020), None, None, proof, None, None)
