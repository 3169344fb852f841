"""When the BIOS has handed over: what it read, and what it refused."""

from bootharness.formats.bioscall import BiosCall
from bootharness.trace.bios_milestones import bios_milestones
from bootharness.trace.booted import DiskFacts
from tests.support.traces import registers

ROM = 0xF000


def sector_read() -> BiosCall:
    """The BIOS's own read of the boot sector, that all went well with."""
    called = registers(eax=0x201, ebx=0x7C00, ecx=1, edx=0x80, cs=ROM, ip=0x1000)
    return BiosCall(0x13, 0x02, called, called, 0.1, 0.2)


def disk(ending: str) -> DiskFacts:
    return DiskFacts("disk.img", 1 << 20, None, None, None, None, None, None, "00" * 510 + ending)


def test_a_boot_sector_that_was_read_is_handed_over_to() -> None:
    points = bios_milestones((sector_read(),), None, disk("55aa"), handed_off=False)
    assert points == {"bios-handoff": 0.2}


def test_a_boot_sector_without_a_signature_is_refused() -> None:
    assert not bios_milestones((sector_read(),), None, disk("0000"), handed_off=False)
