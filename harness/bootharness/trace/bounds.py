"""What a trace that somebody else wrote may say: each field within what a boot can have had."""

from collections.abc import Iterator

from msgspec.structs import astuple

from bootharness.errors import FormatError
from bootharness.formats.bioscall import BiosCall, DiskAddressPacket
from bootharness.formats.bzimage import SetupHeader, header_fields
from bootharness.formats.container import DRIVERS
from bootharness.formats.elf import LABEL
from bootharness.formats.gdt import BlockMoveTable
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.trace.bioses import BIOSES
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import DiskFacts, KernelFacts
from bootharness.trace.handoff import Comparison, Handoff
from bootharness.trace.uefi_calls import SERVICES, UefiCall
from bootharness.trace.uefi_handoff import UefiHandoff

__all__ = ["check_bounds"]

_BYTE, _WORD, _DWORD, _QWORD = (2**bits - 1 for bits in (8, 16, 32, 64))
_PACKET = DiskAddressPacket(_BYTE, _BYTE, _WORD, _WORD, _WORD, _QWORD)
_SECTOR_SIZES = (512, 2048, 4096)
_DISK_BYTES = 1 << 44
"""No file is larger on the file systems that most people have."""
_CODE_BYTES = 1 << 16
_SHOWN = 40

_Bound = tuple[str, int | None, int]
"""A field's name, its value, and the most that it may be."""


def check_bounds(trace: BootTrace) -> None:
    """Raise FormatError, naming the field, for what no boot has."""
    for field, value, most in _numbers(trace):
        if value is not None and not 0 <= value <= most:
            shown = f"{value:,}" if abs(value) <= _QWORD else "a number of more than 64 bits"
            raise FormatError(f"{field}: {shown} is not between 0 and {most:,}")
    for field, text, most in _hex(trace):
        if len(_bytes(field, text)) > most:
            raise FormatError(f"{field}: more than {most:,} bytes")
    if trace.kernel:
        _check_kernel(trace.kernel)
    if trace.machine and trace.machine.bios not in (None, *BIOSES):
        raise FormatError(f"machine.bios: {_short(trace.machine.bios)} is none of {[*BIOSES]}")
    if trace.disk and trace.disk.sector_bytes not in _SECTOR_SIZES:
        raise FormatError(f"disk.sector_bytes: {trace.disk.sector_bytes:,} is none of any drive")
    if trace.disk and trace.disk.driver not in ("raw", *DRIVERS.values()):
        raise FormatError(f"disk.driver: {_short(trace.disk.driver)} is none of QEMU's for images")
    for label in trace.loader.symbols if trace.loader else ():
        if not LABEL.fullmatch(label):
            raise FormatError(f"loader.symbols: {_short(label)} is no label")
    for call in (*trace.bios_calls, *trace.gdb_calls):
        if call.table_hex:
            BlockMoveTable.parse(_bytes("bios_calls.table_hex", call.table_hex))


def _check_kernel(kernel: KernelFacts) -> None:
    header = kernel.header
    for field in ("real_mode_bytes", "payload_bytes"):
        said, wanted = getattr(kernel, field), getattr(header, field)
        if said != wanted:
            raise FormatError(f"kernel.{field}: {said:,}, and by kernel.header it is {wanted:,}")


def _numbers(trace: BootTrace) -> Iterator[_Bound]:
    if kernel := trace.kernel:
        yield from _of_header("kernel.header", kernel.header)
        yield "kernel.file_bytes", kernel.file_bytes, _DWORD + 1
        yield "kernel.missing_bytes", kernel.missing_bytes, _DWORD * 16 + _WORD * SECTOR_BYTES
    if disk := trace.disk:
        yield from _of_disk(disk)
    if machine := trace.machine:
        yield "machine.memory_bytes", machine.memory_bytes, 1 << 52
    if loader := trace.loader:
        for label, place in loader.symbols.items():
            yield f"loader.symbols: {_short(label)}", place, _DWORD
    if faulty := trace.faulty_disk:
        yield "faulty_disk.reads", faulty.reads, _QWORD
        for event in faulty.events:
            yield "faulty_disk.events.lba", event.lba, _QWORD
            yield "faulty_disk.events.sectors", event.sectors, _DWORD
    if trace.handoff:
        yield from _of_handoff(trace.handoff, len(trace.bios_calls))
    for name, calls in (("bios_calls", trace.bios_calls), ("gdb_calls", trace.gdb_calls)):
        for number, call in enumerate(calls):
            yield from _of_call(f"{name}[{number}]", call)
    yield from _of_uefi(trace)
    if seen := trace.post_mortem:
        yield "post_mortem.code_address", seen.code_address, _QWORD
    for sample in trace.samples:
        yield "samples.linear", sample.linear, _QWORD


def _of_header(where: str, header: SetupHeader) -> Iterator[_Bound]:
    if header.header != "HdrS":
        raise FormatError(f"{where}.header: {_short(header.header)} is not HdrS")
    for name, _, size in header_fields():
        if name != "header":
            yield f"{where}.{name}", getattr(header, name), 2 ** (8 * size) - 1


def _of_disk(disk: DiskFacts) -> Iterator[_Bound]:
    yield "disk.bytes", disk.bytes, _DISK_BYTES
    for name in ("kernel_lba", "cmdline_lba", "initrd_lba"):
        yield f"disk.{name}", getattr(disk, name), disk.bytes // SECTOR_BYTES
    yield "disk.initrd_bytes", disk.initrd_bytes, min(disk.bytes, _DWORD)
    yield "disk.initrd_address", disk.initrd_address, _DWORD
    yield "disk.drive", disk.drive, _BYTE
    yield "disk.told_sectors", disk.told_sectors, _DWORD
    yield "disk.base", disk.base, disk.bytes
    yield "disk.heads", disk.heads, _BYTE
    yield "disk.track_sectors", disk.track_sectors, _BYTE


def _of_handoff(handoff: Handoff, calls: int) -> Iterator[_Bound]:
    yield "handoff.calls", handoff.calls, calls
    yield "handoff.real_mode_address", handoff.real_mode_address, _DWORD
    if handoff.header:
        yield from _of_header("handoff.header", handoff.header)
    for name in ("real_mode", "payload", "initrd"):
        yield from _of_comparison(f"handoff.{name}", getattr(handoff, name))


def _of_comparison(where: str, proof: Comparison | None) -> Iterator[_Bound]:
    for part in ("address", "compared_bytes", "differing_bytes", "first_difference"):
        yield f"{where}.{part}", getattr(proof, part, None), _QWORD
    yield f"{where}.pieces", getattr(proof, "pieces", None), _DWORD
    for part in ("expected", "found"):
        yield f"{where}.{part}", getattr(proof, part, None), _BYTE


def _of_uefi(trace: BootTrace) -> Iterator[_Bound]:
    for number, asked in enumerate(trace.uefi_calls):
        yield from _of_uefi_call(f"uefi_calls[{number}]", asked)
    if trace.uefi_handoff:
        yield from _of_uefi_handoff(trace.uefi_handoff)


def _of_uefi_call(where: str, call: UefiCall) -> Iterator[_Bound]:
    if call.service not in SERVICES.values():
        raise FormatError(f"{where}.service: {_short(call.service)} is none of a UEFI")
    for name in ("caller", "status", "subject", "address", "bytes", "wanted", "lba", "source"):
        yield f"{where}.{name}", getattr(call, name), _QWORD


def _of_uefi_handoff(handoff: UefiHandoff) -> Iterator[_Bound]:
    for name in ("caller", "base", "initrd_bytes"):
        yield f"uefi_handoff.{name}", getattr(handoff, name), _QWORD
    for name in ("payload", "initrd"):
        yield from _of_comparison(f"uefi_handoff.{name}", getattr(handoff, name))


def _of_call(where: str, call: BiosCall) -> Iterator[_Bound]:
    yield f"{where}.number", call.number, _BYTE
    yield f"{where}.function", call.function, _BYTE
    for registers in (call.registers_in, call.registers_out):
        if registers:
            known = [value for value in astuple(registers) if value is not None]
            yield f"{where}: a register", min(known), _DWORD
            yield f"{where}: a register", max(known), _DWORD
    if call.packet:
        for value, most in zip(astuple(call.packet), astuple(_PACKET), strict=True):
            yield f"{where}.packet", value, most


def _hex(trace: BootTrace) -> Iterator[tuple[str, str, int]]:
    """Yield each field that is bytes in hex, and how many they may be."""
    if trace.disk:
        yield "disk.boot_sector", trace.disk.boot_sector, SECTOR_BYTES
    if trace.post_mortem:
        yield "post_mortem.code_hex", trace.post_mortem.code_hex, _CODE_BYTES


def _bytes(field: str, text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise FormatError(f"{field}: {error}") from error


def _short(text: str | None) -> str:
    return repr(str(text)[:_SHOWN])
