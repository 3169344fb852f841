"""How a BIOS call is read and written."""

import pytest
from msgspec.structs import replace

from bootharness.errors import FormatError
from bootharness.formats.bioscall import BiosCall, DiskAddressPacket
from bootharness.formats.call_lines import call_lines
from tests.support.traces import move, read, registers, teletype


def test_packet_as_the_edd_specification_has_it() -> None:
    raw = bytes.fromhex("10007f0000000020 2c08000000000000")
    packet = DiskAddressPacket.parse(raw)
    assert (packet.sectors, packet.buffer, packet.lba) == (127, 0x20000, 2092)
    assert packet.build() == raw
    with pytest.raises(FormatError, match="16 bytes, not 15"):
        DiskAddressPacket.parse(raw[:15])


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (
            read(2092, 127, at=0.25),
            "0.2500 0000:7d41 INT 13h AH=42h extended read(drive 0x80, LBA 2092, 127 sectors, "
            "to 2000:0000) = ok",
        ),
        (read(2092, 127, status=4), "= CF=1 AH=04h sector not found"),
        (move(0x1001C00), "INT 15h AH=87h block move(0x020000 -> 0x1001c00, 65024 bytes) = ok"),
        (move(0x001C00, status=None), "block move(0x020000 -> 0x001c00, 65024 bytes) = ?"),
    ],
)
def test_call_is_written_in_one_line(call: BiosCall, line: str) -> None:
    assert line in str(call)


def test_status_has_the_name_that_its_interrupt_gives_it() -> None:
    disk = read(1, 1, status=0x80)
    assert (disk.failed, disk.status, disk.status_name) == (True, 0x80, "timed out")
    assert replace(disk, number=0x15).status_name == "status 0x80"
    # the keyboard service leaves the carry flag as it was
    assert not replace(disk, number=0x16).failed


def test_caller_in_rom_is_the_bios() -> None:
    inside = registers(cs=0xF000)
    assert BiosCall(0x13, 2, inside, None, 0, None).from_bios
    assert not BiosCall(0x13, 2, registers(cs=0x9020), None, 0, None).from_bios


def test_text_written_letter_by_letter_is_one_line_for_each_writer() -> None:
    calls = [read(1, 1), *teletype("bios"), *teletype("boot\r\n", cs=0xF000), read(2, 1)]
    first, second, third, last = call_lines(calls)
    assert "LBA 1," in first
    assert second.endswith("INT 10h AH=0eh teletype output('bios')")
    assert third.endswith(r"f000:0000 INT 10h AH=0eh teletype output('boot\r\n')")
    assert "LBA 2," in last
    assert list(call_lines([])) == []
