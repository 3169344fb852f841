"""What a machine boots from, in QEMU's words."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

__all__ = [
    "CARDS",
    "Device",
    "Firmware",
    "disk_device",
    "escaped",
    "kernel_device",
    "network_device",
]

Firmware = Literal["bios", "uefi"]

_DISKS = {
    "ahci": ("-device", "ahci,id=ahci", "-device", "ide-hd,drive=disk0,bus=ahci.0"),
    "ide": ("-device", "ide-hd,drive=disk0"),
    "virtio": ("-device", "virtio-blk-pci,drive=disk0"),
    "nvme": ("-device", "nvme,drive=disk0,serial=bootharness"),
    "usb": ("-device", "qemu-xhci", "-device", "usb-storage,drive=disk0"),
}
CARDS = {
    "virtio": "virtio-net-pci",
    "e1000": "e1000",
    "e1000e": "e1000e",
    "rtl8139": "rtl8139",
}


class Device(Struct, frozen=True):
    """A part of QEMU's command line, the file descriptors that QEMU inherits for it, the
    firmware that can boot from it, and the files that QEMU reads."""

    words: tuple[str, ...]
    fds: tuple[int, ...] = ()
    firmware: Firmware = "bios"
    files: tuple[Path, ...] = ()


def disk_device(disk: Path, interface: str) -> Device:
    """Return a raw disk image as the first disk; writes go to a temporary overlay."""
    drive = f"file={escaped(disk)},format=raw,if=none,id=disk0,snapshot=on,cache=unsafe"
    return Device(("-drive", drive, *_DISKS[interface]), files=(disk,))


def kernel_device(kernel: Path, initrd: Path, cmdline: str) -> Device:
    """Return a kernel that QEMU loads by itself, with an option ROM of its own."""
    words = ("-kernel", str(kernel.absolute()), "-initrd", str(initrd), "-append", cmdline)
    return Device(words, files=(kernel, initrd))


def network_device(
    *,
    nic: str,
    mac: str,
    netdev: str,
    rom: bool = True,
    flash: tuple[Path, Path] | None = None,
    fds: tuple[int, ...] = (),
    capture: Path | None = None,
    chardev: str | None = None,
) -> Device:
    """Return a network card to boot from.

    ``netdev`` is what it is connected to, as QEMU's -netdev with the id ``net0``, ``chardev``
    the -chardev that this forwards connections to. Without ``rom`` the firmware has to boot by
    itself. ``flash`` are a UEFI's code, and its variables, which it may write. ``capture`` is
    a pcap file for QEMU to write.
    """
    words = []
    for unit, path in enumerate(flash or ()):
        readonly = "off" if unit else "on"
        words += ["-drive", f"if=pflash,format=raw,unit={unit},readonly={readonly},"
                            f"file={escaped(path)}"]  # fmt: skip
    if chardev:
        words += ["-chardev", chardev]
    own_rom = "" if rom else ",romfile="
    words += ["-netdev", netdev]
    words += ["-device", f"{CARDS[nic]},netdev=net0,mac={mac},bootindex=0{own_rom}"]
    if capture:
        dump = f"filter-dump,id=dump0,netdev=net0,file={escaped(capture)}"
        words += ["-object", dump]
    return Device(tuple(words), fds, "uefi" if flash else "bios", flash or ())


def escaped(path: Path) -> str:
    """Write a file's name within an option: in QEMU a comma ends it unless it comes twice."""
    return str(path).replace(",", ",,")
