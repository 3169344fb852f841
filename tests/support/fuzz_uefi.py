"""What a UEFI and its programs say, and what it boots from, against any bytes."""

import os
import random
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from io import BytesIO
from itertools import pairwise
from uuid import UUID

from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.errors import FormatError
from bootharness.formats.authenticode import (
    authenticode_hash,
    bytes_with_signatures,
    signatures_in,
)
from bootharness.formats.device_path import path_and_rest
from bootharness.formats.disk_tables import flaws_of_tables
from bootharness.formats.fat_files import file_on, files_ending, folder_on, system_partition_on
from bootharness.formats.firmware_volume import firmware_build, is_variables
from bootharness.formats.pe import machine_of, pe_sections, subsystem_of
from bootharness.formats.signature_list import signatures_listed
from bootharness.formats.uefi_memory import free_memory, room_for
from bootharness.formats.uefi_record import Decoder
from bootharness.formats.uefi_variables import variable, with_variable
from bootharness.kernels.content import File
from bootharness.report.document import document, encode, read_trace
from bootharness.trace.boot_trace import Ending
from bootharness.trace.uefi_calls import CallLog, rests_in_setup, spans_read
from bootharness.trace.uefi_last_words import found_nothing
from bootharness.trace.uefi_shell import rests_in_shell, script_of
from tests.support.fuzz_files import garbled
from tests.support.fuzz_folder import fuzz_folder
from tests.support.traces import loading_trace
from tests.support.uefi_programs import FALLBACK, disk, program

__all__ = ["UEFI_TARGETS", "uefi_seeds"]

_RECORD = struct.Struct("<BBHIQQQ5Q8s")
_KINDS = b"IQLSTXEAVZPROFDW"
_MOST_READ = 1 << 28
_SECTOR = 512
_TABLES = (0, 446, _SECTOR, _SECTOR + 72, 2 * _SECTOR, 2048 * _SECTOR, 2048 * _SECTOR + 11)
"""Where on a disk there is what says where the rest of it is."""
_TABLES_BYTES = _TABLES[-1] + 200


def uefi_log(data: bytes) -> None:
    """Feed the recorder's log in two pieces, with records between, and judge what comes of it."""
    decoder, log = Decoder(), CallLog()
    middle = len(data) // 2
    chosen = random.Random(data)
    for piece in (data[:middle], _record(chosen, data), data[middle:], _record(chosen, data)):
        log.feed(decoder.feed(piece))
    calls = log.calls(lambda ticks: ticks / 1e6)
    for call in calls:
        assert str(call)
    assert all(span.stop <= 1 << 20 for span in spans_read(calls, 1 << 20))
    for look in (rests_in_setup, found_nothing, rests_in_shell, script_of):
        look(calls)
    trace = loading_trace(66_000, [])
    for ending in ("reached", "loop", "guest-reset", "boot-manager", "idle"):
        said = replace(trace, bios_calls=(), uefi_calls=calls, ending=Ending(ending, 1.0))
        assert judge(said).summary
        assert judge(read_trace(encode(document(said, judge(said))))) == judge(said)


def _record(chosen: random.Random, extra: bytes) -> bytes:
    values = [chosen.choice((0, 1, 0x10, 512, 1 << 31, (1 << 64) - 1)) for _ in range(7)]
    return (
        _RECORD.pack(0xEB, chosen.choice(_KINDS), len(extra), 7, 256, *values, b"UEFIcall") + extra
    )


def device_path(data: bytes) -> None:
    """Tell a device path; each takes something of what there is, so that all come to an end."""
    while data:
        text, rest = path_and_rest(data)
        assert len(rest) < len(data) or not text
        data = rest if len(rest) < len(data) else b""


def uefi_program(data: bytes) -> None:
    """Look at a program: any bytes, and one of ours with a few of its bytes changed."""
    for each in (data, b"MZ" + data, garbled(program(b"\xc3" + data), random.Random(data))):
        assert isinstance(machine_of(each) + subsystem_of(each), str)
        for look in (authenticode_hash, bytes_with_signatures, lambda it: [*signatures_in(it)]):
            with suppress(FormatError):
                look(each)
        with suppress(FormatError):
            assert all(each.size >= 0 for each in pe_sections(BytesIO(each)))


def uefi_flash(data: bytes) -> None:
    """Read variables, lists of signatures and volumes."""
    with suppress(FormatError):
        assert all(value is not None for _, value in signatures_listed(data))
    for flash in (data, _store(data), garbled(_store(data), random.Random(data))):
        is_variables(flash)
        with suppress(FormatError):
            made = with_variable(flash, "Own", UUID(int=1), b"value")
            assert len(made) == len(flash)
            assert variable(made, "Own") == b"value"
        with suppress(FormatError):
            firmware_build(flash)


def _store(data: bytes) -> bytes:
    kind = UUID("aaf32c78-947b-439a-a180-2e144ec37792").bytes_le
    head = bytes(0x30) + struct.pack("<H", 0x48) + bytes(0x16)
    return head + struct.pack("<16sIBB6x", kind, 0x1000, 0x5A, 0xFE) + data.ljust(0x1000, b"\xff")


@cache
def _disk() -> tuple[File, int]:
    path = disk(fuzz_folder("uefi"), {FALLBACK: b"MZ" * 700, "EFI/a/grub.cfg": b"x"})
    return File(path), os.open(path, os.O_WRONLY)


def uefi_disk(data: bytes) -> None:
    """Look for files on a disk of which bytes are changed where it says where they are."""
    (source, writable), chosen = _disk(), random.Random(data)
    size = os.fstat(source.fd).st_size
    right = source.read(0, _TABLES_BYTES)
    bent = bytearray(right)
    for at in range(0, len(data), 8):
        where = chosen.choice(_TABLES) + chosen.randrange(64)
        bent[where : where + 8] = data[at : at + 8]
    os.pwrite(writable, bent[:_TABLES_BYTES], 0)
    try:
        _look_for_files(source, size)
    finally:
        os.pwrite(writable, right, 0)


def _look_for_files(source: File, size: int) -> None:
    def read(start: int, count: int) -> bytes:
        assert count <= _MOST_READ
        return source.read(start, max(min(count, size - start), 0))

    for name in ("\\EFI\\BOOT\\BOOTX64.EFI", "\\", "\\EFI", "a/../b"):
        file_on(source.read, name)
        folder_on(source.read, name)
    assert all(each.endswith("grub.cfg") for each in files_ending(source.read, "\\grub.cfg"))
    assert all(flaws_of_tables(read, size // _SECTOR))
    if fat := system_partition_on(read):
        assert 0 <= fat.free_bytes(read) <= size
        fat.pieces(read, fat.data, 5000)


def uefi_map(data: bytes) -> None:
    """Read the holes of a map."""
    holes = free_memory(data.decode("utf-8", "replace"))
    assert all(first.stop < second.start for first, second in pairwise(holes))
    assert room_for(holes, lowest=1 << 20, alignment=1 << 21) >= 0


UEFI_TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (uefi_log, device_path, uefi_program, uefi_flash, uefi_disk, uefi_map)
}


def uefi_seeds() -> dict[str, bytes]:
    """Return something right for every target."""
    name = "\\EFI\\BOOT\\BOOTX64.EFI".encode("utf-16-le")
    return {
        "uefi_log": _RECORD.pack(0xEB, ord("O"), len(name), 7, 256, 0, 0, 1, 2, 0, 0, 0,
                                 b"UEFIcall") + name,
        "device_path": bytes.fromhex("02010c00d041030a000000000101060002017fff0400"),
        "uefi_program": b"\x90",
        "uefi_flash": b"\xaa\x55\x3f\0",
        "uefi_disk": b"\xff" * 8,
        "uefi_map": b"0x100000 to 0x1fffff  256 pages free\n",
    }  # fmt: skip
