"""Boot loaders and bootable images that Debian packages, booted as the media they are shipped as.

`make zoo`, which is `python -m tests.support.zoo FOLDER [ROW...]`:

    FOLDER/packages   what is not installed here, downloaded by apt and unpacked
    FOLDER/media      what was made of it

A new one is a line of `ROWS`. A row is right when it comes to what it says.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from bootharness.diagnosis import Judgement, judge
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.routes.table import by_what_is_given
from bootharness.trace.boot_trace import BootTrace
from tests.support.media import CMDLINE
from tests.support.zoo_media import (
    KERNEL,
    Maker,
    Packages,
    boot_code,
    extlinux_disk,
    grub_disk,
    grub_floppy,
    grub_legacy_disk,
    isolinux_cd,
    kernel_with_grub,
    rescue_cd,
    shipped,
    syslinux_disk,
    syslinux_floppy,
)

__all__ = ["ROWS", "Row", "booted", "main", "wrong"]

_LIMIT_S = 300.0


class Row(Struct, frozen=True):
    """What is booted, and what must come of it: a cause, or none for a good boot; words of the
    sentence, and the milestones that it must have reached.

    ``choices`` are a person's, named as a plan's fields.
    """

    name: str
    make: Maker
    cause: str | None = None
    says: str = ""
    reached: tuple[str, ...] = ()
    choices: dict[str, Any] = {}


_KERNEL = {"vmlinuz": (KERNEL, "")}
_MEMTEST = {"until_screen": r"Memtest86\+ v"}
_IPXE = {"until_screen": "iPXE 1"}
_IPXE_KERNEL = {"ipxe": ("ipxe", "boot/ipxe.lkrn")}
_MENU = {"until_screen": "GNU GRUB"}
_BANNER = {"until": "banner"}
_RESCUE = "usr/lib/grub-rescue/grub-rescue"
_MBR = "usr/lib/syslinux/mbr"
_ENTERED = ("setup-entered", "banner")
_LABEL = f"default it\nlabel it\n kernel vmlinuz\n append {CMDLINE}\n"
_GPT = (
    "label: gpt\nstart=2048, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, attrs=LegacyBIOSBootable\n"
)
_MEMDISK = ("syslinux-common", "usr/lib/syslinux/memdisk")
_XEN = ("xen-hypervisor-4.17-amd64", "boot/xen-4.17-amd64.gz")
_MACH = ("gnumach-image-1.8-486", "boot/gnumach-1.8-486.gz")
_INVADERS = ("grub-invaders", "boot/invaders.exec")


def _installer(arch: str) -> Row:
    package = f"debian-installer-12-netboot-{arch}"
    tree = f"usr/lib/debian-installer/images/12/{arch}/text/debian-installer/{arch}"
    files = {name: (package, f"{tree}/{name}") for name in ("linux", "initrd.gz")}
    config = f"default it\nlabel it\n kernel linux\n initrd initrd.gz\n append {CMDLINE}\n"
    return Row(
        f"debian-installer {arch} CD",
        isolinux_cd(config, files),
        reached=_ENTERED,
        choices={"until": "(?i)language", "memory_mib": 1024},
    )


ROWS = (
    Row(
        "memtest86+ CD",
        shipped("memtest86+", "usr/lib/memtest86+/memtest86+x64.iso"),
        choices=_MEMTEST,
    ),
    Row(
        "memtest86+ i386 CD",
        shipped("memtest86+", "usr/lib/memtest86+/memtest86+ia32.iso"),
        choices=_MEMTEST,
    ),
    Row(
        "memtest86+ stick",
        shipped("memtest86+", "usr/lib/memtest86+/memtest86+x64.iso"),
        choices=_MEMTEST | {"attached": "usb"},
    ),
    Row("memtest86+ kernel", shipped("memtest86+", "boot/memtest86+x64.bin"), choices=_MEMTEST),
    Row("iPXE CD", shipped("ipxe", "usr/lib/ipxe/ipxe.iso"), choices=_IPXE),
    Row(
        "iPXE stick", shipped("ipxe", "usr/lib/ipxe/ipxe.iso"), choices=_IPXE | {"attached": "usb"}
    ),
    Row("iPXE kernel", shipped("ipxe", "boot/ipxe.lkrn"), choices=_IPXE | {"cmdline": ""}),
    Row("GRUB rescue CD", shipped("grub-rescue-pc", f"{_RESCUE}-cdrom.iso"), choices=_MENU),
    Row(
        "GRUB rescue stick",
        shipped("grub-rescue-pc", f"{_RESCUE}-cdrom.iso"),
        choices=_MENU | {"attached": "usb"},
    ),
    Row("GRUB rescue floppy", shipped("grub-rescue-pc", f"{_RESCUE}-floppy.img"), choices=_MENU),
    Row(
        "GRUB linux disk",
        grub_disk(f"linux (hd0,msdos1)/vmlinuz {CMDLINE}\nboot\n", _KERNEL, "linux"),
        reached=("banner",),
        choices=_BANNER,
    ),
    Row(
        "GRUB linux16 disk",
        grub_disk(f"linux16 (hd0,msdos1)/vmlinuz {CMDLINE}\nboot\n", _KERNEL, "linux16"),
        reached=_ENTERED,
        choices=_BANNER,
    ),
    Row(
        "GRUB GPT disk",
        grub_disk(f"linux16 (hd0,gpt2)/vmlinuz {CMDLINE}\nboot\n", _KERNEL, "linux16", gpt=True),
        reached=_ENTERED,
        choices=_BANNER,
    ),
    Row(
        "GRUB CD",
        rescue_cd(f"linux /vmlinuz {CMDLINE}\nboot\n", _KERNEL),
        reached=("banner",),
        choices=_BANNER,
    ),
    Row(
        "GRUB kernel",
        kernel_with_grub("echo it\n", {}, "echo"),
        cause="kernel-rejected",
        says="its boot protocol is 2.03",
    ),
    Row(
        "GRUB floppy",
        grub_floppy("echo made of boot.img\n", {}, "echo"),
        choices={"until_screen": "made of boot"},
    ),
    Row(
        "GRUB legacy disk",
        grub_legacy_disk(
            f"timeout 0\ntitle it\nroot (hd0,0)\nkernel /vmlinuz {CMDLINE}\n", _KERNEL
        ),
        reached=_ENTERED,
        choices=_BANNER,
    ),
    Row(
        "SYSLINUX floppy",
        syslinux_floppy("default it\nlabel it\n kernel ipxe\n", _IPXE_KERNEL),
        choices=_IPXE,
    ),
    Row(
        "SYSLINUX disk",
        syslinux_disk(_LABEL, _KERNEL, mbr=("syslinux-common", f"{_MBR}/mbr.bin")),
        reached=_ENTERED,
        choices=_BANNER,
    ),
    Row(
        "SYSLINUX GPT disk",
        syslinux_disk(_LABEL, _KERNEL, mbr=("syslinux-common", f"{_MBR}/gptmbr.bin"), table=_GPT),
        reached=_ENTERED,
        choices=_BANNER,
    ),
    Row("install-mbr disk", syslinux_disk(_LABEL, _KERNEL), reached=_ENTERED, choices=_BANNER),
    Row("EXTLINUX disk", extlinux_disk(_LABEL, _KERNEL), reached=_ENTERED, choices=_BANNER),
    Row("ISOLINUX CD", isolinux_cd(_LABEL, _KERNEL), reached=_ENTERED, choices=_BANNER),
    Row(
        "ISOLINUX stick",
        isolinux_cd(_LABEL, _KERNEL, hybrid=True),
        reached=_ENTERED,
        choices=_BANNER | {"attached": "usb"},
    ),
    Row(
        "memdisk",
        syslinux_disk(
            "default it\nlabel it\n kernel memdisk\n initrd rescue.img\n",
            {"memdisk": _MEMDISK, "rescue.img": ("grub-rescue-pc", f"{_RESCUE}-floppy.img")},
            mbr=("syslinux-common", f"{_MBR}/mbr.bin"),
        ),
        choices=_MENU,
    ),
    Row(
        "handoff.bin",
        boot_code("syslinux-common", f"{_MBR}/diag/handoff/handoff.bin"),
        choices={"until_screen": "DL: 80"},
    ),
    Row(
        "geodsp floppy",
        shipped("syslinux-common", f"{_MBR}/diag/geodsp/geodsp1s.img.xz"),
        choices={"until_screen": "80CHS"},
    ),
    Row(
        "Xen",
        grub_disk(
            "multiboot2 (hd0,msdos1)/xen.gz console=com1 com1=115200\n"
            "module2 (hd0,msdos1)/vmlinuz console=hvc0\nboot\n",
            _KERNEL | {"xen.gz": _XEN},
            "multiboot2 gzio",
        ),
        choices={"until": "Dom0 kernel: 64-bit"},
    ),
    Row(
        "GNU Mach",
        grub_disk(
            "multiboot (hd0,msdos1)/gnumach.gz console=com0\nboot\n",
            {"gnumach.gz": _MACH},
            "multiboot gzio",
        ),
        choices={"until": "GNU Mach 1.8"},
    ),
    Row(
        "GRUB Invaders",
        grub_disk(
            "multiboot (hd0,msdos1)/invaders.exec\nboot\n",
            {"invaders.exec": _INVADERS},
            "multiboot",
        ),
        choices={"until_screen": "-[*]-"},
    ),
    _installer("amd64"),
    _installer("i386"),
)


def booted(row: Row, packages: Packages) -> tuple[BootTrace, Judgement]:
    """Boot what a row is about, as what it is."""
    source = str(row.make(packages))
    plan = choose(BootPlan(), {"timeout_s": _LIMIT_S, **row.choices})
    trace = boot(source, by_what_is_given(plan, [source]))
    return trace, judge(trace)


def wrong(row: Row, trace: BootTrace, judgement: Judgement) -> str:
    """Return what is not as the row says, empty where all is."""
    said = " ".join((judgement.summary, *judgement.warnings))
    if judgement.cause != row.cause:
        return f"must be {row.cause or 'good'}"
    if row.says not in said:
        return f"must say {row.says!r}"
    missed = [name for name in row.reached if not trace.reached(name)]
    return f"must reach {', '.join(missed)}" if missed else ""


def main(rows: Iterable[Row], folder: str, *names: str) -> int:
    """Boot the rows, or those so named, print what came of each, and return the exit status."""
    packages = Packages(Path(folder).absolute())
    chosen = [each for each in rows if not names or each.name in names]
    failed = 0
    for row in chosen:
        trace, judgement = booted(row, packages)
        if bad := wrong(row, trace, judgement):
            failed += 1
        points = ", ".join(f"{each.name} {each.seconds:.1f}" for each in trace.milestones)
        line = f"{judgement.cause or 'good'}: {judgement.summary}"
        if judgement.warnings:
            line += f" (warning: {'; '.join(judgement.warnings)})"
        line = re.sub(r"\s+", " ", line)
        print(f"{'WRONG' if bad else 'right'}  {row.name}, {trace.ending.seconds:.1f} s: {line}")
        print(f"       {points}", flush=True)
        if bad:
            print(f"       {bad}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} as they must be")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(ROWS, *sys.argv[1:]))
