"""A boot of a disk by a UEFI again, from its trace, to be debugged."""

from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.debug.trust import kernel_of, machine_of
from bootharness.errors import BootHarnessError, UsageError
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.host.regular import is_regular
from bootharness.machine.uefi import VARIABLES_FILE
from bootharness.plan import AUTO, UEFI_SECURE, BootPlan, MachineConfig
from bootharness.routes.brought import UEFI_DISK
from bootharness.routes.uefi_disk import UEFI_KERNELS
from bootharness.text import printable
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import DiskFacts

__all__ = ["UefiAgain", "by_uefi", "uefi_again"]

_IMAGE_BYTES = 1 << 46
_FLASH_BYTES = 1 << 27
_BUILT_IN = (AUTO, UEFI_SECURE)
_BY_ENTRY = "uefi-stub"
"""Whose boot entry is in the variables of each boot, and on no disk."""


class UefiAgain(Struct, frozen=True):
    """What has the boot of a trace again: a source and a plan; ``notes`` say what is not as it
    was."""

    source: str
    plan: BootPlan
    notes: tuple[str, ...]


def by_uefi(trace: BootTrace) -> bool:
    """Return whether a trace is of a disk that a UEFI has booted."""
    return trace.disk is not None and trace.machine is not None and trace.machine.firmware == "uefi"


def uefi_again(
    trace: BootTrace, folder: Path, kernel: Path | None = None, qemu: str = AUTO
) -> UefiAgain:
    """Return how to boot again what a trace is of, which is in ``folder``: there its disk and its
    variables may be, too.

    ``kernel`` is its file, where that is elsewhere than it was. Raises UsageError where neither
    the disk nor the kernel is here.
    """
    notes: list[str] = []
    machine = _firmware(machine_of(trace, qemu, notes), folder, notes)
    plan = BootPlan(route=UEFI_DISK.name, machine=machine)
    disk = trace.disk
    assert disk
    way = next((each for each in UEFI_KERNELS if each.name == trace.route), None)
    there = None if trace.route == _BY_ENTRY else _same_disk(disk, folder)
    if there:
        return UefiAgain(str(there), plan, tuple(notes))
    if way is None or trace.kernel is None:
        raise UsageError(
            f"{printable(disk.path)}: the image that was booted is not here as it was: debug it by "
            f"its name, with --route {UEFI_DISK.name}"
        )
    source = str(kernel or trace.kernel.source)
    try:
        image = kernel_of(source)
    except BootHarnessError as error:
        raise UsageError(f"{error}; --kernel FILE takes the kernel from elsewhere") from error
    if image.sha256 != trace.kernel.sha256:
        raise UsageError(f"{printable(source)}: not the kernel of the trace: another SHA-256")
    notes.append("the disk is made anew of the kernel, with the initrd that is usual")
    cmdline = plan.cmdline if trace.cmdline is None else trace.cmdline
    return UefiAgain(source, replace(plan, route=way.name, cmdline=cmdline), tuple(notes))


def _same_disk(disk: DiskFacts, folder: Path) -> Path | None:
    """Return the image that was booted if it is here, as far as can be told: where it was, or
    beside the trace. What a trace names is opened by no driver of QEMU's."""
    if disk.driver != "raw":
        return None
    name = Path(disk.path)
    for path in (name.absolute(), (folder / name.name).absolute()):
        if is_regular(path, most=_IMAGE_BYTES) and path.stat().st_size == disk.bytes:
            with path.open("rb") as file:
                file.seek(disk.base)
                if file.read(SECTOR_BYTES).hex() == disk.boot_sector:
                    return path
    return None


def _firmware(machine: MachineConfig, folder: Path, notes: list[str]) -> MachineConfig:
    """Return a machine whose firmware and variables are here."""
    if machine.firmware not in _BUILT_IN and not is_regular(
        Path(machine.firmware), most=_FLASH_BYTES
    ):
        notes.append(
            f"the firmware {printable(machine.firmware)} is not here: the usual takes its place"
        )
        return replace(machine, firmware=AUTO, firmware_vars=None)
    kept = folder / VARIABLES_FILE
    if is_regular(kept, most=_FLASH_BYTES):
        return replace(machine, firmware_vars=str(kept))
    if machine.firmware_vars and not is_regular(Path(machine.firmware_vars), most=_FLASH_BYTES):
        notes.append(
            f"the variables {printable(machine.firmware_vars)} are not here: the usual take their "
            "place"
        )
        return replace(machine, firmware_vars=None)
    return machine
