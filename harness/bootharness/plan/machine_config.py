"""The machine that boots, as it can be chosen."""

import re
from pathlib import Path
from typing import Annotated

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.plan.allowed import check_values
from bootharness.plan.boot_entry import check_boot_entry
from bootharness.plan.disk_fault import DiskFaults
from bootharness.plan.goal import AUTO
from bootharness.plan.guest_address import check_uuid
from bootharness.plan.option import Option

__all__ = ["BIOS", "UEFI", "UEFI_SECURE", "MachineConfig", "firmwares"]

BIOS, UEFI = "bios", "uefi"
UEFI_SECURE = "uefi-secure"
"""A UEFI that starts only what is signed."""
_CPU = re.compile(r"[A-Za-z0-9._-]+(?:,[+-]?[A-Za-z0-9._-]+(?:=[A-Za-z0-9._-]+)?)*")


def _check_cpu(given: str) -> None:
    """Raise UsageError for what would be more than a model and its features."""
    if not _CPU.fullmatch(given):
        raise UsageError(f"CPU {given!r}: it is a model of QEMU's, as pentium3 or 'qemu64,-nx'")


class MachineConfig(Struct, frozen=True):
    """A machine to be."""

    qemu: Annotated[
        str,
        Option(
            "--qemu",
            "QEMU to use, by name or path; auto takes it from the kernel.",
            title="QEMU",
            metavar="PROGRAM",
        ),
    ] = AUTO
    machine_type: Annotated[
        str,
        # what comes behind a comma would be more than the type
        Option(
            "--machine-type",
            "QEMU's -machine: pc, q35, isapc, microvm, or one of their versions.",
            pattern=r"[a-z0-9.-]+",
        ),
    ] = "pc"
    firmware: Annotated[
        str,
        Option(
            "--firmware",
            "What the machine starts with: bios, uefi, or uefi-secure, a UEFI with Secure Boot and "
            "Microsoft's keys, on a q35; or a UEFI of your own, as OVMF_CODE.fd. auto is what the "
            "route has.",
            metavar="bios|uefi|uefi-secure|FILE",
            by_route=True,
        ),
    ] = AUTO
    firmware_vars: Annotated[
        str | None,
        Option(
            "--firmware-vars",
            "A UEFI's variables as they are at first, as OVMF_VARS.fd; each boot has a copy.",
            title="variables",
            kind=Path,
            metavar="FILE",
            by_route=True,
        ),
    ] = None
    enrolled: Annotated[
        tuple[str, ...],
        Option(
            "--enrol",
            "A certificate by which a UEFI accepts what is signed (db), in PEM or DER: beside "
            "Microsoft's with --firmware uefi-secure, alone with --firmware uefi, which is then "
            "one with Secure Boot, too; may be repeated.",
            kind=Path,
            metavar="CERT",
            by_route=True,
            repeated=True,
        ),
    ] = ()
    revoked: Annotated[
        tuple[str, ...],
        Option(
            "--revoke",
            "A program that a UEFI is to refuse, or a certificate, with all that it signed (dbx); "
            "may be repeated.",
            kind=Path,
            metavar="FILE",
            by_route=True,
            repeated=True,
        ),
    ] = ()
    sbat_level: Annotated[
        str | None,
        Option(
            "--sbat-level",
            "The least versions that shim accepts, as lines sbat,1,DATE and grub,5.",
            kind=Path,
            metavar="FILE.csv",
            by_route=True,
        ),
    ] = None
    boot_entries: Annotated[
        tuple[str, ...],
        Option(
            "--boot-entry",
            "What a UEFI starts first, as '\\EFI\\linux\\kernel.efi initrd=\\initrd quiet', before "
            "\\EFI\\BOOT\\BOOTX64.EFI; may be repeated, in that order.",
            title="boot entry",
            metavar="'PATH OPTIONS'",
            by_route=True,
            repeated=True,
            check=check_boot_entry,
        ),
    ] = ()
    memory_mib: Annotated[
        int,
        Option(
            "--memory",
            "Memory of the machine.",
            kind=int,
            metavar="MIB",
            least=2,
            most=1 << 20,  # the CPU has 40 address bits
        ),
    ] = 512
    disk_interface: Annotated[
        str,
        Option(
            "--disk-interface",
            "How the disk is attached, scsi by virtio-scsi; where the machine has no AHCI, isapc "
            "has it by ide and microvm by virtio-mmio.",
            choices=("ahci", "ide", "virtio", "virtio-mmio", "nvme", "usb", "scsi"),
            by_route=True,
        ),
    ] = "ahci"
    accelerator: Annotated[
        str,
        Option(
            "--accelerator",
            "auto is KVM where it works and TCG elsewhere.",
            choices=(AUTO, "kvm", "tcg"),
        ),
    ] = AUTO
    bios: Annotated[
        str | None,
        Option(
            "--bios",
            "Another build of the BIOS than QEMU's own.",
            kind=Path,
            metavar="FILE",
            by_route=True,
        ),
    ] = None
    more_disks: Annotated[
        tuple[str, ...],
        Option(
            "--and-disk",
            "A further disk in the same machine; may be repeated.",
            kind=Path,
            metavar="FILE",
            by_route=True,
            repeated=True,
        ),
    ] = ()
    attached: Annotated[
        str,
        Option(
            "--as",
            "What an image is attached as; auto is as what it is.",
            choices=(AUTO, "disk", "cdrom", "floppy", "usb"),
            by_route=True,
        ),
    ] = AUTO
    cpu: Annotated[
        str | None,
        Option(
            "--cpu",
            "QEMU's -cpu, as pentium3 or 'qemu64,-nx'; without it the host's with KVM, and "
            "elsewhere QEMU's own.",
            title="CPU",
            metavar="MODEL",
            check=_check_cpu,
        ),
    ] = None
    smp: Annotated[
        int,
        Option(
            "--smp",
            "How many CPUs it has.",
            title="CPUs",
            kind=int,
            metavar="NUMBER",
            least=1,
            most=255,
        ),
    ] = 1

    uuid: Annotated[
        str | None,
        Option(
            "--uuid",
            "The machine's UUID, by which a boot server may know it.",
            title="UUID",
            metavar="UUID",
            check=check_uuid,
        ),
    ] = None
    disk_faults: Annotated[
        DiskFaults,
        Option(
            "--disk-fault",
            "What goes wrong with the disk that is booted from, as error:lba=10000,times=2, "
            "slow:rate=1000000, slow:iops=50, vanish:after=read:100, cut:bytes=5000000, "
            "hang:lba=10000 or flip:lba=10000,byte=7; may be repeated.",
            metavar="FAULT",
            by_route=True,
            repeated=True,
        ),
    ] = DiskFaults()

    def __post_init__(self) -> None:
        check_values(self)

    @property
    def sets_up(self) -> bool:
        """Whether a UEFI has something set up that its variables do not have."""
        return bool(self.enrolled or self.revoked or self.sbat_level or self.boot_entries)

    @property
    def own_firmware(self) -> str | None:
        """The file of a UEFI that a person has given."""
        return None if self.firmware in (AUTO, BIOS, UEFI, UEFI_SECURE) else self.firmware

    @property
    def memory_bytes(self) -> int:
        """Size of the guest's memory in bytes."""
        return self.memory_mib << 20


def firmwares(given: str) -> tuple[str, ...]:
    """Return the firmwares that commas set apart, each once; a file's name may have one."""
    return (given,) if Path(given).exists() else tuple(dict.fromkeys(given.split(",")))
