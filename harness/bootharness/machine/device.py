"""What a machine boots from, in QEMU's words."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.formats.container import BACKED
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.host.kept import digest_of
from bootharness.machine.tape import SHIFT
from bootharness.trace.booted import DiskFacts, MediumKind

__all__ = [
    "CARDS",
    "CLOCK_BASE",
    "LARGE_SECTORS",
    "Device",
    "Drive",
    "Firmware",
    "Flash",
    "drive_device",
    "escaped",
    "kernel_device",
    "network_device",
]

Firmware = Literal["bios", "uefi"]

CLOCK_BASE = "%Y-%m-%dT%H:%M:%S"
"""How QEMU is told the date at which a machine begins."""
_BOOT_INDEX = re.compile(r",bootindex=\d+")
_CONTROLLERS = {
    "ahci": ("-device", "ahci,id=ahci"),
    "usb": ("-device", "qemu-xhci"),
    "scsi": ("-device", "virtio-scsi-pci"),
}
_DISKS = {
    "ahci": "ide-hd,bus=ahci.{}",
    "ide": "ide-hd",
    "virtio": "virtio-blk-pci",
    "virtio-mmio": "virtio-blk-device",
    "nvme": "nvme,serial=bootharness{}",
    "usb": "usb-storage",
    "scsi": "scsi-hd",
}
_CDS = {
    "ahci": "ide-cd,bus=ahci.{}",
    "ide": "ide-cd",
    "usb": "usb-storage",
    "scsi": "scsi-cd",
}
LARGE_SECTORS = ("nvme",)
"""Interfaces by which SeaBIOS boots from disks whose sectors have more than 512 bytes."""
_LARGE_SECTORS_BY_UEFI = ("nvme", "virtio", "usb", "scsi")
# a virtio card that is asked by a thread of QEMU's (ioeventfd) takes that thread to wake for each
# sixteen frames, in which a boot program's one CPU does nothing else but look for them
CARDS = {
    "virtio": "virtio-net-pci,ioeventfd=off",
    "virtio-1": "virtio-net-pci-non-transitional,ioeventfd=off",
    "e1000": "e1000",
    "e1000e": "e1000e",
    "rtl8139": "rtl8139",
}


class Device(Struct, frozen=True):
    """A part of QEMU's command line, the file descriptors that QEMU inherits for it, the
    firmware that can boot from it, and the files that QEMU reads; ``media`` are those of them that
    are in the drives. ``secure`` are its variables as they are at first where that firmware
    starts only what is signed. ``writes`` says whether QEMU may write what is not its own."""

    words: tuple[str, ...]
    fds: tuple[int, ...] = ()
    firmware: Firmware = "bios"
    secure: bytes = b""
    files: tuple[Path, ...] = ()
    media: tuple[Path, ...] = ()
    writes: bool = False


class Flash(Struct, frozen=True):
    """A UEFI's code, and its variables, which it may write; of one with ``smm`` only while it keeps
    its memory from the system. ``at_first`` are the variables as nobody has written them yet,
    and ``signed_alone`` says whether it starts only what is signed. ``own_order`` says whether its
    variables say what is booted first, and not QEMU. ``overlay`` is a qcow2 image that takes what
    is written to the variables, of a boot on tape."""

    code: Path
    variables: Path
    smm: bool = False
    at_first: bytes = b""
    signed_alone: bool = False
    own_order: bool = False
    overlay: Path | None = None

    @property
    def secure(self) -> bytes:
        """The variables at first, where it starts only what is signed; empty elsewhere."""
        return self.at_first if self.signed_alone else b""

    @property
    def files(self) -> tuple[Path, Path]:
        """What QEMU reads."""
        return self.code, self.variables


class Drive(Struct, frozen=True):
    """An image and how a machine has it; ``driver`` is QEMU's for the image, ``node`` what QEMU
    opens in its place, if anything. ``overlay`` is a qcow2 image that takes what the guest writes,
    of a boot on tape; otherwise that goes into a temporary one."""

    frames: ClassVar[bool] = False
    """Whether what came to a network card is on the tape."""
    shift: ClassVar[int] = SHIFT
    path: Path
    interface: str = "ahci"
    kind: MediumKind = "disk"
    driver: str = "raw"
    sector_bytes: int = SECTOR_BYTES
    node: dict[str, Any] | None = None
    overlay: Path | None = None

    @classmethod
    def of(cls, facts: DiskFacts, interface: str, path: Path) -> "Drive":
        """Return a medium of which there is a trace, its image being at ``path``."""
        size = facts.sector_bytes if facts.kind == "disk" else SECTOR_BYTES
        return cls(path, interface, facts.kind, facts.driver, size)

    @property
    def facts(self) -> dict[str, object]:
        """What a recording's manifest says of it."""
        return {"interface": self.interface, "disk_sha256": digest_of(self.path)}

    def played(self, overlay: Path) -> Device:
        """Return it as what a machine boots from that is on tape."""
        return drive_device(replace(self, overlay=overlay))


def drive_device(drive: Drive, *more: Drive, flash: Flash | None = None) -> Device:
    """Return a medium as what the machine boots from first, and ``more`` disks in it; writes go to
    temporary overlays, one for each.

    One image that is there more than once is one disk with several paths, which have one serial
    number: by that a guest knows it. ``flash`` are a UEFI's code, and its variables, which it may
    write.

    Raises UsageError for a medium that an interface does not take.
    """
    every = (drive, *more)
    words = _flash_words(flash)
    for number, each in enumerate(every):
        # of a floppy the machine itself makes the controller, where it has none without
        how = {"floppy": "if=floppy,index=0", "cdrom": "if=none,media=cdrom"}.get(
            each.kind, "if=none"
        )
        words += _drive_words(each, number, how)
    for interface in dict.fromkeys(each.interface for each in every if each.kind != "floppy"):
        words += _CONTROLLERS.get(interface, ())
    paths = [each.path for each in every]
    for number, each in enumerate(every):
        first = paths.index(each.path)
        serial = f"PATHS{first}" if paths.count(each.path) > 1 else ""
        words += _device_words(each, number, serial, by_uefi=flash is not None)
    media = tuple(each.path for each in every)
    own_order = flash is not None and flash.own_order
    return Device(
        tuple(_BOOT_INDEX.sub("", word) if own_order else word for word in words),
        firmware="uefi" if flash else "bios",
        secure=flash.secure if flash else b"",
        files=(*(flash.files if flash else ()), *media),
        media=media,
    )


def _drive_words(drive: Drive, number: int, how: str) -> list[str]:
    """Return an image as a drive; on tape goes when its requests are done."""
    if drive.overlay is None:
        return ["-drive", f"{_image(drive)},{how},id=disk{number},snapshot=on,cache=unsafe"]
    node = json.dumps(_overlaid(drive, drive.overlay))
    image = f"file=json:{escaped(node)},if=none,id=image{number},cache=unsafe"
    return [
        "-drive",
        image,
        "-drive",
        f"driver=blkreplay,image=image{number},{how},id=disk{number}",
    ]


def _overlaid(drive: Drive, overlay: Path) -> dict[str, Any]:
    return {
        "driver": "qcow2",
        "file": {"driver": "file", "filename": str(overlay)},
        "backing": {"read-only": True, **_node(drive)},
    }


def _device_words(drive: Drive, number: int, serial: str, *, by_uefi: bool) -> tuple[str, ...]:
    image = f"drive=disk{number}"
    if drive.kind == "floppy":
        return ("-global", "isa-fdc.bootindexA=0")
    takes = _CDS if drive.kind == "cdrom" else _DISKS
    if drive.interface not in takes:
        raise UsageError(
            f"--disk-interface {drive.interface}: {drive.path} is a CD, and a CD is attached by "
            f"{', '.join(_CDS)}"
        )
    device = f"{takes[drive.interface].format(number)},{image},bootindex={number}"
    if serial and drive.interface != "nvme":  # a serial number is there that of a controller
        device += f",serial={serial}"
    if drive.sector_bytes != SECTOR_BYTES:
        takes_large = _LARGE_SECTORS_BY_UEFI if by_uefi else LARGE_SECTORS
        if drive.interface not in takes_large:
            raise UsageError(
                f"--disk-interface {drive.interface}: {drive.path} has sectors of "
                f"{drive.sector_bytes:,} bytes, and {'a UEFI' if by_uefi else 'SeaBIOS'} boots "
                f"from such a disk only by {' and '.join(takes_large)}"
            )
        size = drive.sector_bytes
        device += f",logical_block_size={size},physical_block_size={size}"
    return ("-device", device)


def _image(drive: Drive) -> str:
    """Return a medium's image as QEMU opens it: by the driver that we have chosen, and without
    the file that a container may name."""
    if drive.driver == "raw" and drive.node is None:
        return f"file={escaped(drive.path)},format=raw"
    return f"file=json:{escaped(json.dumps(_node(drive)))}"


def _node(drive: Drive) -> dict[str, Any]:
    return drive.node or {
        "driver": drive.driver,
        "file": {"driver": "file", "filename": str(drive.path)},
        **({"backing": None} if drive.driver in BACKED else {}),
    }


def _flash_words(flash: Flash | None) -> list[str]:
    """Return the flash of a UEFI; nothing for a BIOS."""
    if flash is None:
        return []
    code = f"if=pflash,format=raw,unit=0,readonly=on,file={escaped(flash.code)}"
    variables = f"format=raw,file={escaped(flash.variables)}"
    if flash.overlay:
        below = Drive(flash.variables)
        variables = f"file=json:{escaped(json.dumps(_overlaid(below, flash.overlay)))}"
    words = ["-drive", code, "-drive", f"if=pflash,unit=1,readonly=off,{variables}"]
    if flash.smm:
        words += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    return words


def kernel_device(kernel: Path, initrd: Path, cmdline: str) -> Device:
    """Return a kernel that QEMU loads by itself, with an option ROM of its own."""
    words = ("-kernel", str(kernel.absolute()), "-initrd", str(initrd), "-append", cmdline)
    return Device(words, files=(kernel, initrd))


def network_device(
    *,
    nic: str,
    mac: str,
    netdev: str,
    rom: bool | Path = True,
    flash: Flash | None = None,
    fds: tuple[int, ...] = (),
    capture: Path | None = None,
    chardev: str | None = None,
    others: tuple[str, ...] = (),
    pxe: tuple[int, ...] = (4, 6),
    trusted: Path | None = None,
    clock: datetime | None = None,
) -> Device:
    """Return a network card to boot from, and ``others`` in front of it on the bus, which have no
    cable once `set_link` has said so of each of their ``unpluggedN``.

    ``netdev`` is what it is connected to, as QEMU's -netdev with the id ``net0``, ``chardev``
    the -chardev that this forwards connections to. Without ``rom``, which may be a file in the
    place of the card's own, the firmware has to boot by itself: a UEFI by PXE over the IPs in
    ``pxe``, by HTTP over any, where it trusts the certificates in ``trusted``. ``flash`` are a
    UEFI's code, and its variables, which it may write. ``clock`` is the date at which the
    machine begins, in the place of today's. ``capture`` is a pcap file for QEMU to write.
    """
    words = _flash_words(flash)
    for version in {4, 6} - {*pxe}:
        words += ["-fw_cfg", f"name=opt/org.tianocore/IPv{version}PXESupport,string=n"]
    if trusted:
        words += ["-fw_cfg", f"name=etc/edk2/https/cacerts,file={escaped(trusted)}"]
    if clock:
        words += ["-rtc", f"base={clock:{CLOCK_BASE}}"]
    if chardev:
        words += ["-chardev", chardev]
    for number, other in enumerate(others):
        netdev_of_it = f"unplugged{number}"
        words += ["-netdev", f"hubport,hubid={number},id={netdev_of_it}"]
        words += ["-device", f"{CARDS[other]},netdev={netdev_of_it},romfile="]
    own_rom = f",romfile={escaped(rom)}" if isinstance(rom, Path) else "" if rom else ",romfile="
    words += ["-netdev", netdev]
    words += ["-device", f"{CARDS[nic]},netdev=net0,mac={mac},bootindex=0{own_rom}"]
    if capture:
        dump = f"filter-dump,id=dump0,netdev=net0,file={escaped(capture)}"
        words += ["-object", dump]
    return Device(
        tuple(words),
        fds,
        "uefi" if flash else "bios",
        flash.secure if flash else b"",
        (*(flash.files if flash else ()), *((trusted,) if trusted else ())),
    )


def escaped(path: Path | str) -> str:
    """Write a file's name within an option: in QEMU a comma ends it unless it comes twice."""
    return str(path).replace(",", ",,")
