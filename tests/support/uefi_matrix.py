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
OPTIONS = "console=ttyS0 panic=-1"
SERIAL = "serial --unit=0 --speed=115200\nterminal_output serial\n"
SEARCH = "search --no-floppy --file --set=root /vmlinuz\n"
_HANG, _UD2, _RETURN, _RESET_BY_TRIPLE = b"\xeb\xfe", b"\x0f\x0b", b"\x31\xc0\xc3", b"\x0f\x01\x1d"

Files = dict[str, bytes | Path]


class Case(Struct, frozen=True):
    """One fault: what makes its disk in a folder, or the kernel for a route of ours; the cause,
    and words of the sentence. Cause None is a boot that gets over it."""

    name: str
    cause: str | None
    make: Callable[[Path], Path | str]
    words: str = ""
    route: str = "uefi-disk"
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
    text = config or f"linux /vmlinuz {OPTIONS}\ninitrd /initrd\nboot\n"
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


def entry_point(kernel: bytes, code: bytes) -> bytes:
    """A kernel whose stub has other code at its entry."""
    (pe,) = struct.unpack_from("<I", kernel, 0x3C)
    (at,) = struct.unpack_from("<I", kernel, pe + 40)
    return kernel[:at] + code + kernel[at + len(code) :]


def cut_cpio() -> bytes:
    packed = gzip.compress(os.urandom(200_000) + tiny_initrd(wide=True))
    return packed[: len(packed) // 2]


def _faulty(fault: str) -> Mapping[str, Any]:
    return {"disk_faults": [fault]}


_BOOT = "there is no \\EFI\\BOOT\\BOOTX64.EFI"
_INIT = {"until": "init"}


def _started() -> Iterator[Case]:
    yield Case("blank disk", "efi-no-file-system", blank)
    yield Case("no GPT", "efi-no-file-system", on(systemd, no_table))
    yield Case("first GPT gone", None, on(systemd, no_first_table))
    yield Case("boot sector of the FAT gone", "efi-no-file-system", on(systemd, no_boot_sector))
    yield Case("no boot file", "efi-no-boot-file", on(lambda: systemd(**{FALLBACK: None})), _BOOT)
    yield Case(
        "boot file of 32 bits alone",
        "efi-no-boot-file",
        on(
            lambda: systemd(
                **{FALLBACK: None, "EFI/BOOT/BOOTIA32.EFI": for_machine(SYSTEMD.read_bytes(), I386)}
            )
        ),
        _BOOT,
    )
    yield Case(
        "boot file of i386",
        "efi-refused",
        on(lambda: systemd(**{FALLBACK: for_machine(SYSTEMD.read_bytes(), I386)})),
        "BOOTX64.EFI",
    )
    yield Case(
        "boot file of arm64",
        "efi-refused",
        on(lambda: systemd(**{FALLBACK: for_machine(SYSTEMD.read_bytes(), AARCH64)})),
        "BOOTX64.EFI",
    )
    yield Case(
        "boot file that is text",
        "efi-refused",
        on(lambda: systemd(**{FALLBACK: b"#!/bin/sh\n"})),
        "BOOTX64.EFI",
    )
    yield Case(
        "boot file that is empty",
        "efi-refused",
        on(lambda: systemd(**{FALLBACK: b""})),
        "BOOTX64.EFI",
    )
    yield Case(
        "boot file of Windows",
        "efi-refused",
        on(lambda: systemd(**{FALLBACK: program(_RETURN, subsystem=3)})),
        "BOOTX64.EFI",
    )
    yield Case(
        "boot file cut short",
        "efi-refused",
        on(lambda: systemd(**{FALLBACK: SYSTEMD.read_bytes()[:40_000]})),
        "BOOTX64.EFI",
    )
    yield Case(
        "boot file returns",
        "efi-gave-up",
        on(lambda: {FALLBACK: program(_RETURN)}),
        "BOOTX64.EFI gave up",
    )
    yield Case("boot file hangs", "efi-hang", on(lambda: {FALLBACK: program(_HANG)}), "BOOTX64.EFI")
    yield Case(
        "boot file raises an exception",
        "firmware-crashed",
        on(lambda: {FALLBACK: program(_UD2)}),
        "BOOTX64.EFI",
    )


def _by_systemd_boot() -> Iterator[Case]:
    yield Case(
        "systemd: no entry",
        "efi-gave-up",
        on(lambda: systemd(**{"loader/entries/a.conf": None})),
        "BOOTX64.EFI",
    )
    yield Case("systemd: no loader.conf", None, on(lambda: systemd(**{"loader/loader.conf": None})))
    yield Case(
        "systemd: entry without linux",
        "efi-gave-up",
        on(lambda: systemd(**{"loader/entries/a.conf": entry(f"title a\noptions {OPTIONS}\n")})),
    )
    yield Case(
        "systemd: another kernel's name",
        "efi-gave-up",
        on(lambda: systemd(**{"loader/entries/a.conf": entry("title a\nlinux /vmlinux\n")})),
        "\\vmlinux",
    )
    yield Case(
        "systemd: another initrd's name",
        "efi-gave-up",
        on(
            lambda: systemd(
                **{
                    "loader/entries/a.conf": entry(
                        f"linux /vmlinuz\ninitrd /initrf\noptions {OPTIONS}\n"
                    )
                }
            )
        ),
        "\\initrf",
    )
    yield Case(
        "systemd: kernel without stub",
        "efi-refused",
        on(lambda: systemd(vmlinuz=fetch("selfcheck:1000000").path.read_bytes())),
        "\\vmlinuz",
    )
    yield Case(
        "systemd: kernel of arm64",
        "efi-refused",
        on(lambda: systemd(vmlinuz=for_machine(vmlinuz(), AARCH64))),
        "\\vmlinuz",
    )
    yield Case(
        "systemd: kernel cut short",
        "efi-refused",
        on(lambda: systemd(vmlinuz=vmlinuz()[:3_000_000])),
        "\\vmlinuz",
    )
    yield Case(
        "systemd: kernel empty", "efi-refused", on(lambda: systemd(vmlinuz=b"")), "\\vmlinuz"
    )
    yield Case(
        "systemd: kernel's bytes changed",
        "decompress-failed",
        on(lambda: systemd(vmlinuz=flipped(vmlinuz()))),
    )
    yield Case(
        "systemd: kernel's stub hangs",
        "efi-hang",
        on(lambda: systemd(vmlinuz=entry_point(vmlinuz(), _HANG))),
        "\\vmlinuz",
    )
    yield Case(
        "systemd: kernel's stub crashes",
        "firmware-crashed",
        on(lambda: systemd(vmlinuz=entry_point(vmlinuz(), _UD2))),
        "\\vmlinuz",
    )
    yield Case(
        "systemd: no options",
        "kernel-silent",
        on(lambda: systemd(**{"loader/entries/a.conf": entry("linux /vmlinuz\ninitrd /initrd\n")})),
        "without a command line",
    )
    yield Case(
        "systemd: options without console",
        "kernel-silent",
        on(
            lambda: systemd(
                **{
                    "loader/entries/a.conf": entry(
                        "linux /vmlinuz\ninitrd /initrd\noptions panic=-1\n"
                    )
                }
            )
        ),
        "no console=ttyS0",
    )
    yield Case(
        "systemd: options cut",
        "kernel-silent",
        on(
            lambda: systemd(
                **{
                    "loader/entries/a.conf": entry(
                        "linux /vmlinuz\ninitrd /initrd\noptions console=tty\n"
                    )
                }
            )
        ),
        "no console=ttyS0",
    )
    yield Case(
        "systemd: no initrd in the entry",
        "no-init",
        on(
            lambda: systemd(
                **{"loader/entries/a.conf": entry(f"linux /vmlinuz\noptions {OPTIONS}\n")}
            )
        ),
        choices=_INIT,
    )
    yield Case(
        "systemd: initrd that is none",
        "initramfs-cut",
        on(lambda: systemd(initrd=b"not an archive " * 1000)),
        choices=_INIT,
    )
    yield Case(
        "systemd: initrd cut short",
        "initramfs-cut",
        on(lambda: systemd(initrd=cut_cpio())),
        choices=_INIT,
    )
    yield Case("systemd: initrd empty", "no-init", on(lambda: systemd(initrd=b"")), choices=_INIT)
    yield Case(
        "systemd: no root",
        "no-init",
        on(
            lambda: systemd(
                **{
                    "loader/entries/a.conf": entry(
                        f"linux /vmlinuz\noptions {OPTIONS} root=/dev/vdx\n"
                    )
                }
            )
        ),
        choices=_INIT,
    )
    yield Case(
        "systemd: no such init",
        "no-init",
        on(
            lambda: systemd(
                **{
                    "loader/entries/a.conf": entry(
                        f"linux /vmlinuz\ninitrd /initrd\noptions {OPTIONS} rdinit=/nothing\n"
                    )
                }
            )
        ),
        choices=_INIT,
    )


def _by_grub() -> Iterator[Case]:
    yield Case(
        "grub: no grub.cfg",
        "boot-menu-waits",
        on(lambda: grub(**{"EFI/debian/grub.cfg": None})),
        "grub>",
    )
    yield Case(
        "grub: empty grub.cfg",
        "boot-menu-waits",
        on(lambda: grub(**{"EFI/debian/grub.cfg": SERIAL.encode()})),
        "grub>",
    )
    yield Case(
        "grub: another kernel's name",
        "boot-manager-error",
        on(lambda: grub(f"linux /vmlinux {OPTIONS}\nboot\n")),
        "/vmlinux' not found",
    )
    yield Case(
        "grub: another initrd's name",
        "boot-manager-error",
        on(lambda: grub(f"linux /vmlinuz {OPTIONS}\ninitrd /initrf && boot\n")),
        "/initrf' not found",
    )
    yield Case(
        "grub: no such module",
        "boot-manager-error",
        on(lambda: grub(f"insmod nothing && linux /vmlinuz {OPTIONS} && boot\n")),
        "nothing.mod' not found",
    )
    yield Case(
        "grub: another disk's name",
        "boot-manager-error",
        on(lambda: grub(f"set root=hd7,gpt1\nlinux /vmlinuz {OPTIONS}\nboot\n")),
        "hd7",
    )
    yield Case(
        "grub: a word that is no command",
        "boot-manager-error",
        on(lambda: grub(f"linus /vmlinuz {OPTIONS}\nboot\n")),
        "linus",
    )
    yield Case(
        "grub: kernel cut short",
        "boot-manager-error",
        on(lambda: grub(vmlinuz=vmlinuz()[:3_000_000])),
        "premature end of file",
    )
    yield Case(
        "grub: kernel that is none",
        "boot-manager-error",
        on(lambda: grub(vmlinuz=b"MZ" * 40_000)),
        "",
    )
    yield Case(
        "grub: kernel's bytes changed",
        "decompress-failed",
        on(lambda: grub(vmlinuz=flipped(vmlinuz()))),
    )
    yield Case(
        "grub: no initrd",
        "no-init",
        on(lambda: grub(f"linux /vmlinuz {OPTIONS}\nboot\n")),
        choices=_INIT,
    )
    yield Case(
        "grub: cut short",
        "efi-refused",
        on(lambda: grub(**{FALLBACK: GRUB.read_bytes()[:500_000]})),
        "BOOTX64.EFI",
    )
    yield Case(
        "grub: no console",
        "kernel-silent",
        on(lambda: grub("linux /vmlinuz panic=-1\ninitrd /initrd\nboot\n")),
        "console=ttyS0",
    )


def _unified() -> Iterator[Case]:
    yield Case("uki: no kernel in it", "efi-gave-up", on(lambda: {FALLBACK: uki(linux=None)}))
    yield Case(
        "uki: no command line in it",
        "kernel-silent",
        on(lambda: {FALLBACK: uki(cmdline=None)}),
        "command line",
    )
    yield Case(
        "uki: command line cut",
        "kernel-silent",
        on(lambda: {FALLBACK: uki(cmdline=b"console=tty")}),
        "no console=ttyS0",
    )
    yield Case(
        "uki: no initrd in it", "no-init", on(lambda: {FALLBACK: uki(initrd=None)}), choices=_INIT
    )
    yield Case(
        "uki: initrd that is none",
        "initramfs-cut",
        on(lambda: {FALLBACK: uki(initrd=b"not an archive " * 1000)}),
        choices=_INIT,
    )
    yield Case(
        "uki: kernel's bytes changed",
        "decompress-failed",
        on(lambda: {FALLBACK: uki(linux=flipped(vmlinuz()))}),
    )
    yield Case(
        "uki: kernel without stub",
        "efi-gave-up",
        on(lambda: {FALLBACK: uki(linux=fetch("selfcheck:1000000").path.read_bytes())}),
    )
    yield Case(
        "uki: cut short", "efi-refused", on(lambda: {FALLBACK: uki()[:3_000_000]}), "BOOTX64.EFI"
    )
    yield Case(
        "uki: a section behind its end",
        "efi-refused",
        on(lambda: {FALLBACK: bad_section(uki())}),
        "BOOTX64.EFI",
    )


def _as_boot_file() -> Iterator[Case]:
    yield Case(
        "stub: no command line",
        "kernel-silent",
        on(lambda: {FALLBACK: vmlinuz()}),
        "without a command line",
    )
    yield Case(
        "stub: kernel cut short",
        "efi-refused",
        on(lambda: {FALLBACK: vmlinuz()[:3_000_000]}),
        "BOOTX64.EFI",
    )


def _in_file_system() -> Iterator[Case]:
    yield Case(
        "FAT: kernel ends too early",
        "efi-refused",
        on(systemd, short_chain(0x0FFFFFFF)),
        "\\vmlinuz",
    )
    yield Case(
        "FAT: kernel's clusters go in a circle",
        "efi-refused",
        on(systemd, short_chain(3)),
        "\\vmlinuz",
    )
    yield Case(
        "FAT: a free cluster in the kernel", "efi-refused", on(systemd, short_chain(0)), "\\vmlinuz"
    )
    yield Case(
        "FAT: no cluster behind it", "efi-refused", on(systemd, short_chain(0x0FFFFF0)), "\\vmlinuz"
    )
    yield Case(
        "image cut in the kernel", "disk-cut-short", on(systemd, cut_at(6_000_000)), "\\vmlinuz"
    )
    yield Case("image cut behind the files", None, on(systemd, cut_at(21_504_000)))


def _disk_fails() -> Iterator[Case]:
    for way in ("uefi-systemd-boot", "uefi-grub", "uefi-uki"):
        yield Case(
            f"{way}: error",
            "disk-read-failed",
            kernel_of_route,
            route=way,
            choices=_faulty("error:lba=20000"),
        )
    way = "uefi-systemd-boot"
    yield Case(
        "disk: error in the GPT",
        "disk-read-failed",
        kernel_of_route,
        route=way,
        choices=_faulty("error:lba=1"),
    )
    yield Case(
        "disk: error once",
        None,
        kernel_of_route,
        route=way,
        choices=_faulty("error:lba=20000,times=1"),
    )
    yield Case(
        "disk: gone",
        "disk-vanished",
        kernel_of_route,
        route=way,
        choices=_faulty("vanish:after=read:40"),
    )
    yield Case(
        "disk: hangs",
        "disk-no-answer",
        kernel_of_route,
        route=way,
        choices=_faulty("hang:lba=20000"),
    )
    yield Case(
        "disk: cut",
        "disk-cut-short",
        kernel_of_route,
        route=way,
        choices=_faulty("cut:bytes=8000000"),
    )
    yield Case(
        "disk: flip",
        "payload-corrupt",
        kernel_of_route,
        route=way,
        choices=_faulty("flip:lba=20000,byte=7"),
    )
    yield Case(
        "uefi-grub: flip",
        "payload-corrupt",
        kernel_of_route,
        route="uefi-grub",
        choices=_faulty("flip:lba=20000,byte=7"),
    )
    yield Case(
        "uefi-uki: flip",
        "payload-corrupt",
        kernel_of_route,
        route="uefi-uki",
        choices=_faulty("flip:lba=20000,byte=7"),
    )


def _machine() -> Iterator[Case]:
    yield Case(
        "memory: 64 MiB",
        "efi-out-of-memory",
        kernel_of_route,
        route="uefi-systemd-boot",
        choices={"memory_mib": 64},
    )
    yield Case(
        "memory: 96 MiB, UKI",
        "efi-out-of-memory",
        kernel_of_route,
        route="uefi-uki",
        choices={"memory_mib": 96},
    )


_GROUPS = (
    _started,
    _by_systemd_boot,
    _by_grub,
    _unified,
    _as_boot_file,
    _in_file_system,
    _disk_fails,
    _machine,
)
CASES = tuple(case for group in _GROUPS for case in group())


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
