"""What may be wrong about a read from the disk."""

from msgspec.structs import replace

from bootharness.formats.bioscall import BiosCall
from bootharness.recording.fields_of_reads import drive
from tests.support.traces import loading_trace, read

IN_THE_BIOS = 0xF000


def on(number: int, call: BiosCall, *, to: int = 0x20000, cs: int = 0) -> BiosCall:
    values = replace(call.registers_in, edx=number, cs=cs)
    packet = call.packet and replace(call.packet, segment=to >> 4, offset=to & 0xF)
    return replace(call, registers_in=values, packet=packet)


def boot_sector(number: int, *, cs: int = 0) -> BiosCall:
    return on(number, read(0, 1), to=0x7C00, cs=cs)


def wrong(*calls: BiosCall) -> list[tuple[int | None, int | None]]:
    """Return the call, and the drive that is the right one."""
    booted = boot_sector(0x80, cs=IN_THE_BIOS)
    return [(each.call, each.wanted) for each in drive(loading_trace(1600, [booted, *calls]))]


def test_a_read_from_another_drive_than_the_bios_booted_is_wrong() -> None:
    assert wrong(on(0x80, read(2052, 4))) == []
    assert wrong(on(0x80, read(2052, 4)), on(0x81, read(2056, 4))) == [(2, 0x80)]


def test_a_boot_manager_goes_on_to_another_disk_whose_drive_is_right_from_there_on() -> None:
    manager = on(0x80, read(2048, 8))
    further = (manager, boot_sector(0x81), on(0x81, read(2052, 4)))
    assert wrong(*further) == []
    assert wrong(*further, on(0x80, read(2056, 4))) == [(4, 0x81)]


def test_a_first_sector_that_is_only_looked_at_is_no_boot_sector() -> None:
    assert wrong(on(0x81, read(0, 1)), on(0x80, read(2052, 4))) == [(1, 0x80)]
