"""What was read from which drive, in that drive's own sectors."""

from msgspec.structs import replace

from bootharness.diagnosis.disk_reads import no_boot_catalog, no_boot_signature, wrong_sectors
from bootharness.diagnosis.protocol import header_not_set
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.bzimage import SetupHeader
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import DiskFacts
from bootharness.trace.reads import disk_reads
from tests.support.builders import bzimage
from tests.support.traces import handoff, loading_trace, read


def on(drive: int, call: BiosCall) -> BiosCall:
    return replace(call, registers_in=replace(call.registers_in, edx=drive))


def chs(drive: int, cylinder: int, head: int, sector: int, sectors: int = 1) -> BiosCall:
    """Return a read by cylinder, head and sector."""
    call = read(0, 1)
    values = replace(
        call.registers_in,
        eax=0x200 + sectors,
        ecx=(cylinder & 0xFF) << 8 | cylinder >> 8 << 6 | sector,
        edx=head << 8 | drive,
    )
    return replace(call, function=2, registers_in=values, packet=None)


def parameters(drive: int, heads: int, track: int) -> BiosCall:
    """Return what tells a drive's geometry."""
    call = chs(drive, 0, 0, 1)
    told = replace(call.registers_in, edx=heads - 1 << 8, ecx=track, flags=0)
    return replace(call, function=8, registers_out=told)


def medium(**facts: object) -> DiskFacts:
    disk = loading_trace(1600, []).disk
    assert disk
    return replace(disk, **facts)


def booted_from(trace: BootTrace, **facts: object) -> BootTrace:
    return replace(trace, disk=medium(**facts))


CD = {"kind": "cdrom", "drive": 0xE0, "sector_bytes": 2048}


def test_sectors_are_those_of_the_drive() -> None:
    found = disk_reads((on(0xE0, read(20, 3)), on(0x80, read(20, 3))), medium(**CD))
    assert [(each.lba, each.bytes) for each in found] == [(20, 6144), (20, 1536)]
    [large] = disk_reads((read(20, 3),), medium(sector_bytes=4096))
    assert large.bytes == 3 * 4096


def test_floppy_is_read_by_cylinder_head_and_sector() -> None:
    facts = medium(kind="floppy", drive=0, heads=2, track_sectors=18)
    [found] = disk_reads((chs(0, 79, 1, 18, 1),), facts)
    assert found.span == range(2879, 2880)


def test_geometry_is_what_the_bios_has_told_of_the_drive() -> None:
    calls = (parameters(0x80, 16, 63), chs(0x80, 260, 3, 5, 2), chs(0x81, 260, 3, 5))
    first, second = disk_reads(calls, medium())
    assert first.span == range((260 * 16 + 3) * 63 + 4, (260 * 16 + 3) * 63 + 6)
    assert second.lba is None
    assert not second.span
    [of_nobody] = disk_reads((chs(0x80, 0, 0, 1),), None)
    assert of_nobody.lba == 0


def test_kernel_on_a_cd_lies_in_its_sectors() -> None:
    trace = loading_trace(66_000, [on(0xE0, read(30, 33))], ending="idle")
    assert wrong_sectors(booted_from(trace, **CD, kernel_lba=30)) is None
    short = loading_trace(66_000, [on(0xE0, read(30, 2)), on(0xE0, read(34, 29))], ending="idle")
    found = wrong_sectors(booted_from(short, **CD, kernel_lba=30))
    assert found
    assert "but the loader left out LBA 32 to 33" in found.sentence


def test_cd_is_refused_for_its_catalog_and_not_for_a_signature() -> None:
    trace = loading_trace(1600, [], ending="boot-failed")
    facts = {**CD, "boot_sector": bytes(512).hex(), "refused": "no boot catalog in sector 5"}
    trace = booted_from(trace, **facts)
    assert no_boot_signature(trace) is None
    found = no_boot_catalog(trace)
    assert found
    assert found.sentence == "the BIOS refused the CD: it has no boot catalog in sector 5"
    assert no_boot_catalog(booted_from(trace, **CD)) is None


def test_further_disks_are_no_wrong_drive() -> None:
    trace = loading_trace(1600, [on(0x81, read(2048, 4))], ending="idle")
    trace = replace(trace, loader=None)
    assert wrong_sectors(booted_from(trace))
    assert wrong_sectors(booted_from(trace, others=("second.img",))) is None


def test_of_a_kernel_that_loads_itself_nobody_sets_the_header() -> None:
    header = SetupHeader.parse(bzimage(bytes(64)))
    assert header.type_of_loader == 0
    trace = loading_trace(1600, [read(1, 4)], handoff=replace(handoff(1), header=header))
    assert header_not_set(booted_from(trace, kernel_lba=2052))
    assert header_not_set(booted_from(trace, kernel_lba=0)) is None
