"""Whose reads and whose disk: drives that are only looked for, and a disk that was booted."""

from msgspec.structs import replace

from bootharness.diagnosis.disk_reads import no_boot_signature
from bootharness.diagnosis.failed_reads import disk_read_failed
from bootharness.diagnosis.screens import survived
from bootharness.formats.bioscall import BiosCall
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.milestones import Milestone
from bootharness.trace.network_facts import NetworkFacts
from tests.support.traces import handoff, loading_trace, read


def on(drive: int, call: BiosCall, *, to: int | None = None) -> BiosCall:
    """Return a read of another drive, or to another place."""
    values = replace(call.registers_in, edx=drive)
    packet = call.packet
    if packet and to is not None:
        packet = replace(packet, segment=to >> 4, offset=to & 0xF)
    return replace(call, registers_in=values, packet=packet)


def managed(*calls: BiosCall) -> BootTrace:
    """Return the trace of a boot manager's reads that came to nothing."""
    trace = loading_trace(1600, [*calls], ending="idle")
    assert trace.disk
    assert trace.managed
    return trace


BOOT_SECTOR = on(0x80, read(0, 1), to=0x7C00)
ABSENT = on(0x81, read(0, 1, status=0x01))


def test_drives_that_a_boot_manager_looks_for_are_no_failed_reads() -> None:
    assert disk_read_failed(managed(BOOT_SECTOR, on(0x80, read(2048, 8)), ABSENT)) is None


def test_failed_read_of_the_drive_that_was_booted_is_one() -> None:
    found = disk_read_failed(managed(BOOT_SECTOR, ABSENT, on(0x80, read(2048, 8, status=0x20))))
    assert found
    assert found.sentence.startswith("the disk read of 8 sectors at LBA 2,048, drive 0x80, failed")


def test_where_nothing_else_was_read_the_absent_drive_is_what_failed() -> None:
    found = disk_read_failed(managed(BOOT_SECTOR, ABSENT))
    assert found
    assert "drive 0x81" in found.sentence


def test_drive_is_the_one_whose_boot_sector_was_read_last() -> None:
    second = on(0x81, read(0, 1), to=0x7C00)
    found = disk_read_failed(
        managed(BOOT_SECTOR, second, on(0x80, read(9, 1, status=4)), on(0x81, read(7, 1, status=4)),
                on(0x81, read(8, 1)))
    )  # fmt: skip
    assert found
    assert "LBA 7, drive 0x81" in found.sentence


def test_of_a_boot_from_the_network_the_drive_is_the_one_that_was_read_first() -> None:
    wire = NetworkFacts("net-root", "bios", "virtio", "10.0.2.2", "", {}, root="/srv/tftp")
    calls = (on(0x80, read(2048, 8)), on(0x81, read(2048, 8, status=0x20)))
    sanboot = replace(managed(*calls), disk=None, network=wire)
    assert sanboot.managed
    assert disk_read_failed(sanboot) is None
    found = disk_read_failed(replace(sanboot, bios_calls=calls[::-1]))
    assert found
    assert "drive 0x81" in found.sentence


def unsigned(**more: object) -> BootTrace:
    trace = loading_trace(1600, [], ending="boot-failed", **more)
    assert trace.disk
    sector = f"{trace.disk.boot_sector[:-4]}beef"
    return replace(trace, disk=replace(trace.disk, boot_sector=sector))


def test_disk_that_was_refused_is_named_by_its_signature() -> None:
    found = no_boot_signature(unsigned())
    assert found
    assert "its first sector ends in be ef in place of the boot signature 55 aa" in found.sentence


def test_disk_that_was_booted_all_the_same_was_not_refused() -> None:
    assert no_boot_signature(unsigned(handoff=handoff(0))) is None
    assert no_boot_signature(unsigned(milestones=(Milestone("stage1", 0.1),))) is None


def test_complaint_is_survived_where_a_kernel_was_entered_after_it() -> None:
    said = "error: file `/vmlinuz' not found.\r\nPress any key to continue..."
    trace = replace(managed(BOOT_SECTOR), boot_screen=said)
    assert survived(trace) is None  # nothing came after it
    entered = replace(trace, milestones=(Milestone("banner", 1.0),))
    assert survived(entered) == "error: file `/vmlinuz' not found."
    loader = replace(entered, loader=loading_trace(16, []).loader, disk=None)
    assert survived(loader) is None
