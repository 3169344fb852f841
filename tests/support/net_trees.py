"""Folders of boot files as people have them, and what comes of each: good ones, and those with one
thing wrong.

`make trees`, which is `python -m tests.support.net_trees FOLDER [ROW...]`:

    FOLDER/packages   what is not installed here, downloaded by apt and unpacked
    FOLDER/trees      the folders that were made

A new one is a line of `ROWS`. A row is right when it comes to what it says.
"""

import shutil
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
from tests.support.zoo_media import Packages

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


def _initrd(_packages: Packages) -> bytes:
    return tiny_initrd(wide=True)


KERNEL, LINUX, INITRD = Made(_synthetic), Made(_linux), Made(_initrd)
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
_HTML = "<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>\n"


class Row(Struct, frozen=True):
    """A folder, and what must come of it: a cause, or none for a good boot; words of the sentence.

    ``choices`` are a person's, named as a plan's fields.
    """

    name: str
    tree: Tree
    cause: str | None = None
    says: tuple[str, ...] = ()
    uefi: bool = False
    choices: dict[str, Any] = {}


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
    # iPXE
    Row("undionly with a script", IPXE),
    Row("undionly with a menu", {**IPXE, "boot.ipxe": _script(_IPXE_MENU + _LOAD)}),
    Row("undionly with a fallback",
        {**IPXE, "boot.ipxe": _script(f"kernel gone || goto ours\n:ours\n{_LOAD}")}),
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
    Row("undionly that loads itself", _UNDIONLY, "chain-loop", ("undionly.kpxe",)),
    Row("undionly without a kernel", _without(IPXE, "vmlinuz"), "tftp-not-found", ("vmlinuz",)),
    Row("undionly without a kernel over HTTP",
        {**_UNDIONLY, "boot.ipxe": _script(f"kernel {_HTTP}gone\nboot\n")},
        "http-status", ("gone",)),
    Row("undionly and a page in place of the script",
        {**_UNDIONLY, "boot.ipxe": _script("chain menu.ipxe\n"), "menu.ipxe": _HTML},
        "tree-wrong-file", ("menu.ipxe", "a page of HTML")),
    Row("undionly and a page in place of the kernel", {**IPXE, "vmlinuz": _HTML},
        "tree-wrong-file", ("vmlinuz", "a page of HTML")),
    Row("undionly and a kernel cut short",
        {**IPXE, "vmlinuz": Made(lambda packages: _synthetic(packages)[:100_000])},
        "payload-truncated", ("95,392 bytes of the 300,000",)),
    Row("undionly and a menu without a time limit",
        {**IPXE, "boot.ipxe": _script(_IPXE_MENU.replace("--timeout 500 ", "") + _LOAD)},
        "boot-menu-waits"),
    Row("undionly and a shell", {**IPXE, "boot.ipxe": _script("shell\n")}, "boot-menu-waits",
        ("iPXE>",)),
    Row("snponly and an initrd that is not passed on",
        {**SNPONLY, "boot.ipxe": _script(_LOAD)}, "tree-initrd-unused", ("initrd.img",),
        uefi=True, choices={"until": "init"}),
    Row("snponly without a script, so it loads itself", _without(SNPONLY, "boot.ipxe"),
        "chain-loop", ("snponly.efi",), uefi=True),
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
    return folder


def booted(row: Row, packages: Packages) -> tuple[BootTrace, Judgement]:
    """Boot a row."""
    route = "uefi-net-root" if row.uefi else "net-root"
    plan = choose(BootPlan(), {"timeout_s": _LIMIT_S, "route": route, **row.choices})
    plan = choose(plan, {"until": "banner"}) if plan.until == "auto" else plan
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
