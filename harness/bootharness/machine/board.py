"""What a machine type is: what can be attached to it, and what its firmware boots from."""

from pathlib import Path

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.host.tool import Tool
from bootharness.machine.firmware import firmware_files
from bootharness.plan import MachineConfig

__all__ = ["Board", "board_of"]

_PCI_DISKS = ("ahci", "ide", "virtio", "nvme", "usb", "scsi")
_SEABIOS = b"SeaBIOS"
_BIOS_BYTES = 1 << 20
_UNUSUAL = {
    "none": "it is a machine without a CPU",
    "x-remote": "it is a part of another machine",
    "xenfv": "it is a machine for Xen",
    "xenpv": "it is a machine for Xen",
}


class Board(Struct, frozen=True):
    """A family of machine types: what it ``lacks``, in words, the interfaces by which it has
    disks, the usual one first, the media it takes, and how many CPUs it has at most. It has the
    screen ``vga``. ``bios`` is a firmware of its own, where QEMU's usual one boots no disks.
    ``cmdline`` is what Linux has to be told there, where nobody tells it anything."""

    lacks: str = ""
    disks: tuple[str, ...] = _PCI_DISKS
    media: tuple[str, ...] = ("disk", "cdrom", "floppy")
    most_cpus: int = 255
    vga: str = "std"
    bios: Tool | None = None
    cmdline: str = ""

    @property
    def has_pci(self) -> bool:
        """Whether it has the bus of network cards, of AHCI and of USB."""
        return self.disks == _PCI_DISKS

    def check_medium(self, machine: MachineConfig, medium: str) -> None:
        """Raise UsageError for a medium that it does not take."""
        if medium not in self.media:
            what = {"cdrom": "CD", "floppy": "floppy"}.get(medium, medium)
            raise UsageError(
                f"--machine-type {machine.machine_type}: it {self.lacks}, so it has no drive for a "
                f"{what}: take pc or q35"
            )

    def check(self, machine: MachineConfig, *, disk: bool, network: bool) -> None:
        """Raise UsageError for what it does not have, of a boot from a disk, or from a network."""
        asked = f"--machine-type {machine.machine_type}"
        if network and not self.has_pci:
            raise UsageError(
                f"{asked}: it {self.lacks}, so it has no network card that boots: take pc or q35"
            )
        if disk and machine.disk_interface not in self.disks:
            lacks = f"the machine {machine.machine_type} {self.lacks or 'has none of it'}"
            raise UsageError(
                f"--disk-interface {machine.disk_interface}: {lacks}; it takes "
                f"{', '.join(self.disks)}"
            )
        if machine.smp > self.most_cpus:
            raise UsageError(f"--smp {machine.smp}: {asked} has at most {self.most_cpus}")

    def own_bios(self, qemu: str) -> str | None:
        """Return the firmware of its own, None where QEMU's usual one does. Raises ToolMissing
        where it is not here."""
        if self.bios is None:
            return None
        for path in firmware_files(qemu, self.bios.name):
            if _is_seabios(path):  # others have another one under its name, which boots no disks
                return str(path)
        raise self.bios.missing()


def _is_seabios(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _SEABIOS in file.read(_BIOS_BYTES)
    except OSError:
        return False


_PC = Board()
_ISAPC = Board("has no PCI bus", ("ide",), most_cpus=1)
_MICROVM = Board(
    "has no PCI bus and no ISA drives",
    ("virtio-mmio",),
    ("disk",),
    vga="none",
    bios=Tool("bios-microvm.bin", "seabios"),
    # with its ACPI, Linux takes it that there is no timer but KVM's
    cmdline="acpi=off",
)


def board_of(machine_type: str) -> Board:
    """Return what a machine type is; one that is not known here is taken for a PC with PCI.

    Raises UsageError for one that is no PC.
    """
    if machine_type in _UNUSUAL:
        raise UsageError(
            f"--machine-type {machine_type}: {_UNUSUAL[machine_type]}, and boots nothing by itself"
        )
    return {"isapc": _ISAPC, "microvm": _MICROVM}.get(machine_type, _PC)
