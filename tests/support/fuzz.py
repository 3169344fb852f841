"""Every parser against any bytes: an answer or a FormatError, and nothing else.

`make fuzz` drives these targets by coverage, for as long as it is told.
"""

import gc
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import Event
from types import FunctionType, SimpleNamespace
from typing import Any

import msgspec
from msgspec.structs import replace
from pygdbmi.gdbmiparser import parse_response

from bootharness.diagnosis import judge
from bootharness.errors import FormatError, UsageError
from bootharness.formats.bioscall import DiskAddressPacket
from bootharness.formats.bzimage import SetupHeader
from bootharness.formats.container import refused_for
from bootharness.formats.file_system import file_system_around
from bootharness.formats.forms import form_of
from bootharness.formats.gdt import BlockMoveTable, SegmentDescriptor
from bootharness.formats.intlog import triple_fault
from bootharness.formats.mbr import Mbr
from bootharness.formats.record import Decoder, Pairing, Record
from bootharness.formats.serial_record import SerialDecoder
from bootharness.formats.vga import TEXT_BYTES, TextMode
from bootharness.machine.gdb import NOT_MI
from bootharness.machine.gdb_log import REGISTERS, registers_from
from bootharness.machine.registers import parse_registers
from bootharness.network.addresses import SERVER_HOST
from bootharness.network.files import FileTable
from bootharness.network.http_server import _Handler
from bootharness.plan.fault import Faults
from bootharness.report.disassembly import instructions
from bootharness.report.document import document, encode, read_trace
from bootharness.routes.shape import shape_of
from bootharness.trace.boot_trace import BootTrace, Ending
from tests.formats.test_intlog import PAGE_FAULT
from tests.formats.test_record import PACKET, record
from tests.formats.test_serial_record import LOG as SERIAL_LOG
from tests.machine.test_registers import REAL
from tests.support.builders import bzimage
from tests.support.fuzz_files import FILE_TARGETS, file_seeds
from tests.support.fuzz_recordings import RECORDING_TARGETS
from tests.support.fuzz_servers import SERVER_TARGETS, server_seeds
from tests.support.fuzz_uefi import UEFI_TARGETS, uefi_seeds
from tests.support.fuzz_ways import WAY_TARGETS, way_seeds
from tests.support.fuzz_words import WORD_TARGETS, word_seeds
from tests.support.netclient import NetClient, wire_with
from tests.support.traces import handoff, loading_trace, move, read, teletype

__all__ = ["TARGETS", "seeds"]

CORPORA = Path(__file__).parents[2] / ".fuzz"
_GOOD = encode(
    document(
        trace := loading_trace(
            66_000,
            [read(2048, 4), read(2052, 130), move(0x100000), move(0x10FE00, 976), *teletype("x")],
            handoff=handoff(4),
        ),
        judge(trace),
    )
)


def setup_header(data: bytes) -> None:
    """Parse bytes as they are, and as the header of an otherwise good kernel."""
    image = bytearray(bzimage(bytes(64)))
    image[0x1F1 : 0x1F1 + len(data)] = data[:700]
    for each in (data, bytes(image)):
        with suppress(FormatError):
            header = SetupHeader.parse(each)
            assert header.real_mode_bytes >= 1024
            assert header.payload_bytes >= 0


def mbr(data: bytes) -> None:
    """Parse a sector; what could be parsed is built to the same bytes."""
    sector = (data + bytes(512))[:512]
    with suppress(FormatError):
        Mbr.parse(data)
    for each in (sector, sector[:510] + b"\x55\xaa"):
        with suppress(FormatError):
            assert Mbr.parse(each).build() == each


def descriptors(data: bytes) -> None:
    """Parse a block-move table; it is built to the same bytes."""
    with suppress(FormatError):
        BlockMoveTable.parse(data)
    table = (data + bytes(48))[:48]
    assert BlockMoveTable.parse(table).build() == table
    descriptor = SegmentDescriptor.parse(table[:8])
    assert descriptor.build() == table[:8]
    assert str(descriptor)


def packet(data: bytes) -> None:
    """Parse a disk address packet; it is built to the same bytes."""
    with suppress(FormatError):
        DiskAddressPacket.parse(data)
    whole = (data + bytes(16))[:16]
    assert DiskAddressPacket.parse(whole).build() == whole


def medium(data: bytes) -> None:
    """Look at what an image is: any bytes, as its beginning, as a CD's boot record and catalog."""
    image = bytearray(24 * 2048)
    image[0x8001:0x8006], image[0x8800:0x881E] = b"CD001", b"\0CD001\1EL TORITO SPECIFICATION"
    image[0x8847] = 20
    image[20 * 2048 : 20 * 2048 + len(data)] = data[:2048]
    for each in (data, bytes(image), data[:512] + bytes(image[512:])):

        def read(start: int, count: int, each: bytes = each) -> bytes:
            return each[start : start + count].ljust(count, b"\0")

        for asked in ("auto", "cdrom", "floppy", "disk"):
            shape = shape_of(read, len(each), asked)
            assert shape.base == 0 or shape.base < len(each)
        for sector_bytes in (512, 2048):

            def sectors(
                start: int, count: int, read: Any = read, size: int = sector_bytes
            ) -> bytes:
                assert count < 1 << 20
                return read(start * size, count)  # type: ignore[no-any-return]

            file_system_around(sectors, 20, sector_bytes)
        for magic in (b"QFI\xfb", b"QED\0", b"KDMV", b"conectix"):
            form = form_of(magic)
            assert form
            refused_for(form, lambda start, count: (magic + data)[start : start + count])  # noqa: B023


def recorder_log(data: bytes) -> None:
    """Feed the log in two pieces, and pair what comes of it."""
    decoder, pairing = Decoder(), Pairing()
    cut = data[0] if data else 0
    for piece in (data[:cut], data[cut:]):
        pairing.feed(decoder.feed(piece))
    calls = tuple(pairing.calls(lambda ticks: ticks / 1e6))
    for call in calls:
        assert str(call)
    for ending in ("reached", "loop", "guest-reset"):
        said = replace(trace, bios_calls=calls, handoff=None, ending=Ending(ending, 1.0))
        assert said.screen is not None
        assert judge(said).summary


def serial_log(data: bytes) -> None:
    """Feed a serial line in two pieces, alone and behind a recorder that has begun."""
    for log in (data, SERIAL_LOG[:11] + data):
        decoder, pairing = SerialDecoder(), Pairing()
        middle = len(log) // 2
        for piece in (log[:middle], log[middle:]):
            events = decoder.feed(piece, 0)
            pairing.feed([each for each in events if isinstance(each, Record)])
        for call in pairing.calls(float):
            assert str(call)


def trace_json(data: bytes) -> None:
    """Decode a trace: any bytes, and a good one with a few of its values changed."""
    with suppress(UsageError):
        read_trace(data)
    with suppress(UsageError):
        _judged(read_trace(_bent(data)))


def _judged(trace: BootTrace) -> None:
    again = read_trace(encode(document(trace, judge(trace))))
    assert judge(again) == judge(trace)


def _bent(data: bytes) -> bytes:
    chosen = random.Random(data)
    values = msgspec.json.decode(_GOOD)
    for _ in range(chosen.randint(1, 4)):
        place: Any = values
        while True:
            key = chosen.choice(sorted(place) if isinstance(place, dict) else range(len(place)))
            if not place[key] or not isinstance(place[key], dict | list) or chosen.random() < 0.1:
                break
            place = place[key]
        place[key] = chosen.choice(
            [None, 0, -1, 1 << 31, 1 << 40, 0.5, True, "", "00", "guest-reset", "idle", "loop",
             "panic", "reached", "boot-failed", [], {}, data.decode("latin-1")[:40]]
        )  # fmt: skip
    return msgspec.json.encode(values)


def monitor(data: bytes) -> None:
    """Parse a dump of registers."""
    with suppress(FormatError):
        parse_registers(data.decode("latin-1"), 0.0)


def machine_interface(data: bytes) -> None:
    """Parse a line of gdb/MI, and take registers from what it holds."""
    with suppress(*NOT_MI):
        parse_response(data.decode("utf-8", "replace").replace("\n", " "))
    registers_from(dict.fromkeys(REGISTERS, int.from_bytes(data[:5], "little")))


def interrupt_log(data: bytes) -> None:
    """Find the exceptions in a log, as it is and with lines of a real one between."""
    lines = data.decode(errors="replace").splitlines()
    for log in (lines, [each for line in lines for each in (line, *PAGE_FAULT.splitlines())]):
        for exception in triple_fault(log):
            assert str(exception)


def text_screen(data: bytes) -> None:
    """Take a screen out of any memory, with any registers."""
    registers = (data + bytes(8))[:8]
    crtc = dict(zip((0x01, 0x07, 0x09, 0x0C, 0x0D, 0x12, 0x13), registers[1:], strict=True))
    mode = TextMode.of(registers[0], crtc)
    if mode:
        size = sum(size for _, size in mode.pieces)
        assert size <= TEXT_BYTES
        text = mode.text((data * (size // max(len(data), 1) + 1))[:size])
        assert len(text.split("\n")) <= max(mode.rows, 1)


def code(data: bytes) -> None:
    """Disassemble any bytes, in every mode, from any of them on."""
    for bits in (16, 32, 64):
        for ip in (0, len(data) // 2):
            found = instructions(data, 0, ip, bits)
            assert all(data[each.offset :][: len(each.code)] == each.code for each in found)
            assert all(each.target is None or each.target >= 0 for each in found)


def wire(data: bytes) -> None:
    """Put frames on the wire: each has its length in front. Others are served all the same."""
    guest = NetClient(wire_with({"boot.ipxe": b"#!ipxe\n"}))
    while data:
        size = int.from_bytes(data[:2], "big") % 1600
        guest.send(data[2 : 2 + size])
        data = data[2 + size :]
    guest.now += 5
    assert guest.fetch("boot.ipxe") == b"#!ipxe\n"


class _Asked:
    """A connection on which a guest has said all that it says."""

    def __init__(self, said: bytes) -> None:
        self._said, self.answer = said, b""

    def makefile(self, *_how: object) -> BytesIO:
        return BytesIO(self._said)

    def sendall(self, answer: bytes) -> None:
        self.answer += answer

    def settimeout(self, _seconds: float) -> None:
        pass

    def close(self) -> None:
        pass


def http(data: bytes) -> None:
    """Ask the HTTP server anything, and then for a file: what fails in it ends a boot."""
    server = SimpleNamespace(
        files=FileTable({"boot.ipxe": b"#!ipxe\n"}), faults=Faults(), now=lambda: 0.0, written=0,
        note=lambda *_said, **_more: None, transfers=[], closing=Event(),
        redirects={"/old": "/boot.ipxe"}, opened=lambda connection: connection,
        hosts=(SERVER_HOST,),
    )  # fmt: skip
    for said in (data, b"GET /" + data, b"GET /boot.ipxe HTTP/1.1\r\n" + data):
        asked = _Asked(said + b"\r\n\r\nGET /boot.ipxe HTTP/1.1\r\n\r\n")
        with suppress(OSError):
            _Handler(asked, 1, server)  # type: ignore[arg-type]


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        setup_header, mbr, descriptors, packet, medium, recorder_log, serial_log,
        trace_json, monitor,        machine_interface, interrupt_log, text_screen, code, wire, http,
    )
} | WORD_TARGETS | FILE_TARGETS | SERVER_TARGETS | WAY_TARGETS  # fmt: skip
TARGETS |= RECORDING_TARGETS | UEFI_TARGETS


def _frames() -> bytes:
    """Return what a guest sends that gets an address and a file."""
    guest = NetClient(wire_with({"boot.ipxe": b"#!ipxe\n"}))
    sent: list[bytes] = []
    send = guest.send

    def note(frame: bytes) -> list[bytes]:
        sent.append(frame)
        return send(frame)

    guest.send = note  # type: ignore[method-assign]
    guest.lease(user_class=b"iPXE")
    guest.fetch("boot.ipxe", blksize=1432, tsize=0)
    return b"".join(len(frame).to_bytes(2, "big") + frame for frame in sent)


def seeds() -> dict[str, bytes]:
    """Return something right for every target, from which coverage finds its way."""
    table = bytes.fromhex(move(0x100000).table_hex)
    return {
        "setup_header": bzimage(bytes(64))[0x1F1:],
        "mbr": bytes(446)
        + bytes.fromhex("80010100830fffff0008000000100000")
        + bytes(48)
        + b"\x55\xaa",
        "descriptors": table,
        "packet": bytes.fromhex("10007f00000000200408000000000000"),
        "medium": b"\1".ljust(30, b"\0") + b"\x55\xaa\x88\2\0\0\0\0\1\0\5\0\0\0",
        "recorder_log": b"\x04" + record("C", 0x13, 0x42, extra=PACKET) + record("R", 0x13, 0x42),
        "serial_log": SERIAL_LOG,
        "trace_json": _GOOD,
        "monitor": REAL.encode(),
        "machine_interface": b'^done,register-values=[{number="0",value="0x10"}]',
        "interrupt_log": PAGE_FAULT.encode(),
        "text_screen": bytes.fromhex("0e4f1f4f00002800") + b"H\x07i\x07",
        "code": bytes.fromhex("ea197c0000fa31c08ed8cd150f01e0eb fe"),
        "wire": _frames(),
        "http": b"HEAD /boot.ipxe HTTP/1.1\r\nConnection: keep-alive\r\nRange: bytes=2-",
        **word_seeds(),
        **file_seeds(),
        **server_seeds(),
        **way_seeds(),
        **uefi_seeds(),
        **dict.fromkeys(RECORDING_TARGETS, b"\x01"),
    }


def main() -> None:
    """Fuzz one target: TARGET [libFuzzer option]..."""
    import atheris

    name, *options = sys.argv[1:]
    for each in gc.get_objects():  # of all that is imported it takes a minute
        if isinstance(each, FunctionType) and (each.__module__ or "").startswith("bootharness"):
            with suppress(Exception):  # what it cannot count it leaves as it is
                atheris.instrument_func(each)
    corpus = CORPORA / name  # what was found once is tried first the next time
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "right").write_bytes(seeds()[name])
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
