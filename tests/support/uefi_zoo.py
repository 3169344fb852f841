"""UEFI programs that Debian packages, on a disk: good, with one thing wrong, unsigned, signed.

`make zoo-uefi`, which is `python -m tests.support.uefi_zoo FOLDER [ROW...]`. A new one is a line
of `ROWS`, as in `tests.support.zoo`.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bootharness.kernels.initrd import tiny_initrd
from bootharness.kernels.source import fetch
from bootharness.routes.esp import write_esp
from tests.support.signing import signed as signed_program
from tests.support.uefi_programs import FALLBACK
from tests.support.zoo import Row, main
from tests.support.zoo_media import KERNEL, Packages

__all__ = ["ROWS"]

_OPTIONS = "console=ttyS0 panic=-1"
_KERNEL_FILE, _INITRD = "vmlinuz", "initrd"
Content = bytes | tuple[str, str]
"""What is in a file, or a package and the path in it."""
Files = Mapping[str, Content | None]
"""Files of a disk by name; None is for one that is not there."""

_REFIND = ("refind", "usr/share/refind/refind/refind_x64.efi")
_SYSLINUX = ("syslinux-efi", "usr/lib/SYSLINUX.EFI/efi64/syslinux.efi")
_LDLINUX = ("syslinux-common", "usr/lib/syslinux/modules/efi64/ldlinux.e64")
_XEN = ("xen-hypervisor-4.17-amd64", "boot/xen-4.17-amd64.efi")
_IPXE = ("ipxe", "usr/lib/ipxe/ipxe.efi")
_MEMTEST = ("memtest86+", "boot/memtest86+x64.efi")
_MEMTEST_32 = ("memtest86+", "boot/memtest86+ia32.efi")
_FWUPD = ("fwupd-unsigned", "usr/libexec/fwupd/efi/fwupdx64.efi")
_TOOLS = "usr/lib/efitools/x86_64-linux-gnu"
_HELLO, _KEY_TOOL = (("efitools", f"{_TOOLS}/{name}.efi") for name in ("HelloWorld", "KeyTool"))
_GUARD = ("efibootguard", "usr/lib/x86_64-linux-gnu/efibootguard/efibootguardx64.efi")
_SHIM = ("shim-signed", "usr/lib/shim/shimx64.efi.signed")
_FBX64 = ("shim-helpers-amd64-signed", "usr/lib/shim/fbx64.efi.signed")
_GRUB = ("grub-efi-amd64-signed", "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed")

_GRUB_CFG = (
    "serial --unit=0 --speed=115200\nterminal_output serial\n"
    f"search --no-floppy --file --set=root /{_KERNEL_FILE}\n"
    f"linux /{_KERNEL_FILE} {_OPTIONS}\ninitrd /{_INITRD}\nboot\n"
)


def _refind(kernel: str = _KERNEL_FILE) -> dict[str, Content | None]:
    entry = f'menuentry "a" {{\nloader /{kernel}\ninitrd /{_INITRD}\noptions "{_OPTIONS}"\n}}\n'
    config = f"timeout -1\ntextonly\nscanfor manual\n{entry}"
    return {FALLBACK: _REFIND, "EFI/BOOT/refind.conf": config.encode()}


def _syslinux(kernel: str = _KERNEL_FILE) -> dict[str, Content | None]:
    config = f"default a\nlabel a\nkernel /{kernel}\ninitrd /{_INITRD}\nappend {_OPTIONS}\n"
    return {
        FALLBACK: _SYSLINUX, "EFI/BOOT/ldlinux.e64": _LDLINUX,
        "EFI/BOOT/syslinux.cfg": config.encode(),
    }  # fmt: skip


def _xen(kernel: str = _KERNEL_FILE) -> dict[str, Content | None]:
    config = (
        "[global]\ndefault=a\n[a]\noptions=console=com1 com1=115200\n"
        f"kernel=\\{kernel} console=hvc0\nramdisk=\\{_INITRD}\n"
    )
    files: dict[str, Content | None] = {FALLBACK: _XEN, "EFI/BOOT/BOOTX64.cfg": config.encode()}
    return files


def _fallback(program: str = "shimx64.efi") -> dict[str, Content | None]:
    """The files of an installed Debian whose boot entry is lost: shim's fallback has it made."""
    entry = f"{program},debian,,a\r\n".encode("utf-16")
    return {
        FALLBACK: _SHIM, "EFI/BOOT/fbx64.efi": _FBX64, "EFI/debian/shimx64.efi": _SHIM,
        "EFI/debian/grubx64.efi": _GRUB, "EFI/debian/BOOTX64.CSV": entry,
        "EFI/debian/grub.cfg": _GRUB_CFG.encode(),
    }  # fmt: skip


def _disk(files: Files, signed: tuple[str, ...], name: str, packages: Packages) -> Path:
    """Make a disk with files, and the kernel and the initrd; those ``signed`` are, by our key."""
    image = packages.medium(f"{name}.img")
    folder = image.with_suffix("")
    folder.mkdir(exist_ok=True)
    given: dict[str, Content | None] = {
        _KERNEL_FILE: fetch(KERNEL).path.read_bytes(), _INITRD: tiny_initrd(wide=True), **files
    }  # fmt: skip
    made = {}
    for number, (place, content) in enumerate(given.items()):
        if content is None:
            continue
        file = folder / f"file{number}"
        file.write_bytes(
            content if isinstance(content, bytes) else packages.file(*content).read_bytes()
        )
        if place in signed:
            file = signed_program(file, file.with_suffix(".signed"), packages.folder)
        made[place] = file
    write_esp(image, made)
    return image


def _row(
    name: str, files: Files, cause: str | None = None, says: str = "", *,
    signed: tuple[str, ...] = (), reached: tuple[str, ...] = (), **choices: Any,
) -> Row:  # fmt: skip
    make: Callable[[Packages], Path] = partial(_disk, files, signed, name.replace(" ", "-"))
    usual = {"firmware": "uefi", "until": "banner"}
    return Row(name, make, cause, says, reached, usual | choices)


_SECURE = {"firmware": "uefi-secure"}
_REFUSED = "secure-boot-refused"
_UNSIGNED = "the firmware refuses \\EFI\\BOOT\\BOOTX64.EFI"
_DOM0 = {"until": "Dom0 kernel: 64-bit"}

ROWS = (
    _row("rEFInd", _refind(), reached=("kernel-started", "banner")),
    _row("rEFInd, another kernel's name", _refind("vmlinux"), "boot-manager-error", "vmlinux"),
    # it finds kernel and initrd itself; the kernel has no console, and its /init speaks
    _row("rEFInd, no configuration", _refind() | {"EFI/BOOT/refind.conf": None},
         reached=("kernel-started", "init")),
    _row("rEFInd, Secure Boot", _refind(), _REFUSED, _UNSIGNED, **_SECURE),
    _row("SYSLINUX", _syslinux(), reached=("banner",)),
    _row("SYSLINUX, another kernel's name", _syslinux("vmlinux"), "boot-manager-error", "vmlinux"),
    _row("SYSLINUX, no configuration", _syslinux() | {"EFI/BOOT/syslinux.cfg": None},
         "boot-manager-error", "No configuration file found"),
    _row("SYSLINUX, no ldlinux.e64", _syslinux() | {"EFI/BOOT/ldlinux.e64": None}, "efi-gave-up",
         "ldlinux.e64"),
    _row("SYSLINUX, Secure Boot", _syslinux(), _REFUSED, _UNSIGNED, **_SECURE),
    _row("Xen", _xen(), **_DOM0),
    _row("Xen, no configuration", _xen() | {"EFI/BOOT/BOOTX64.cfg": None}, "efi-gave-up",
         "No configuration file found", **_DOM0),
    _row("Xen, another kernel's name", _xen("vmlinux"), "efi-gave-up", "vmlinux", **_DOM0),
    _row("Xen, Secure Boot", _xen(), _REFUSED, _UNSIGNED, **_SECURE),
    _row("iPXE", {FALLBACK: _IPXE}, until="iPXE 1"),
    _row("iPXE, without a network", {FALLBACK: _IPXE}, "efi-gave-up",
         "No more network devices"),
    _row("iPXE, Secure Boot", {FALLBACK: _IPXE}, _REFUSED, _UNSIGNED, **_SECURE),
    _row("memtest86+", {"memtest.efi": _MEMTEST}, until="Memtest86",
         boot_entries=("\\memtest.efi console=ttyS0,115200",)),
    _row("memtest86+ of 32 bits", {FALLBACK: _MEMTEST_32}, "efi-refused", "i386"),
    _row("memtest86+, Secure Boot", {FALLBACK: _MEMTEST}, _REFUSED, _UNSIGNED, **_SECURE),
    _row("fwupd without an update", {FALLBACK: _FWUPD}, "efi-gave-up", "\\EFI\\BOOT\\BOOTX64.EFI"),
    _row("efitools' HelloWorld", {FALLBACK: _HELLO}, "efi-hang", "OK"),  # a button in a box
    _row("efitools' KeyTool", {FALLBACK: _KEY_TOOL}, "efi-hang", "KeyTool main menu"),  # a menu
    _row("EFI Boot Guard without an environment", {FALLBACK: _GUARD}, "efi-gave-up", "BGENV.DAT"),
    _row("fallback", _fallback(), reached=("banner",)),
    # shim 16.1 sleeps for minutes behind its words; the one before had the machine reset
    _row("fallback, another program's name", _fallback("shimx46.efi"), "efi-refused",
         "shimx46.efi", timeout_s=40),
    _row("fallback, no list", _fallback() | {"EFI/debian/BOOTX64.CSV": None}, "efi-gave-up",
         "BOOTX64.CSV"),
    _row("fallback, Secure Boot", _fallback(), reached=("banner",), **_SECURE),
)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(ROWS, *sys.argv[1:]))
