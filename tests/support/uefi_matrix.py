"""Faults of disks that a UEFI boots, by every route, each with the one cause that it must give.

Run as a program it boots them all, RUNS times each, and prints the table.
"""

import gzip
import os
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from bootharness.diagnosis import Judgement, judge
from bootharness.formats.uki import unified
from bootharness.host.assembler import assemble_flat
from bootharness.kernels.image import KernelImage
from bootharness.kernels.initrd import tiny_initrd
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.trace.boot_trace import BootTrace
from tests.support.uefi_programs import (
    AARCH64,
    FALLBACK,
    I386,
    break_chain,
    disk,
    for_machine,
    program,
)

__all__ = ["CASES", "Case", "boot_case", "wrong"]

KERNEL = "deb:linux-image-cloud-amd64/bookworm"
SYSTEMD = Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
STUB = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
GRUB = Path("/usr/lib/grub/x86_64-efi/monolithic/grubx64.efi")
NET_GRUB = Path("/usr/lib/grub/x86_64-efi/monolithic/grubnetx64.efi")
IPXE = Path("/usr/lib/ipxe/ipxe.efi")
MOK_MANAGER = Path("/usr/lib/shim/mmx64.efi.signed")
OPTIONS = "console=ttyS0 panic=-1"
SERIAL = "serial --unit=0 --speed=115200\nterminal_output serial\n"
SEARCH = "search --no-floppy --file --set=root /vmlinuz\n"
_STARTED_BY_GRUB = f"linux /vmlinuz {OPTIONS}\ninitrd /initrd\nboot\n"
_HANG, _UD2, _RETURN = b"\xeb\xfe", b"\x0f\x0b", b"\x31\xc0\xc3"

Files = dict[str, bytes | Path]


class Case(Struct, frozen=True):
    """One fault: what makes its disk in a folder, or the kernel for a route of ours; the cause,
    and words of the sentence. Cause None is a boot that gets over it."""

    name: str
    cause: str | None
    make: Callable[[Path], Path | str]
    words: str = ""
    route: str = "uefi-disk"
    warns: str = ""
    """Words of a warning."""
    choices: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


@cache
def vmlinuz() -> bytes:
    return fetch(KERNEL).path.read_bytes()


def _image() -> KernelImage:
    return fetch(KERNEL)


def entry(text: str | None = None) -> bytes:
    return (text or f"title a\nlinux /vmlinuz\ninitrd /initrd\noptions {OPTIONS}\n").encode()


def systemd(**other: bytes | Path | None) -> Files:
    """The files of a disk with systemd-boot, some of them others or left out."""
    files: dict[str, bytes | Path | None] = {
        FALLBACK: SYSTEMD,
        "loader/loader.conf": b"timeout 0\n",
        "loader/entries/a.conf": entry(),
        "vmlinuz": vmlinuz(),
        "initrd": tiny_initrd(wide=True),
    }
    return {name: each for name, each in (files | other).items() if each is not None}


def grub(config: str | None = None, **other: bytes | Path | None) -> Files:
    """The files of a disk with GRUB, some of them others or left out."""
    text = config or _STARTED_BY_GRUB
    files: dict[str, bytes | Path | None] = {
        FALLBACK: GRUB,
        "EFI/debian/grub.cfg": (SERIAL + SEARCH + text).encode(),
        "vmlinuz": vmlinuz(),
        "initrd": tiny_initrd(wide=True),
    }
    return {name: each for name, each in (files | other).items() if each is not None}


def uki(**other: bytes | None) -> bytes:
    """A unified kernel image, some of its sections others or left out."""
    sections: dict[str, bytes | None] = {
        "cmdline": OPTIONS.encode(), "linux": vmlinuz(), "initrd": tiny_initrd(wide=True)
    }  # fmt: skip
    chosen = {f".{name}": each for name, each in (sections | other).items() if each is not None}
    return unified(STUB.read_bytes(), chosen)


def flipped(kernel: bytes, share: float = 0.5, count: int = 64) -> bytes:
    """Return a kernel with bytes of what is compressed in it changed."""
    header = _image().header
    at = header.real_mode_bytes + (header.payload_offset or 0)
    at += int((header.payload_length or 0) * share)
    return (
        kernel[:at] + bytes(each ^ 0xFF for each in kernel[at : at + count]) + kernel[at + count :]
    )


def on(files: Callable[[], Files], *edits: Callable[[bytearray], None]) -> Callable[[Path], Path]:
    """Return what makes a disk of files and then changes it."""

    def make(folder: Path) -> Path:
        path = disk(folder, files())
        if edits:
            image = bytearray(path.read_bytes())
            for edit in edits:
                edit(image)
            path.write_bytes(image)
        return path

    return make


def kernel_of_route(_folder: Path) -> str:
    return KERNEL


def blank(folder: Path) -> Path:
    path = folder / "disk.img"
    path.write_bytes(bytes(8 << 20))
    return path


def no_table(image: bytearray) -> None:
    image[512 : 512 * 34] = bytes(512 * 33)
    image[-512 * 33 :] = bytes(512 * 33)


def no_first_table(image: bytearray) -> None:
    image[512 : 512 * 34] = bytes(512 * 33)


def first_table_far_away(image: bytearray) -> None:
    image[512 + 72 : 512 + 80] = bytes([255]) * 8


def wrong_checksums(image: bytearray) -> None:
    image[512 + 16] ^= 1
    image[-512 + 16] ^= 1


def unprotected(image: bytearray) -> None:
    image[446:510] = bytes(64)


def never_formatted(image: bytearray) -> None:
    image[2048 * 512 : 2049 * 512] = bytes(512)
    image[2049 * 512 : 2056 * 512] = bytes(7 * 512)


def odd_sectors(image: bytearray) -> None:
    struct.pack_into("<H", image, 2048 * 512 + 11, 768)


def no_boot_sector(image: bytearray) -> None:
    image[2048 * 512 : 2048 * 512 + 512] = bytes(512)


def cut_at(size: int) -> Callable[[bytearray], None]:
    def cut(image: bytearray) -> None:
        del image[size:]

    return cut


def short_chain(
    value: int, name: bytes = b"VMLINUZ    ", after: int = 100
) -> Callable[[bytearray], None]:
    return partial(break_chain, name=name, after=after, value=value)


def bad_section(image: bytes) -> bytes:
    """A program whose last section lies behind the end of its file."""
    (pe,) = struct.unpack_from("<I", image, 0x3C)
    count, optional = struct.unpack_from("<H12xH", image, pe + 6)
    last = pe + 24 + optional + 40 * (count - 1)
    return image[: last + 20] + struct.pack("<I", len(image) + 4096) + image[last + 24 :]


def overlapping(image: bytes) -> bytes:
    """A unified kernel image made with addresses that leave too little room for its kernel."""
    (pe,) = struct.unpack_from("<I", image, 0x3C)
    count, optional = struct.unpack_from("<H12xH", image, pe + 6)
    last = pe + 24 + optional + 40 * (count - 1)
    (at,) = struct.unpack_from("<I", image, last + 12)
    return image[: last + 12] + struct.pack("<I", at - (1 << 20)) + image[last + 16 :]


def entry_point(kernel: bytes, code: bytes) -> bytes:
    """A kernel whose stub has other code at its entry."""
    (pe,) = struct.unpack_from("<I", kernel, 0x3C)
    (at,) = struct.unpack_from("<I", kernel, pe + 40)
    return kernel[:at] + code + kernel[at + len(code) :]


def cut_cpio() -> bytes:
    packed = gzip.compress(os.urandom(200_000) + tiny_initrd(wide=True))
    return packed[: len(packed) // 2]


def _hidden(seconds: int) -> str:
    """An entry that is booted after a while in which GRUB shows nothing, and asks for keys."""
    limit = f"set timeout={seconds}\nset timeout_style=hidden\n"
    return f"{limit}menuentry a {{\n{_STARTED_BY_GRUB}}}\n"


def _with(**files: bytes | Path | None) -> Callable[[Path], Path]:
    """A disk with systemd-boot, some of its files others or left out."""
    return on(lambda: systemd(**files))


def _booted_by(make: Callable[[], bytes]) -> Callable[[Path], Path]:
    """A disk with such a boot file alone."""
    return on(lambda: {FALLBACK: make()})


def _said(text: str) -> Callable[[Path], Path]:
    """A disk with systemd-boot whose entry says this."""
    return _with(**{_ENTRY: text.encode()})


def _configured(text: str) -> Callable[[Path], Path]:
    """A disk with GRUB whose configuration says this, once it has found the disk."""
    return on(lambda: grub(text))


def _boot_file(content: Callable[[], bytes]) -> Callable[[Path], Path]:
    """A disk with systemd-boot, but for its boot file."""
    return on(lambda: systemd(**{FALLBACK: content()}))


def _kernel(make: Callable[[], bytes]) -> Callable[[Path], Path]:
    """A disk with systemd-boot and such a kernel."""
    return on(lambda: systemd(vmlinuz=make()))


def _scripted(*lines: str, kernel: str = "vmlinuz") -> Files:
    """A disk without a boot file, whose script the firmware's shell runs: these lines, and then the
    kernel's."""
    script = (*lines, f"fs0:\\{kernel} initrd=\\initrd {OPTIONS}", "")
    return systemd(**{FALLBACK: None, "startup.nsh": "\r\n".join(script).encode()})


def refusing(times: int) -> bytes:
    """systemd-boot, started by what has the end of the boot services refused."""
    source, behind = Path(__file__).with_name("exits.asm"), SYSTEMD.read_bytes()
    return program(assemble_flat(source, TIMES=times, BYTES=len(behind)) + behind)


def _stubless() -> bytes:
    return fetch("selfcheck:1000000").path.read_bytes()


def _only_for_32_bits() -> Files:
    program_32 = for_machine(SYSTEMD.read_bytes(), I386)
    return systemd(**{FALLBACK: None, "EFI/BOOT/BOOTIA32.EFI": program_32})


_ENTRY, _CONFIG = "loader/entries/a.conf", "EFI/debian/grub.cfg"
_BOOT = "there is no \\EFI\\BOOT\\BOOTX64.EFI"
_FILE, _KERNEL = "\\EFI\\BOOT\\BOOTX64.EFI", "\\vmlinuz"
_DAMAGED = "Volume Corrupt: its file system is damaged"
_BAD_INITRD = b"not an archive " * 1000
_INIT = {"until": "init"}
_SILENT = "kernel-silent"

# what the firmware starts
_STARTED = (
    Case("blank disk", "efi-no-file-system", blank),
    Case("no GPT", "efi-no-file-system", on(systemd, no_table),
         "its MBR says that it has a GPT"),
    Case("first GPT gone", None, on(systemd, no_first_table)),
    Case("first GPT says of a place that no disk has", None, on(systemd, first_table_far_away)),
    Case("boot sector of the FAT gone", "efi-no-file-system", on(systemd, no_boot_sector)),
    Case("checksums of the GPT", "efi-no-file-system", on(systemd, wrong_checksums),
         "the first header has a wrong checksum, and the second one too"),
    Case("no protective partition", "efi-no-file-system", on(systemd, unprotected),
         "its MBR has no partition of type ee"),
    Case("partition never formatted", "efi-no-file-system", on(systemd, never_formatted),
         "partition 1 begins with zeros"),
    Case("FAT with odd sectors", "efi-no-file-system", on(systemd, odd_sectors),
         "the FAT of partition 1 says of 768 bytes to a sector"),
    Case("no boot file", "efi-no-boot-file", _with(**{FALLBACK: None}), _BOOT),
    Case("boot file one folder up", "efi-no-boot-file",
         _with(**{FALLBACK: None, "EFI/BOOTX64.EFI": SYSTEMD}), r"it has \efi\bootx64.efi for x64"),
    Case("boot file for another machine", "efi-no-boot-file",
         on(lambda: {"EFI/BOOT/BOOTAA64.EFI": for_machine(SYSTEMD.read_bytes(), AARCH64)}),
         r"it has \efi\boot\bootaa64.efi for arm64"),
    Case("unified kernel image with sections on each other", "payload-corrupt",
         on(lambda: {FALLBACK: overlapping(uki())}),
         "its sections .linux and .initrd lie on each other in memory"),
    Case("boot file of 32 bits alone", "efi-no-boot-file", on(_only_for_32_bits), _BOOT),
    Case("boot file of i386", "efi-refused",
         _boot_file(lambda: for_machine(SYSTEMD.read_bytes(), I386)), "a program for i386"),
    Case("boot file of arm64", "efi-refused",
         _boot_file(lambda: for_machine(SYSTEMD.read_bytes(), AARCH64)), "a program for arm64"),
    Case("boot file that is text", "efi-refused", _boot_file(lambda: b"#!/bin/sh\n"),
         "it is a script"),
    Case("boot file that is empty", "efi-refused", _boot_file(lambda: b""), "it is empty"),
    Case("boot file of Windows", "efi-refused",
         _boot_file(lambda: program(_RETURN, subsystem=3)), "of subsystem 3"),
    Case("boot file that is a driver", "efi-refused",
         _boot_file(lambda: program(_RETURN, subsystem=11)), "it is a driver"),
    Case("boot file cut short", "efi-refused",
         _boot_file(lambda: SYSTEMD.read_bytes()[:40_000]), _FILE),
    Case("boot file returns", "efi-gave-up", _booted_by(lambda: program(_RETURN)),
         f"{_FILE} gave up"),
    Case("boot file hangs", "efi-hang", _booted_by(lambda: program(_HANG)), _FILE),
    Case("boot file raises an exception", "firmware-crashed",
         _booted_by(lambda: program(_UD2)), f"in {_FILE} at offset 0x001000"),
    Case("boot file that wants a network", "efi-gave-up", on(lambda: {FALLBACK: IPXE}),
         "No more network devices"),
    Case("boot file that asks for a key", "efi-gave-up", on(lambda: {FALLBACK: MOK_MANAGER}),
         'it asked a person "Press any key to perform MOK management'),
    Case("script of the shell", None, on(_scripted)),
    Case("script of many lines", None, on(lambda: _scripted(*["echo a line"] * 300))),
    Case("script of the shell, another kernel's name", "efi-fell-back",
         on(lambda: _scripted(kernel="vmlinux")), "after \\startup.nsh; it says last \"'fs0:\\"),
    Case("script of the shell that pauses", "efi-fell-back", on(lambda: _scripted("pause")),
         "waits for a person in \\startup.nsh; it says last \"Enter 'q' to quit"),
    Case("script of the shell that goes round", "efi-fell-back",
         on(lambda: _scripted("@echo -off", ":a", "goto a")),
         "which ran \\startup.nsh and was not through with it", choices={"timeout_s": 40.0}),
    Case("script of the shell that ends it", "efi-fell-back", on(lambda: _scripted("exit")),
         "after its own shell, which ran \\startup.nsh, the firmware went on to its own menu"),
    Case("script of the shell that resets", "efi-fell-back", on(lambda: _scripted("reset")),
         "which ran \\startup.nsh and had the machine reset"),
)  # fmt: skip
_BY_SYSTEMD_BOOT = (
    Case("systemd: no entry", "efi-gave-up", _with(**{_ENTRY: None}), "the firmware's setup"),
    Case("systemd: no loader.conf", None, _with(**{"loader/loader.conf": None})),
    Case("systemd: a menu without a time limit", "boot-menu-waits",
         _with(**{"loader/loader.conf": b"timeout menu-force\n"}), "a Reboot Into Firmware"),
    Case("systemd: entry without linux", "efi-gave-up", _said(f"title a\noptions {OPTIONS}\n"),
         "can use none of \\loader\\entries\\a.conf"),
    Case("systemd: entry of another kind of name", "efi-gave-up",
         _with(**{_ENTRY: None, "loader/entries/a.txt": entry()}), "whose name ends in .conf"),
    Case("systemd: a folder for the kernel", "efi-refused", _said("title a\nlinux /EFI\n"),
         "it is a folder"),
    Case("systemd: a folder for the initrd", "boot-manager-error",
         _said("title a\nlinux /vmlinuz\ninitrd /EFI\n"), "Halting."),
    Case("systemd: another kernel's name", "efi-gave-up", _said("title a\nlinux /vmlinux\n"),
         "\\vmlinux"),
    Case("systemd: another initrd's name", "efi-gave-up",
         _said(f"linux /vmlinuz\ninitrd /initrf\noptions {OPTIONS}\n"), "\\initrf"),
    Case("systemd: kernel without stub", "efi-refused", _kernel(_stubless),
         "it is a Linux kernel without an EFI stub"),
    Case("systemd: kernel packed", "efi-refused", _kernel(lambda: gzip.compress(vmlinuz(), 1)),
         "it is compressed with gzip"),
    Case("systemd: kernel of zeros", "efi-refused", _kernel(lambda: bytes(4_000_000)),
         "it is 4,000,000 zeros and nothing else"),
    Case("systemd: kernel of arm64", "efi-refused",
         _kernel(lambda: for_machine(vmlinuz(), AARCH64)), _KERNEL),
    Case("systemd: kernel cut short", "efi-refused", _kernel(lambda: vmlinuz()[:3_000_000]),
         _KERNEL),
    Case("systemd: kernel empty", "efi-refused", _kernel(lambda: b""), _KERNEL),
    Case("systemd: kernel's bytes changed", "decompress-failed",
         _kernel(lambda: flipped(vmlinuz())), "Decompression failed"),
    Case("systemd: kernel's stub hangs", "efi-hang",
         _kernel(lambda: entry_point(vmlinuz(), _HANG)), f"of {_KERNEL}"),
    Case("systemd: kernel's stub crashes", "firmware-crashed",
         _kernel(lambda: entry_point(vmlinuz(), _UD2)), f"in {_KERNEL} at offset"),
    Case("systemd: no options", _SILENT, _said("linux /vmlinuz\n"), "without a command line"),
    Case("systemd: options without console", _SILENT, _said("linux /vmlinuz\noptions quiet\n"),
         "no console=ttyS0"),
    Case("systemd: options cut", _SILENT, _said("linux /vmlinuz\noptions console=tty\n"),
         "no console=ttyS0"),
    Case("systemd: no initrd in the entry", "no-init",
         _said(f"linux /vmlinuz\noptions {OPTIONS}\n"), choices=_INIT),
    Case("systemd: initrd that is none", "no-init", _with(initrd=_BAD_INITRD),
         "Initramfs unpacking failed", choices=_INIT),
    Case("systemd: initrd cut short", "no-init", _with(initrd=cut_cpio()),
         "Initramfs unpacking failed", choices=_INIT),
    Case("systemd: initrd empty", "no-init", _with(initrd=b""), choices=_INIT),
    Case("systemd: no root", "no-init",
         _said(f"linux /vmlinuz\noptions {OPTIONS} root=/dev/vdx\n"), "vdx", choices=_INIT),
    Case("systemd: no such init", "no-init",
         _said(f"linux /vmlinuz\ninitrd /initrd\noptions {OPTIONS} rdinit=/nothing\n"),
         choices=_INIT),
)  # fmt: skip
_BY_GRUB = (
    Case("grub: no grub.cfg", "no-grub-config", on(lambda: grub(**{_CONFIG: None})),
         "\\EFI\\debian\\grub.cfg"),
    Case("grub: grub.cfg in another folder", "no-grub-config",
         on(lambda: grub(**{_CONFIG: None, "EFI/ubuntu/grub.cfg": b"boot\n"})),
         "it has \\efi\\ubuntu\\grub.cfg"),
    Case("grub: for networks", "no-grub-config", on(lambda: grub(**{FALLBACK: NET_GRUB})),
         "it looks for \\grub\\x86_64-efi\\grub.cfg"),
    Case("grub: empty grub.cfg", "boot-menu-waits", on(lambda: grub(**{_CONFIG: SERIAL.encode()})),
         "grub>"),
    Case("grub: a hidden time limit", None, _configured(_hidden(6))),
    Case("grub: a long hidden time limit", None, _configured(_hidden(15))),
    Case("grub: a pause that a key of a serial line ends", None,
         _configured(f"terminal_input serial\nsleep -i 6\n{_STARTED_BY_GRUB}")),
    Case("grub: an entry that fails, and one to fall back to", None, _configured(
        f"set timeout=0\nset fallback=1\nmenuentry a {{\nlinux /vmlinux\n}}\n"
        f"menuentry b {{\n{_STARTED_BY_GRUB}}}\n")),
    Case("grub: another kernel's name", "boot-manager-error",
         _configured(f"linux /vmlinux {OPTIONS}\nboot\n"), "/vmlinux' not found"),
    Case("grub: another initrd's name", "boot-manager-error",
         _configured(f"linux /vmlinuz {OPTIONS}\nif initrd /initrf; then boot; fi\n"),
         "/initrf' not found"),
    Case("grub: no such module", "boot-manager-error",
         _configured("insmod nothing\nnothing\n"), "nothing"),
    Case("grub: another disk's name", "boot-manager-error",
         _configured(f"set root=hd7,gpt1\nlinux /vmlinuz {OPTIONS}\nboot\n"), "hd7"),
    Case("grub: a word that is no command", "boot-manager-error",
         _configured(f"linus /vmlinuz {OPTIONS}\nboot\n"), "linus"),
    Case("grub: kernel cut short", "payload-truncated",
         on(lambda: grub(vmlinuz=vmlinuz()[:3_000_000])), "cut short"),
    Case("grub: kernel that is none", "boot-manager-error",
         on(lambda: grub(vmlinuz=b"MZ" * 40_000)), "invalid magic"),
    Case("grub: kernel's bytes changed", "decompress-failed",
         on(lambda: grub(vmlinuz=flipped(vmlinuz())))),
    Case("grub: no initrd", "no-init", _configured(f"linux /vmlinuz {OPTIONS}\nboot\n"),
         choices=_INIT),
    Case("grub: says what a kernel says", "boot-menu-waits",
         _configured("echo 'Linux version 6.1.0 (a@b)'\necho 'Kernel panic - not syncing: x'\n"),
         "waits for a person"),
    Case("grub: its pager", "boot-menu-waits",
         _configured("set pager=1\n" + "echo a line\n" * 40 + "boot\n"), "--MORE--"),
    Case("grub: cut short", "efi-refused",
         on(lambda: grub(**{FALLBACK: GRUB.read_bytes()[:500_000]})), _FILE),
    Case("grub: no console", _SILENT, _configured("linux /vmlinuz quiet\nboot\n"),
         "console=ttyS0"),
)  # fmt: skip
_END_OF_SERVICES = (
    Case("end of boot services refused once", None, _boot_file(lambda: refusing(1)),
         warns="the boot services ended in attempt 2"),
    Case("end of boot services refused always", "efi-exit-refused",
         _boot_file(lambda: refusing(1000)), "Invalid Parameter"),
)  # fmt: skip
# a unified kernel image, and the kernel as the boot file
_ALONE = (
    Case("uki: no kernel in it", "efi-gave-up", _booted_by(lambda: uki(linux=None)),
         ".linux section"),
    Case("uki: no command line in it", _SILENT,
         _booted_by(lambda: uki(cmdline=None, initrd=None)), "without a command line"),
    Case("uki: command line cut", _SILENT,
         _booted_by(lambda: uki(cmdline=b"console=tty", initrd=None)), "no console=ttyS0"),
    Case("uki: no initrd in it", "no-init", _booted_by(lambda: uki(initrd=None)), choices=_INIT),
    Case("uki: initrd that is none", "no-init", _booted_by(lambda: uki(initrd=_BAD_INITRD)),
         "Initramfs unpacking failed", choices=_INIT),
    Case("uki: kernel's bytes changed", "decompress-failed",
         _booted_by(lambda: uki(linux=flipped(vmlinuz()))), "Decompression failed"),
    Case("uki: kernel without stub", "efi-gave-up", _booted_by(lambda: uki(linux=_stubless()))),
    Case("uki: cut short", "efi-refused", _booted_by(lambda: uki()[:3_000_000]), _FILE),
    Case("uki: a section behind its end", "efi-refused", _booted_by(lambda: bad_section(uki())),
         _FILE),
    Case("stub: no command line", _SILENT, _booted_by(vmlinuz), "without a command line"),
    Case("stub: kernel cut short", "efi-refused", _booted_by(lambda: vmlinuz()[:3_000_000]),
         _FILE),
)  # fmt: skip
_IN_FILE_SYSTEM = (
    Case("FAT: kernel ends too early", "efi-refused", on(systemd, short_chain(0x0FFFFFFF)),
         _DAMAGED),
    Case("FAT: kernel's clusters go in a circle", "efi-refused", on(systemd, short_chain(3)),
         _DAMAGED),
    Case("FAT: a free cluster in the kernel", "efi-refused", on(systemd, short_chain(0)),
         _DAMAGED),
    Case("FAT: no cluster behind it", "efi-refused", on(systemd, short_chain(0x0FFFFF0)),
         _DAMAGED),
    Case("image cut within the files", "disk-cut-short", on(systemd, cut_at(6_000_000)),
         "\\initrd"),
    Case("image cut behind the files", None, on(systemd, cut_at(21_504_000)),
         warns="its GPT is that of a disk of"),
)  # fmt: skip


def _faults() -> Iterator[Case]:
    """What goes wrong with the disk, or the machine, while our own routes boot."""

    def case(name: str, cause: str | None, route: str, words: str = "", **choices: Any) -> Case:
        return Case(name, cause, kernel_of_route, words, route, choices=choices)

    def faulty(route: str, fault: str, cause: str | None, words: str = "") -> Case:
        return case(f"{route}: {fault}", cause, route, words, disk_faults=[fault])

    for way in ("uefi-systemd-boot", "uefi-grub", "uefi-uki"):
        yield faulty(way, "error:lba=20000", "disk-read-failed", "the UEFI said all the same")
        yield faulty(way, "flip:lba=20000,byte=7", "payload-corrupt")
    way = "uefi-systemd-boot"
    yield faulty(way, "error:lba=1", "disk-read-failed")
    yield faulty(way, "error:lba=20000,times=1", None)
    yield faulty(way, "slow:rate=8000000", None)
    yield faulty(way, "vanish:after=read:40", "disk-vanished")
    yield faulty(way, "hang:lba=20000", "disk-no-answer")
    yield faulty(way, "cut:bytes=8000000", "disk-cut-short", _KERNEL)
    yield case("64 MiB of memory", "efi-out-of-memory", way, _KERNEL, memory_mib=64)
    yield case("96 MiB of memory, uki", "efi-out-of-memory", "uefi-uki", _FILE, memory_mib=96)


CASES = (
    *_STARTED, *_BY_SYSTEMD_BOOT, *_BY_GRUB, *_END_OF_SERVICES, *_ALONE, *_IN_FILE_SYSTEM,
    *_faults(),
)  # fmt: skip


def boot_case(case: Case) -> BootTrace:
    """Boot a case."""
    with tempfile.TemporaryDirectory() as name:
        source = str(case.make(Path(name)))
        choices = {"route": case.route, "until": "banner", "timeout_s": 120.0, **case.choices}
        return boot(source, choose(BootPlan(idle_s=5), choices))


def wrong(case: Case, judgement: Judgement) -> str:
    """Say what is not as it must be, empty where all is."""
    if judgement.cause != case.cause:
        return f"wanted {case.cause or 'good'}, was {judgement.cause}: {judgement.summary}"
    if case.words not in judgement.summary:
        return f"does not say {case.words!r}: {judgement.summary}"
    if case.warns and not any(case.warns in each for each in judgement.warnings):
        return f"does not warn of {case.warns!r}: {judgement.warnings}"
    return ""


def main() -> int:
    """Boot all cases, or those whose name contains each word that is given, and print the table."""
    runs = int(os.environ.get("RUNS", "1"))
    wanted = [case for case in CASES if all(word in str(case) for word in sys.argv[1:])]
    failed = 0
    for case in wanted:
        said, told, seconds = [], [], []
        for _ in range(runs):
            trace = boot_case(case)
            judgement = judge(trace)
            told.append(judgement.summary)
            said += filter(None, [wrong(case, judgement)])
            seconds.append(trace.ending.seconds)
        failed += bool(said)
        print(
            f"{'FAIL' if said else 'ok  '} {case.name:40} {case.cause or 'boots':18} "
            f"{runs - len(said)} of {runs}, {min(seconds):.2f} to {max(seconds):.2f} s",
            flush=True,
        )
        for each in dict.fromkeys(said or ([told[0]] if "SHOW" in os.environ else [])):
            print(f"     {each}", flush=True)
    print(f"{len(wanted) - failed} of {len(wanted)} as they must be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
