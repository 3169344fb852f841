"""Folders of boot files as people have them, and what comes of each: good ones, and those with one
thing wrong.

`make trees`, which is `python -m tests.support.net_trees FOLDER [ROW...]`:

    FOLDER/packages   what is not installed here, downloaded by apt and unpacked
    FOLDER/trees      the folders that were made

A new one is a line of `ROWS`. A row is right when it comes to what it says.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from bootharness.diagnosis import Judgement, judge
from bootharness.kernels.initrd import tiny_initrd
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.trace.boot_trace import BootTrace
from tests.support.zoo_media import Packages, run

__all__ = ["ROWS", "Row", "booted", "main", "wrong"]

_LIMIT_S = 900.0
_CMDLINE = "console=ttyS0,115200 panic=-1 no_timer_check"


class Of(Struct, frozen=True):
    """A file of a package."""

    package: str
    path: str


class Link(Struct, frozen=True):
    """A symbolic link."""

    to: str


class Made(Struct, frozen=True):
    """What a function makes, given the packages."""

    by: Callable[[Packages], bytes]


What = str | bytes | Of | Link | Made
Tree = Mapping[str, What]
"""Files by name."""


def _synthetic(_packages: Packages) -> bytes:
    return fetch("selfcheck:300000").path.read_bytes()


def _linux(_packages: Packages) -> bytes:
    return fetch("deb:linux-image-cloud-amd64/bookworm").path.read_bytes()


def _vmlinux(_packages: Packages) -> bytes:
    """Return what is packed in a bzImage: an ELF file."""
    kernel = fetch("deb:linux-image-cloud-amd64/bookworm")
    assert kernel.compressed
    # how large it was stands behind it, which lz4 takes for a part that it does not know
    packed = kernel.compressed[1].read()
    return subprocess.run(["lz4", "-dcf"], input=packed, capture_output=True, check=False).stdout


def _unsigned(packages: Packages) -> bytes:
    """Return a kernel of which a byte is not the one that was signed."""
    kernel = bytearray(_linux(packages))
    kernel[0x1F0000] ^= 1
    return bytes(kernel)


def _initrd(_packages: Packages) -> bytes:
    return tiny_initrd(wide=True)


KERNEL, LINUX, INITRD = Made(_synthetic), Made(_linux), Made(_initrd)
VMLINUX = Made(_vmlinux)
_BIOS_MODULES = "usr/lib/syslinux/modules/bios"


def _module(name: str) -> Of:
    return Of("syslinux-common", f"{_BIOS_MODULES}/{name}")


def _label(*lines: str, kernel: str = "vmlinuz", initrd: str = "initrd.img") -> str:
    return "\n".join(
        (*lines, "LABEL linux", f" KERNEL {kernel}", f" INITRD {initrd}", f" APPEND {_CMDLINE}", "")
    )


_FILES: Tree = {"vmlinuz": KERNEL, "initrd.img": INITRD}
_DEFAULT = _label("DEFAULT linux")
_PXELINUX: Tree = {
    **_FILES,
    "pxelinux.0": Of("pxelinux", "usr/lib/PXELINUX/pxelinux.0"),
    "ldlinux.c32": _module("ldlinux.c32"),
}
PXELINUX: Tree = {**_PXELINUX, "pxelinux.cfg/default": _DEFAULT}
_MENU_MODULES: Tree = {name: _module(name) for name in ("menu.c32", "libutil.c32", "libcom32.c32")}
_OF_UEFI = "usr/lib/syslinux/modules/efi64"
SYSLINUX_EFI: Tree = {
    "vmlinuz": LINUX,
    "initrd.img": INITRD,
    "syslinux.efi": Of("syslinux-efi", "usr/lib/SYSLINUX.EFI/efi64/syslinux.efi"),
    "ldlinux.e64": Of("syslinux-common", f"{_OF_UEFI}/ldlinux.e64"),
    "pxelinux.cfg/default": _DEFAULT,
}
_HTTP = "http://10.0.2.100/"
LPXELINUX: Tree = {
    **_FILES,
    "lpxelinux.0": Of("pxelinux", "usr/lib/PXELINUX/lpxelinux.0"),
    "ldlinux.c32": _module("ldlinux.c32"),
    "pxelinux.cfg/default": _label(
        "DEFAULT linux", kernel=f"{_HTTP}vmlinuz", initrd=f"{_HTTP}initrd.img"
    ),
}
_LOAD = f"kernel vmlinuz {_CMDLINE}\ninitrd initrd.img\nboot\n"
_LOAD_UEFI = f"kernel vmlinuz initrd=initrd.img {_CMDLINE}\ninitrd initrd.img\nboot\n"
_UNDIONLY: Tree = {**_FILES, "undionly.kpxe": Of("ipxe", "usr/lib/ipxe/undionly.kpxe")}


def _script(text: str) -> str:
    return f"#!ipxe\n{text}"


IPXE: Tree = {**_UNDIONLY, "boot.ipxe": _script(_LOAD)}
SNPONLY: Tree = {
    "vmlinuz": LINUX,
    "initrd.img": INITRD,
    "snponly.efi": Of("ipxe", "usr/lib/ipxe/snponly.efi"),
    "boot.ipxe": _script(_LOAD_UEFI),
}
_IPXE_MENU = """\
menu What is to be booted?
item --gap -- The network:
item linux Linux
item shell A shell
choose --timeout 500 --default linux chosen && goto ${chosen}
:shell
shell
:linux
"""
_UUID = "8e4b4c7a-0c5e-4b6f-9f5e-0123456789ab"
_LARGE_INITRD = Made(lambda packages: _initrd(packages) + bytes(100_000_000))
_UNREADABLE = () if os.geteuid() == 0 else ("tftp-not-found", ("cannot be read",))
# iPXE takes what it does not know for a boot program: what a page does as code ends some time
_RUN_AS_CODE = {"timeout_s": 90.0}
_HTML = "<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>\n"


_SHOWN = "what is in the floppy runs"
_FLOPPY = (bytes.fromhex("31c08ed8be157cac84c07406b40ecd10ebf5f4ebfd") + _SHOWN.encode()).ljust(
    510, b"\0"
) + b"\x55\xaa"
"""A boot sector that writes a line and stops."""
_GRUB_CFG = """\
set timeout=1
menuentry linux {{
  linux{bits} /vmlinuz {cmdline}
  initrd{bits} /initrd.img
}}
"""
_GRUB_MODULES = ("efinet", "tftp", "normal", "configfile", "linux", "test", "sleep")
_SHIM: Tree = {
    "vmlinuz": LINUX,
    "initrd.img": INITRD,
    "shimx64.efi": Of("shim-signed", "usr/lib/shim/shimx64.efi.signed"),
    "grubx64.efi": Of(
        "grub-efi-amd64-signed", "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"
    ),
}
SHIM: Tree = {**_SHIM, "grub/grub.cfg": _GRUB_CFG.format(cmdline=_CMDLINE, bits="")}


def _ltsp(packages: Packages) -> bytes:
    """Return the script that `ltsp ipxe` makes for one image."""
    made = packages.file("ltsp", "usr/share/ltsp/server/ipxe/ltsp.ipxe").read_text()
    item = "item --key 1 x86_64               x86_64.img"
    made = re.sub(r"^#.*item.*\bimages\b.*", item, made, flags=re.MULTILINE)
    return re.sub(r"^:images$", ":x86_64\n:images", made, flags=re.MULTILINE).encode()


LTSP: Tree = {
    "ltsp/undionly.kpxe": Of("ipxe", "usr/lib/ipxe/undionly.kpxe"),
    "ltsp/snponly.efi": Of("ipxe", "usr/lib/ipxe/snponly.efi"),
    "ltsp/ltsp.ipxe": Made(_ltsp),
    "ltsp/ltsp.img": INITRD,
    "ltsp/x86_64/vmlinuz": KERNEL,
    "ltsp/x86_64/initrd.img": INITRD,
}
# as fai-chboot writes it for a host at this address
FAI: Tree = {
    "fai/pxelinux.0": Of("pxelinux", "usr/lib/PXELINUX/pxelinux.0"),
    "fai/ldlinux.c32": _module("ldlinux.c32"),
    "fai/vmlinuz-6.1.0-18-amd64": KERNEL,
    "fai/initrd.img-6.1.0-18-amd64": INITRD,
    "fai/pxelinux.cfg/0A00020F": (
        "# generated by fai-chboot for host demo with IP 10.0.2.15\ndefault fai-generated\n\n"
        "label fai-generated\nkernel vmlinuz-6.1.0-18-amd64\n"
        "append initrd=initrd.img-6.1.0-18-amd64 ip=dhcp root=/srv/fai rootovl FAI_ACTION=install\n"
    ),
}


def _mknetdir(folder: Path) -> None:
    """Let GRUB put what it boots a BIOS with into a folder."""
    run("grub-mknetdir", f"--net-directory={folder}", "--subdir=boot/grub", "-d",
        "/usr/lib/grub/i386-pc")  # fmt: skip


def _grub_for_uefi(folder: Path) -> None:
    """Make a GRUB for UEFI that looks for its configuration elsewhere than most."""
    run("grub-mkimage", "-O", "x86_64-efi", "-o", folder / "bootx64.efi", "-p", "/srv/grub",
        "-d", "/usr/lib/grub/x86_64-efi", *_GRUB_MODULES)  # fmt: skip


def _many(folder: Path) -> None:
    """Put so many files into a folder that nobody may look at all of them."""
    for at in range(1000):
        (folder / f"old/{at:03}").mkdir(parents=True)
        for number in range(100):
            (folder / f"old/{at:03}/{number:02}").touch()


def _cd(folder: Path) -> None:
    """Make a CD with GRUB and a kernel, as grub-mkrescue does, that a UEFI boots too."""
    tree = folder / "tree"
    (tree / "boot/grub").mkdir(parents=True)
    (tree / "boot/grub/grub.cfg").write_text(_GRUB_CFG.format(cmdline=_CMDLINE, bits=""))
    shutil.copyfile(fetch("deb:linux-image-cloud-amd64/bookworm").path, tree / "vmlinuz")
    (tree / "initrd.img").write_bytes(tiny_initrd(wide=True))
    run("grub-mkrescue", "-o", folder / "boot.iso", tree)
    shutil.rmtree(tree)


def _cd_for_a_bios(folder: Path) -> None:
    """Make a CD that only a BIOS boots."""
    tree = folder / "tree"
    tree.mkdir()
    (tree / "boot.img").write_bytes(bytes(2048))
    run("xorriso", "-as", "mkisofs", "-o", folder / "boot.iso", "-b", "boot.img", "-no-emul-boot",
        "-boot-load-size", "4", tree)  # fmt: skip
    shutil.rmtree(tree)


def _without_normal(folder: Path) -> None:
    (folder / "boot/grub/i386-pc/normal.mod").unlink()


def _locked(folder: Path) -> None:
    (folder / "vmlinuz").chmod(0)


_PAGE = "<!DOCTYPE html>\n<html><title>404 Not Found</title></html>\n" * 99
_DISK_OVER_HTTP = {"route": "uefi-http-root", "bootfile": "boot.iso"}


class Row(Struct, frozen=True):
    """A folder, and what must come of it: a cause, or none for a good boot; words of the sentence.

    ``choices`` are a person's, named as a plan's fields; ``fill`` puts further files into it,
    and ``fill_after`` changes those that are there.
    """

    name: str
    tree: Tree
    cause: str | None = None
    says: tuple[str, ...] = ()
    uefi: bool = False
    choices: dict[str, Any] = {}
    fill: Callable[[Path], None] | None = None
    fill_after: Callable[[Path], None] | None = None


def _without(tree: Tree, *names: str) -> Tree:
    return {name: what for name, what in tree.items() if name not in names}


ROWS = (
    # PXELINUX
    Row("pxelinux by default", PXELINUX),
    Row("pxelinux by address", {**_PXELINUX, "pxelinux.cfg/0A00020F": _DEFAULT}),
    Row("pxelinux by network", {**_PXELINUX, "pxelinux.cfg/0A0002": _DEFAULT}),
    Row("pxelinux by MAC", {**_PXELINUX, "pxelinux.cfg/01-52-54-00-12-34-01": _DEFAULT}),
    Row(
        "pxelinux with a menu",
        {
            **_PXELINUX,
            **_MENU_MODULES,
            "pxelinux.cfg/default": _label("DEFAULT menu.c32", "TIMEOUT 10", "ONTIMEOUT linux"),
        },
    ),
    Row(
        "pxelinux with two initrds",
        {
            **_PXELINUX,
            "early.img": INITRD,
            "pxelinux.cfg/default": _label("DEFAULT linux", initrd="early.img,initrd.img"),
        },
    ),
    Row("lpxelinux over HTTP", LPXELINUX),
    Row(
        "pxelinux without a configuration",
        _PXELINUX,
        "tree-no-config",
        ("pxelinux.cfg/01-52-54-00-12-34-01", "pxelinux.cfg/0A00020F", "pxelinux.cfg/default"),
    ),
    Row("pxelinux without ldlinux", _without(PXELINUX, "ldlinux.c32"), "tftp-not-found",
        ("ldlinux.c32",)),
    Row("pxelinux without a kernel", _without(PXELINUX, "vmlinuz"), "tftp-not-found", ("vmlinuz",)),
    Row("pxelinux without a text that it does without, and without a kernel",
        {**_without(PXELINUX, "vmlinuz"), "pxelinux.cfg/default": f"DISPLAY boot.msg\n{_DEFAULT}"},
        "tftp-not-found", ("vmlinuz was asked for, after boot.msg",)),
    Row("pxelinux and a graphical menu without its picture and a kernel",
        {**_without(_PXELINUX, "vmlinuz"), **_MENU_MODULES, "vesamenu.c32": _module("vesamenu.c32"),
         "pxelinux.cfg/default":
             f"MENU BACKGROUND bg.png\n{_label('DEFAULT vesamenu.c32', 'TIMEOUT 10')}"},
        "tftp-not-found", ("vmlinuz was asked for", "after bg.png"), choices={"timeout_s": 30}),
    Row("pxelinux without an initrd", _without(PXELINUX, "initrd.img"), "tftp-not-found",
        ("initrd.img",)),
    Row("pxelinux and a kernel of another case",
        {**_without(PXELINUX, "vmlinuz"), "Vmlinuz": KERNEL},
        "tftp-not-found", ("vmlinuz", "but there is Vmlinuz")),
    Row("pxelinux and a link that leads out", {**PXELINUX, "vmlinuz": Link("/etc/hostname")},
        "tftp-not-found", ("a link that leads out of the folder",)),
    Row("pxelinux and a label that is not there",
        {**PXELINUX, "pxelinux.cfg/default": _label("DEFAULT windows")},
        "tftp-not-found", ("windows",)),
    Row("pxelinux and a kernel of zeros", {**PXELINUX, "vmlinuz": bytes(1 << 20)},
        "tree-wrong-file", ("vmlinuz begins with", "zeros")),
    Row("pxelinux of zeros", {**PXELINUX, "pxelinux.0": bytes(1 << 15)}, "tree-wrong-file",
        ("pxelinux.0, the nbp, begins with 32,768 zeros",)),
    Row("pxelinux and an empty kernel", {**PXELINUX, "vmlinuz": b""}, "tree-wrong-file",
        ("vmlinuz", "empty")),
    Row("pxelinux and a page in place of the kernel", {**PXELINUX, "vmlinuz": _HTML},
        "tree-wrong-file", ("vmlinuz", "a page of HTML")),
    Row("pxelinux and another ldlinux",
        {**PXELINUX, "ldlinux.c32": _module("../efi64/ldlinux.e64")},
        "tree-wrong-file", ("ldlinux.c32",)),
    Row("pxelinux and a menu without a time limit",
        {**_PXELINUX, **_MENU_MODULES, "pxelinux.cfg/default": _label("DEFAULT menu.c32")},
        "boot-menu-waits"),
    Row("pxelinux and a graphical menu that tries again for an initrd that is not there",
        {**_PXELINUX, **_MENU_MODULES, "vesamenu.c32": _module("vesamenu.c32"),
         "pxelinux.cfg/default": _label("DEFAULT vesamenu.c32", "TIMEOUT 10", initrd="gone.img")},
        "tftp-not-found", ("gone.img was asked for",), choices={"timeout_s": 30}),
    Row("pxelinux and a kernel with the name of a boot program",
        {**_without(PXELINUX, "vmlinuz"), "vmlinuz-6.1.0": KERNEL,
         "pxelinux.cfg/default": _label("DEFAULT linux", kernel="vmlinuz-6.1.0")},
        "kernel-as-boot-program", ("vmlinuz-6.1.0", "a boot program")),
    Row("pxelinux and a Linux with the name of a boot sector",
        {**_without(PXELINUX, "vmlinuz"), "vmlinuz.bss": LINUX,
         "pxelinux.cfg/default": _label("DEFAULT linux", kernel="vmlinuz.bss")},
        "kernel-as-boot-program", ("vmlinuz.bss", "a boot sector", "too large")),
    Row("pxelinux and a kernel with such a name, of which it is told that it is one",
        {**_without(PXELINUX, "vmlinuz"), "vmlinuz-6.1.0": KERNEL,
         "pxelinux.cfg/default": _label("DEFAULT linux", kernel="vmlinuz-6.1.0").replace(
             "KERNEL", "LINUX")}),
    Row("pxelinux and a kernel of its own kind, told that it is one",
        {**_without(PXELINUX, "vmlinuz"), "memtest.bin": Of("memtest86+", "boot/memtest86+x64.bin"),
         "pxelinux.cfg/default": "DEFAULT it\nLABEL it\n LINUX memtest.bin\n"},
        "kernel-silent", choices={"timeout_s": 30.0}),
    Row("pxelinux by UUID",
        # it writes the bytes as the firmware has them: three fields are back to front
        {**_PXELINUX, "pxelinux.cfg/7a4c4b8e-5e0c-6f4b-9f5e-0123456789ab": _DEFAULT},
        choices={"uuid": _UUID}),
    Row("pxelinux by a UUID as people write it", {**_PXELINUX, f"pxelinux.cfg/{_UUID}": _DEFAULT},
        "tree-no-config", ("pxelinux.cfg/7a4c4b8e-5e0c-6f4b-9f5e-0123456789ab",),
        choices={"uuid": _UUID}),
    Row("pxelinux and a name with control characters",
        {**_PXELINUX, "vm\x01lin\x1b[2Juz": KERNEL,
         "pxelinux.cfg/default": _label("DEFAULT linux", kernel="vm\x01lin\x1b[2Juz")},
        "tftp-not-found", ("vm was asked for",)),
    Row("pxelinux and a name that leads out",
        {**_PXELINUX, "pxelinux.cfg/default": _label("DEFAULT linux", kernel="../../etc/hostname")},
        "tftp-not-found", ("leads out of the folder",)),
    Row("pxelinux and a name that comes back",
        {**_PXELINUX, "pxelinux.cfg/default": _label("DEFAULT linux", kernel="sub/../vmlinuz")}),
    Row("pxelinux and a folder that is a link out",
        {**_PXELINUX, "etc": Link("/etc"),
         "pxelinux.cfg/default": _label("DEFAULT linux", kernel="etc/hostname")},
        "tftp-not-found", ("a link that leads out of the folder",)),
    Row("pxelinux and a link within",
        {**_without(PXELINUX, "vmlinuz"), "old/vmlinuz": KERNEL, "vmlinuz": Link("old/vmlinuz")}),
    Row("pxelinux and a link to itself",
        {**_without(PXELINUX, "vmlinuz"), "vmlinuz": Link("vmlinuz")},
        "tftp-not-found", ("a link that leads nowhere",)),
    Row("pxelinux and an empty configuration", {**_PXELINUX, "pxelinux.cfg/default": ""},
        "tree-wrong-file", ("pxelinux.cfg/default", "is empty")),
    Row("pxelinux and an empty initrd", {**PXELINUX, "initrd.img": b""},
        "tree-wrong-file", ("initrd.img is empty",)),
    Row("pxelinux that is empty", {**PXELINUX, "pxelinux.0": b""},
        "tree-wrong-file", ("pxelinux.0, the nbp, is empty, and the card's PXE gave up",)),
    Row("pxelinux and a kernel and an initrd in each other's place",
        {**PXELINUX, "vmlinuz": INITRD, "initrd.img": KERNEL}, "tree-wrong-file",
        ("initrd.img, the kernel, is a kernel of Linux and no initrd",)),
    Row("pxelinux and an initrd cut short",
        {**PXELINUX, "vmlinuz": LINUX,
         "initrd.img": Made(lambda packages: gzip.compress(_initrd(packages))[:-200])},
        "no-init", ("read error",), choices={"until": "init"}),
    Row("pxelinux and another separator",
        {**_PXELINUX, "boot/vmlinuz": KERNEL,
         "pxelinux.cfg/default": _label("DEFAULT linux", kernel="boot\\vmlinuz")},
        "tftp-not-found", ("but there is boot/vmlinuz",)),
    Row("pxelinux and names with a slash",
        {**_PXELINUX,
         "pxelinux.cfg/default": _label("DEFAULT linux", kernel="/vmlinuz", initrd="/initrd.img")},
        choices={"bootfile": "pxelinux.0", "dhcp_options": ("67=/pxelinux.0",)}),
    Row("pxelinux and lines as DOS ends them",
        {**_PXELINUX, "pxelinux.cfg/default": _DEFAULT.replace("\n", "\r\n")}),
    Row("pxelinux and IPAPPEND", {**_PXELINUX, "pxelinux.cfg/default": f"{_DEFAULT} IPAPPEND 3\n"}),
    Row("pxelinux and an included file that is not there",
        {**_PXELINUX, "pxelinux.cfg/default": "INCLUDE common.cfg\nDEFAULT linux\n"},
        "tftp-not-found", ("common.cfg",)),
    Row("pxelinux and an included file that it does without",
        {**_PXELINUX, "pxelinux.cfg/default": f"INCLUDE common.cfg\n{_DEFAULT}"}),
    Row("pxelinux that leaves it to a disk that is not there",
        {**_PXELINUX, "pxelinux.cfg/default": "DEFAULT hd\nLABEL hd\n LOCALBOOT 0\n"},
        "loader-gave-up", ("Booting from local disk...",)),
    Row("pxelinux that goes on with itself",
        {**_PXELINUX, "pxelinux.cfg/default": "DEFAULT p\nLABEL p\n PXE pxelinux.0\n"},
        "chain-loop", ("pxelinux.0, the nbp, is loaded again and again", "asked for between")),
    Row("pxelinux and a module that has the machine begin again",
        {**_PXELINUX, "pxelinux.cfg/default": "DEFAULT r\nLABEL r\n COM32 reboot.c32\n",
         **{name: _module(name) for name in ("reboot.c32", "libcom32.c32", "libutil.c32")}},
        "reset-bios", ("over the network came last", "reboot.c32")),
    Row("pxelinux and a configuration in capitals",
        {**_PXELINUX, "PXELINUX.CFG/DEFAULT": _DEFAULT}, "tree-no-config",
        ("pxelinux.cfg/default, but there is PXELINUX.CFG/DEFAULT",)),
    Row("pxelinux and an initrd packed twice",
        {**PXELINUX, "vmlinuz": LINUX,
         "initrd.img": Made(lambda packages: gzip.compress(gzip.compress(_initrd(packages))))},
        "no-init", ("initrd.img is compressed twice",), choices={"until": "init"}),
    Row("pxelinux and names in capitals",
        {**{name.upper(): what for name, what in _PXELINUX.items()},
         "PXELINUX.CFG/DEFAULT": _DEFAULT},
        "tftp-not-found", ("ldlinux.c32", "but there is LDLINUX.C32"),
        choices={"bootfile": "PXELINUX.0"}),
    Row("undionly and lines as DOS ends them",
        {**IPXE, "boot.ipxe": _script(f"goto load\n:load\n{_LOAD}").replace("\n", "\r\n")}),
    Row("undionly and a label of a variable's that there is not",
        {**IPXE, "boot.ipxe": _script("set x nowhere\ngoto ${x}\n")}, "script-error",
        ("a `goto` of the script went to a label that is not in it",)),
    Row("undionly and a variable that is not set",
        {**IPXE, "boot.ipxe": _script(f"isset ${{site}} && goto site\n{_LOAD}:site\n{_LOAD}")},
        "script-error", ("what an `isset` of the script asks for is not set",)),
    Row("undionly and a variable that is not set, and that does without",
        {**IPXE, "boot.ipxe": _script(f"isset ${{site}} && goto site ||\n{_LOAD}:site\n{_LOAD}")}),
    Row("snponly and a variable that is another",
        {**SNPONLY, "boot.ipxe": _script(
            f"iseq ${{platform}} pcbios && goto bios\n{_LOAD_UEFI}:bios\n{_LOAD}")},
        "script-error", ("what an `iseq` of the script compares is not equal",), uefi=True),
    Row("undionly that goes on with a program for UEFI",
        {**IPXE, "snponly.efi": Of("ipxe", "usr/lib/ipxe/snponly.efi"),
         "boot.ipxe": _script("chain snponly.efi\n")},
        "wrong-boot-program", ("snponly.efi is a boot program for x64 UEFI",)),
    Row("snponly that goes on with a program for a BIOS",
        {**SNPONLY, "undionly.kpxe": Of("ipxe", "usr/lib/ipxe/undionly.kpxe"),
         "boot.ipxe": _script("chain undionly.kpxe\n")},
        "wrong-boot-program", ("undionly.kpxe is a boot program for PC BIOS", "Exec format error"),
        uefi=True),
    Row("SYSLINUX for UEFI", SYSLINUX_EFI, uefi=True),
    Row("SYSLINUX for UEFI with a menu",
        {**SYSLINUX_EFI,
         **{name: Of("syslinux-common", f"{_OF_UEFI}/{name}") for name in _MENU_MODULES},
         "pxelinux.cfg/default": _label("DEFAULT menu.c32", "TIMEOUT 10", "ONTIMEOUT linux")},
        uefi=True),
    Row("SYSLINUX for UEFI without ldlinux", _without(SYSLINUX_EFI, "ldlinux.e64"),
        "tftp-not-found", ("ldlinux.e64 was asked for", 'gave up: "Failed to load ldlinux.e64"'),
        uefi=True),
    Row("SYSLINUX for UEFI without a kernel", _without(SYSLINUX_EFI, "vmlinuz"), "tftp-not-found",
        ("vmlinuz was asked for",), uefi=True),
    Row("SYSLINUX for UEFI and a module for a BIOS",
        {**SYSLINUX_EFI, **_MENU_MODULES,
         "pxelinux.cfg/default": _label("DEFAULT menu.c32", "TIMEOUT 10", "ONTIMEOUT linux")},
        "tree-wrong-file", ("menu.c32", "no module of SYSLINUX for a UEFI of 64 bits"), uefi=True),
    Row("GRUB for UEFI and a configuration where it looks",
        {"vmlinuz": LINUX, "initrd.img": INITRD,
         "srv/grub/grub.cfg": _GRUB_CFG.format(cmdline=_CMDLINE, bits="")},
        uefi=True, fill=_grub_for_uefi),
    Row("GRUB for UEFI and a configuration elsewhere",
        {"vmlinuz": LINUX, "initrd.img": INITRD,
         "boot/grub/grub.cfg": _GRUB_CFG.format(cmdline=_CMDLINE, bits="")},
        "tree-no-config", ("/srv/grub/grub.cfg",), uefi=True, fill=_grub_for_uefi),
    # root can read what nobody may
    Row("pxelinux and a kernel that may not be read", PXELINUX, *_UNREADABLE, fill_after=_locked),
    Row("pxelinux and a machine that is too small",
        {**PXELINUX, "vmlinuz": LINUX, "initrd.img": _LARGE_INITRD}, "initrd-misplaced",
        ("came whole and pxelinux.0 finds no place for it",),
        choices={"until": "init", "memory_mib": 128}),
    Row("pxelinux among 100,000 files", PXELINUX, fill=_many),
    # iPXE
    Row("undionly with a script", IPXE),
    Row("undionly with a menu", {**IPXE, "boot.ipxe": _script(_IPXE_MENU + _LOAD)}),
    Row("undionly with a fallback",
        {**IPXE, "boot.ipxe": _script(f"kernel gone || goto ours\n:ours\n{_LOAD}")}),
    Row("undionly with a fallback that sleeps first",
        {**IPXE, "boot.ipxe": _script(f"chain {_HTTP}gone ||\nsleep 5\n{_LOAD}")}),
    Row("undionly with a fallback behind a server that nobody is",
        {**IPXE, "boot.ipxe": _script(
            f"kernel {_HTTP}gone || kernel tftp://10.0.2.99/vmlinuz || kernel vmlinuz {_CMDLINE}\n"
            "initrd initrd.img\nboot\n")}),
    Row("undionly with a fallback behind a wait that a setting says",
        {**IPXE, "boot.ipxe": _script(
            "set menu-timeout 5000\nchain nothere.ipxe ||\nmenu Boot\nitem linux Linux\n"
            f"choose --timeout ${{menu-timeout}} chosen || goto linux\n:linux\n{_LOAD}")}),
    Row("undionly behind a gateway that nobody is",
        {**IPXE, "boot.ipxe": _script(
            "set net0/ip 192.168.7.7\nset net0/netmask 255.255.255.0\n"
            f"set net0/gateway 192.168.7.1\n{_LOAD}")},
        "server-not-there", ("nobody has the address 192.168.7.1, which boot.ipxe names: iPXE",)),
    Row("lpxelinux and a kernel of a server that nobody is",
        {**LPXELINUX, "pxelinux.cfg/default":
            _label("DEFAULT linux", kernel="http://10.0.2.77/vmlinuz")},
        "server-not-there", ("nobody has the address 10.0.2.77, which pxelinux.cfg/default names",
                             "PXELINUX asked for it 7 times")),
    Row("undionly with a fallback behind a disk by AoE that nobody has",
        {**IPXE, "boot.ipxe": _script(
            f"chain nothere.ipxe ||\nsanboot aoe:e0.0 ||\n{_LOAD}")}),
    Row("undionly with the initrd in the kernel's place",
        {**IPXE, "boot.ipxe": _script("kernel initrd.img\ninitrd vmlinuz\nboot\n")},
        "tree-wrong-file", ("initrd.img is no bzImage but a cpio archive",)),
    Row("pxelinux with the initrd in the kernel's place",
        {**_PXELINUX, "pxelinux.cfg/default":
            _label("DEFAULT linux", kernel="initrd.img", initrd="vmlinuz")},
        "tree-wrong-file", ("initrd.img is no bzImage but a cpio archive", "pxelinux.0 gave up")),
    Row("undionly with a vmlinux", {**IPXE, "vmlinuz": VMLINUX},
        "tree-wrong-file", ("vmlinuz is no bzImage but an ELF file, as a vmlinux is",)),
    Row("pxelinux with a vmlinux", {**PXELINUX, "vmlinuz": VMLINUX},
        "tree-wrong-file", ("vmlinuz is no bzImage but an ELF file, as a vmlinux is",)),
    Row("snponly with a vmlinux", {**SNPONLY, "vmlinuz": VMLINUX},
        "tree-wrong-file", ("vmlinuz is no bzImage but an ELF file, as a vmlinux is",),
        uefi=True),
    Row("shim and GRUB with a vmlinux", {**SHIM, "vmlinuz": VMLINUX},
        "tree-wrong-file", ("vmlinuz is no bzImage but an ELF file, as a vmlinux is",), uefi=True),
    Row("undionly with an initrd before the kernel that is not there",
        {**_without(IPXE, "vmlinuz"), "boot.ipxe": _script(
            f"initrd initrd.img\nkernel vmlinuz {_CMDLINE}\nboot\n")},
        "tftp-not-found", ("vmlinuz was asked for",)),
    Row("undionly at another port",
        {**IPXE, "boot.ipxe": _script("chain http://boot.example.org:5248/load\n"),
         "load": _script(_LOAD)}),
    Row("undionly with an address of its own",
        {**IPXE, "boot.ipxe": _script(
            f"ifclose net0\nset net0/ip 10.0.2.77\nset net0/netmask 255.255.255.0\nifopen net0\n"
            f"chain {_HTTP}load\n"),
         "load": _script(_LOAD)}),
    Row("undionly and a command that there is not",
        {**IPXE, "boot.ipxe": _script("params\n")}, "script-error",
        ('"params: command not found", and then "Could not boot image: ',)),
    Row("undionly and a script that boots nothing",
        {**IPXE, "boot.ipxe": _script(_LOAD.replace("boot\n", ""))}, "loader-gave-up",
        ("undionly.kpxe left it to the BIOS", "vmlinuz, the kernel, had come whole and was not")),
    Row("undionly and a script with a byte order mark",
        {**IPXE, "boot.ipxe": b"\xef\xbb\xbf" + _script(_LOAD).encode()}, "tree-wrong-file",
        ("boot.ipxe, the nbp, begins with a byte order mark",)),
    Row("undionly with a script for each",
        {
            **_UNDIONLY,
            "boot.ipxe": _script("chain mac-${net0/mac:hexhyp}.ipxe || chain ip-${net0/ip}.ipxe\n"),
            "ip-10.0.2.15.ipxe": _script(_LOAD),
        }),
    Row("undionly over HTTP",
        {**IPXE, "boot.ipxe": _script(f"set base {_HTTP}\nkernel ${{base}}vmlinuz {_CMDLINE}\n"
                                      "initrd ${base}initrd.img\nboot\n")}),
    Row("snponly with a script", SNPONLY, uefi=True),
    Row("snponly with a menu", {**SNPONLY, "boot.ipxe": _script(_IPXE_MENU + _LOAD_UEFI)},
        uefi=True),
    Row("snponly with a fallback",
        {**SNPONLY, "boot.ipxe": _script(f"kernel gone || goto ours\n:ours\n{_LOAD_UEFI}")},
        uefi=True),
    Row("snponly and a machine that is too small", {**SNPONLY, "initrd.img": _LARGE_INITRD},
        "initrd-misplaced", ("was given up when its size was told",), uefi=True,
        choices={"until": "init", "memory_mib": 128}),
    Row("iPXE with a script that sleeps", {**_FILES, "boot.ipxe": _script(f"sleep 20\n{_LOAD}")}),
    Row("iPXE with a script that sleeps for too long",
        {**_FILES, "boot.ipxe": _script(f"sleep 900\n{_LOAD}")}, "time-too-short",
        ("iPXE may wait, for 900 s by its script",), choices={"timeout_s": 30.0}),
    Row("iPXE with a prompt without a time limit",
        {**_FILES, "boot.ipxe": _script(f"prompt Go on?\n{_LOAD}")}, "boot-menu-waits",
        ("Go on?",)),
    Row("undionly and an empty script", {**IPXE, "boot.ipxe": ""}, "tree-wrong-file",
        ("boot.ipxe, the nbp, is empty, and undionly.kpxe gave up",)),
    Row("undionly that loads itself", _UNDIONLY, "chain-loop", ("undionly.kpxe",)),
    Row("undionly without a kernel", _without(IPXE, "vmlinuz"), "tftp-not-found", ("vmlinuz",)),
    Row("undionly without what it does without, and without a kernel",
        {**_without(IPXE, "vmlinuz"),
         "boot.ipxe": _script("chain own.ipxe || echo none\nkernel vmlinuz || goto failed\n"
                              "boot\n:failed\necho it failed\nshell\n")},
        "tftp-not-found", ("vmlinuz was asked for, after own.ipxe",)),
    Row("undionly without any script of several",
        {**_UNDIONLY,
         "boot.ipxe": _script("chain mac-${net0/mac:hexhyp}.ipxe || chain default.ipxe\n")},
        "tftp-not-found", ("default.ipxe was asked for, after mac-52-54-00-12-34-01.ipxe",)),
    Row("undionly without what it does without, and with a command that there is not",
        {**IPXE, "boot.ipxe": _script("chain own.ipxe ||\nparams\n")}, "script-error",
        ("params: command not found",)),
    Row("undionly that chains PXELINUX, which has no kernel",
        {**_without(PXELINUX, "vmlinuz"), **_UNDIONLY,
         "boot.ipxe": _script("chain pxelinux.0\n"),
         "pxelinux.cfg/default": _label("DEFAULT linux", kernel="gone")},
        "tftp-not-found", ("gone was asked for", "then PXELINUX gave up"),
        choices={"bootfile": "undionly.kpxe"}),
    Row("undionly without a kernel over HTTP",
        {**_UNDIONLY, "boot.ipxe": _script(f"kernel {_HTTP}gone\nboot\n")},
        "http-status", ("gone",)),
    Row("undionly and a page in place of the script",
        {**_UNDIONLY, "boot.ipxe": _script("chain menu.ipxe\n"), "menu.ipxe": _HTML},
        "tree-wrong-file", ("menu.ipxe", "a page of HTML"), choices=_RUN_AS_CODE),
    Row("undionly and a page in place of the kernel", {**IPXE, "vmlinuz": _HTML},
        "tree-wrong-file", ("vmlinuz", "a page of HTML"), choices=_RUN_AS_CODE),
    Row("undionly and a kernel cut short",
        {**IPXE, "vmlinuz": Made(lambda packages: _synthetic(packages)[:100_000])},
        "payload-truncated", ("95,392 bytes of the 300,000",)),
    Row("undionly and a script that tries again for an initrd that is not there",
        {**IPXE, "boot.ipxe": _script(
            ":again\nkernel vmlinuz\nsleep 1\ninitrd gone.img && boot || goto again\n")},
        "tftp-not-found", ("gone.img",), choices={"timeout_s": 30}),
    Row("undionly and a menu without a time limit",
        {**IPXE, "boot.ipxe": _script(_IPXE_MENU.replace("--timeout 500 ", "") + _LOAD)},
        "boot-menu-waits"),
    Row("undionly and a script that goes round",
        {**IPXE, "boot.ipxe": _script(":again\necho again\nsleep 1\ngoto again\n")},
        "tree-wrong-file", ("boot.ipxe, the script, goes round for ever", "`goto again`")),
    Row("undionly and a shell", {**IPXE, "boot.ipxe": _script("shell\n")}, "boot-menu-waits",
        ("iPXE>",)),
    Row("snponly and an initrd that is not passed on",
        {**SNPONLY, "boot.ipxe": _script(_LOAD)}, "tree-initrd-unused", ("initrd.img",),
        uefi=True, choices={"until": "init"}),
    Row("snponly and an initrd by another name than the kernel is told",
        {**SNPONLY, "boot.ipxe": _script(_LOAD_UEFI.replace("initrd=initrd", "initrd=other"))},
        "tree-initrd-unused", ("initrd.img", "Failed to open file: other.img"), uefi=True,
        choices={"until": "init"}),
    Row("snponly without a script, so it loads itself", _without(SNPONLY, "boot.ipxe"),
        "chain-loop", ("snponly.efi",), uefi=True),
    Row("snponly and a kernel without an EFI stub", {**SNPONLY, "vmlinuz": KERNEL},
        "tree-wrong-file", ("vmlinuz, the kernel, has no EFI stub",), uefi=True),
    Row("systemd-boot, which wants a disk",
        {**_without(SNPONLY, "snponly.efi"), "systemd-bootx64.efi": Of(
            "systemd-boot-efi", "usr/lib/systemd/boot/efi/systemd-bootx64.efi")},
        "script-error", ("systemd-bootx64.efi gave up", "failed to start"), uefi=True,
        choices={"bootfile": "systemd-bootx64.efi"}),
    Row("shim and a text in GRUB's place", {**SHIM, "grubx64.efi": "hello\n" * 100},
        "tree-wrong-file", ("grubx64.efi is text and no program of a UEFI", "shim gave up"),
        uefi=True),
    # what Debian's packages make
    Row("LTSP's folder", LTSP),
    Row("FAI's folder", FAI),
    Row("shim and GRUB", SHIM, uefi=True),
    Row("shim and GRUB with Secure Boot", SHIM, uefi=True, choices={"firmware": "uefi-secure"}),
    Row("snponly with Secure Boot", SNPONLY, "secure-boot-refused", ("snponly.efi",), uefi=True,
        choices={"firmware": "uefi-secure"}),
    Row("GRUB with Secure Boot, without shim",
        {**_without(SHIM, "shimx64.efi")}, "secure-boot-refused", ("grubx64.efi",), uefi=True,
        choices={"firmware": "uefi-secure", "bootfile": "grubx64.efi"}),
    Row("shim and a kernel that nobody has signed", {**SHIM, "vmlinuz": Made(_unsigned)},
        "secure-boot-refused", ("vmlinuz", "bad shim signature"), uefi=True,
        choices={"firmware": "uefi-secure"}),
    Row("shim and GRUB that leaves it to the firmware",
        {**_SHIM, "grub/grub.cfg": "exit\n"}, "efi-gave-up",
        ("went back to the firmware without an error, running grub/grub.cfg",), uefi=True),
    Row("shim and GRUB with a command that there is not by a UEFI",
        {**_SHIM, "grub/grub.cfg": _GRUB_CFG.format(cmdline=_CMDLINE, bits="16")},
        "boot-manager-error", ("can't find command `linux16'",), uefi=True,
        choices={"timeout_s": 60.0}),
    Row("shim and GRUB that has the machine begin again",
        {**_SHIM, "grub/grub.cfg": "reboot\n"}, "efi-gave-up",
        ("had the machine reset", "(ResetSystem), running grub/grub.cfg"), uefi=True),
    Row("shim and GRUB that switches the machine off",
        {**_SHIM, "grub/grub.cfg": "halt\n"}, "guest-powered-off",
        ("over the network came last shimx64.efi, grubx64.efi, grub/grub.cfg",), uefi=True),
    Row("shim and GRUB without a configuration", _SHIM, "tree-no-config", ("grub.cfg",), uefi=True),
    Row("shim and GRUB without a kernel", _without(SHIM, "vmlinuz"), "tftp-not-found",
        ("vmlinuz",), uefi=True),
    Row("shim and GRUB that starts the kernel without an initrd",
        {**SHIM, "grub/grub.cfg":
            _GRUB_CFG.format(cmdline=_CMDLINE, bits="").replace("initrd.img", "gone.img")},
        "initrd-dropped", ("gone.img was asked for, and the folder has no such file",), uefi=True,
        choices={"until": "init"}),
    Row("shim and GRUB without a file that it does without, and without a kernel",
        {**_without(SHIM, "vmlinuz"),
         "grub/grub.cfg":
             f"source /grub/custom.cfg\n{_GRUB_CFG.format(cmdline=_CMDLINE, bits='')}"},
        "tftp-not-found", ("vmlinuz was asked for, after /grub/custom.cfg",), uefi=True),
    Row("grub-mknetdir's folder",
        {**_FILES, "boot/grub/grub.cfg": _GRUB_CFG.format(cmdline=_CMDLINE, bits="16")},
        fill=_mknetdir),
    Row("grub-mknetdir's folder without a configuration", _FILES, "tree-no-config",
        ("boot/grub/grub.cfg",), fill=_mknetdir),
    Row("grub-mknetdir's folder by MAC",
        {**_FILES, "boot/grub/grub.cfg-01-52-54-00-12-34-01": _GRUB_CFG.format(
            cmdline=_CMDLINE, bits="16")},
        fill=_mknetdir),
    Row("grub-mknetdir's folder and a configuration of another case",
        {**_FILES, "boot/grub/grub.cfg": "configfile (tftp,${net_default_server})/Linux.cfg\n",
         "linux.cfg": _GRUB_CFG.format(cmdline=_CMDLINE, bits="16")},
        "tftp-not-found", ("Linux.cfg", "but there is linux.cfg"), fill=_mknetdir),
    Row("grub-mknetdir's folder without a module", _FILES, "tftp-not-found",
        ("normal.mod",), fill=_mknetdir, fill_after=_without_normal),
    Row("grub-mknetdir's folder with a vmlinux",
        {**_FILES, "vmlinuz": VMLINUX,
         "boot/grub/grub.cfg": _GRUB_CFG.format(cmdline=_CMDLINE, bits="")},
        "tree-wrong-file", ("vmlinuz is no bzImage but an ELF file, as a vmlinux is",),
        fill=_mknetdir),
    Row("grub-mknetdir's folder without a kernel",
        {**_without(_FILES, "vmlinuz"),
         "boot/grub/grub.cfg": _GRUB_CFG.format(cmdline=_CMDLINE, bits="16")},
        "tftp-not-found", ("vmlinuz was asked for",), fill=_mknetdir),
    Row("memdisk with a floppy",
        {
            **_PXELINUX,
            "memdisk": Of("syslinux-common", "usr/lib/syslinux/memdisk"),
            "floppy.img": _FLOPPY.ljust(1_474_560, b"\0"),
            "pxelinux.cfg/default": _label("DEFAULT linux", kernel="memdisk", initrd="floppy.img"),
        },
        choices={"until_screen": _SHOWN}),
    Row("iPXE as a kernel, with a script",
        {
            **_PXELINUX,
            "ipxe.lkrn": Of("ipxe", "usr/lib/ipxe/ipxe.lkrn"),
            "hello": _script("echo this is the script of the kernel\nsleep 9\n"),
            # its command line would be a command
            "pxelinux.cfg/default": "DEFAULT it\nLABEL it\n KERNEL ipxe.lkrn\n INITRD hello\n",
        },
        choices={"until_screen": "this is the script of"}),
    Row("undionly and a disk over HTTP that is not there",
        {**_UNDIONLY, "boot.ipxe": _script(f"sanboot {_HTTP}disks/debian.iso\n")},
        "http-status", ("debian.iso",)),
    # a disk that a UEFI keeps in memory
    Row("a CD that a UEFI boots over HTTP", {}, choices=_DISK_OVER_HTTP, fill=_cd),
    Row("a CD that a UEFI boots over HTTP, for a BIOS alone", {}, "tree-wrong-file",
        ("boot.iso, the nbp, is a CD image (ISO 9660) without anything for a UEFI in its boot",),
        choices=_DISK_OVER_HTTP, fill=_cd_for_a_bios),
    Row("a page in place of a CD that a UEFI boots over HTTP", {"boot.iso": _PAGE},
        "tree-wrong-file", ("boot.iso, the nbp, is a page of HTML",), choices=_DISK_OVER_HTTP),
    Row("a CD that a UEFI is to boot over TFTP", {}, "tree-wrong-file",
        ("boot.iso, the nbp, is a CD image (ISO 9660) and no boot program, and the UEFI gave up",),
        uefi=True, choices={"bootfile": "boot.iso"}, fill=_cd),
    Row("memdisk with a page in place of a CD",
        {**_PXELINUX, "memdisk": Of("syslinux-common", "usr/lib/syslinux/memdisk"),
         "boot.iso": _PAGE, "pxelinux.cfg/default":
            "DEFAULT it\nLABEL it\n KERNEL memdisk\n INITRD boot.iso\n APPEND iso raw\n"},
        "setup-hang", ("; boot.iso is a page of HTML",)),
    Row("snponly and a command that this build does not have, with a kernel",
        {**SNPONLY, "boot.ipxe": _script("kernel vmlinuz\nimgverify vmlinuz s\nboot\n")},
        "script-error", ('"imgverify: command not found", and then "Could not boot image: Exec',),
        uefi=True),
    # the wrong architecture
    Row("a program for UEFI by a BIOS", SNPONLY, "wrong-boot-program", ("snponly.efi",),
        choices={"bootfile": "snponly.efi"}),
    Row("a program for a BIOS by UEFI", PXELINUX, "wrong-boot-program", ("pxelinux.0",),
        uefi=True, choices={"bootfile": "pxelinux.0"}),
)  # fmt: skip


def made(row: Row, packages: Packages) -> Path:
    """Make a row's folder, of which nothing is there, and return it."""
    folder = packages.folder / "trees" / row.name.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if row.fill:
        row.fill(folder)
    for name, what in row.tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        match what:
            case Link(to):
                path.symlink_to(to)
            case Of(package, inside):
                shutil.copyfile(packages.file(package, inside), path)
            case Made(by):
                path.write_bytes(by(packages))
            case _:
                path.write_bytes(what.encode() if isinstance(what, str) else what)
    if row.fill_after:
        row.fill_after(folder)
    return folder


def booted(row: Row, packages: Packages) -> tuple[BootTrace, Judgement]:
    """Boot a row."""
    route = "uefi-net-root" if row.uefi else "net-root"
    until = {} if "until_screen" in row.choices else {"until": "banner"}
    plan = choose(BootPlan(), {"timeout_s": _LIMIT_S, "route": route, **until, **row.choices})
    trace = boot(str(made(row, packages)), plan)
    return trace, judge(trace)


def wrong(row: Row, judgement: Judgement) -> str:
    """Return what is not as the row says, empty where all is."""
    if judgement.cause != row.cause:
        return f"must be {row.cause or 'good'}"
    missed = [words for words in row.says if words not in judgement.summary]
    return f"must say {' and '.join(missed)}" if missed else ""


def main(folder: str, *names: str) -> int:
    """Boot the rows, print what came of each, and return the exit status."""
    packages = Packages(Path(folder).absolute())
    names = tuple(each for each in names if each != "--all")
    chosen = [each for each in ROWS if not names or any(name in each.name for name in names)]
    failed = 0
    for row in chosen:
        trace, judgement = booted(row, packages)
        bad = wrong(row, judgement)
        failed += bool(bad)
        said = f"{judgement.cause or 'good'}: {judgement.summary}"
        print(f"{'WRONG' if bad else 'right'}  {row.name}, {trace.ending.seconds:.1f} s: {said}")
        if bad or "--all" in sys.argv:
            print(f"       {bad}; the end was {trace.ending.kind} {trace.ending.detail}")
            for event in trace.network.events[-25:] if trace.network else ():
                print(f"       {event}")
            seen = trace.post_mortem
            print("       screen:", repr((seen.screen if seen else "")[-1500:].strip()), flush=True)
        sys.stdout.flush()
    print(f"{len(chosen) - failed} of {len(chosen)} as they must be")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
