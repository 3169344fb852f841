"""A boot by a UEFI again, from its trace: what is here of it, and what is said of the rest."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.debug.uefi_replay import by_uefi, uefi_again
from bootharness.errors import UsageError
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import DiskFacts
from bootharness.trace.machine_facts import MachineFacts
from tests.diagnosis.test_uefi import FILES, UEFI, boot

SECTOR = b"MBR".ljust(512, b"\0")
MACHINE = replace(UEFI, qemu="qemu-system-x86_64", machine_type="pc")


def traced(disk: Path, machine: MachineFacts = MACHINE) -> BootTrace:
    """The trace of a boot of an image."""
    facts = DiskFacts(str(disk), 1024, None, None, None, None, None, None, SECTOR.hex())
    return boot(FILES, disk=facts, machine=machine, route="uefi-disk")


def test_the_disk_and_the_variables_beside_the_trace_are_taken(tmp_path: Path) -> None:
    (tmp_path / "disk.img").write_bytes(SECTOR * 2)
    (tmp_path / "variables.fd").write_bytes(b"1")
    trace = traced(Path("/gone/disk.img"), replace(MACHINE, boot_entries=("\\a.efi quiet",)))
    again = uefi_again(trace, tmp_path)
    assert by_uefi(trace)
    assert (again.source, again.plan.route) == (str(tmp_path / "disk.img"), "uefi-disk")
    assert again.plan.machine.firmware_vars == str(tmp_path / "variables.fd")
    assert again.plan.machine.boot_entries == ("\\a.efi quiet",)
    assert again.notes == ()


@pytest.mark.parametrize("content", [None, SECTOR, SECTOR * 3, bytes(1024)])
def test_another_disk_is_not_taken_for_it(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "disk.img").write_bytes(content)
    with pytest.raises(UsageError, match=r"disk.img: the image that was booted is not here as it"):
        uefi_again(traced(tmp_path / "disk.img"), tmp_path)


def test_a_firmware_that_is_not_here_is_told(tmp_path: Path) -> None:
    (tmp_path / "disk.img").write_bytes(SECTOR * 2)
    own = replace(MACHINE, firmware_asked="/gone/OVMF.fd", firmware_vars="/gone/VARS.fd")
    again = uefi_again(traced(tmp_path / "disk.img", own), tmp_path)
    assert again.notes == ("the firmware /gone/OVMF.fd is not here: the usual takes its place",)
    assert (again.plan.machine.firmware, again.plan.machine.firmware_vars) == ("auto", None)
    given = replace(MACHINE, firmware_vars="/gone/VARS.fd")
    again = uefi_again(traced(tmp_path / "disk.img", given), tmp_path)
    assert again.notes == ("the variables /gone/VARS.fd are not here: the usual take their place",)


def test_a_boot_by_a_bios_is_another_matter() -> None:
    trace = traced(Path("disk.img"))
    assert not by_uefi(replace(trace, machine=replace(MACHINE, firmware="bios")))
    assert not by_uefi(replace(trace, disk=None))
