"""The routes from a network card's ROM to a kernel: which files, by which names, for whom.

Boot programs come from the distribution's packages; scripts and configuration are written
here.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.host.tool import Tool
from bootharness.host.workspace import Workspace
from bootharness.kernels.image import KernelImage
from bootharness.machine.device import Firmware
from bootharness.machine.uefi import UEFI_TOOLS
from bootharness.network.addresses import HTTP_HOST
from bootharness.network.boot_rule import BootRule
from bootharness.plan import BootPlan
from bootharness.plan.fault import KERNEL_FILE
from bootharness.routes.medium import Medium
from bootharness.routes.net_check import OF_EVERY_NETWORK, check_net
from bootharness.routes.route import OF_A_UEFI, Route
from bootharness.routes.uefi_kernel import unfit_for_uefi
from bootharness.text import count
from bootharness.trace.milestones import NET_MILESTONES

__all__ = ["NETWORK", "PATHS", "NetPath"]

INITRD_FILE = "initrd.img"
HTTP_URL = f"http://{HTTP_HOST}/"

_PROGRAMS = {
    each.short: each
    for each in (
        Tool("/usr/lib/ipxe/undionly.kpxe", "ipxe"),
        Tool("/usr/lib/ipxe/snponly.efi", "ipxe"),
        Tool("/usr/lib/PXELINUX/pxelinux.0", "pxelinux"),
        Tool("/usr/lib/PXELINUX/lpxelinux.0", "pxelinux"),
        Tool("/usr/lib/syslinux/modules/bios/ldlinux.c32", "syslinux-common"),
    )
}
_SCRIPT_FILE = "boot.ipxe"
_CONFIG_FILE = "pxelinux.cfg/default"
# what iPXE would take for more than text
_IPXE_SPECIAL = ("${", "\n", "\r")
_IPXE_WORDS = ("&&", "||", ";")


class NetPath(Struct, frozen=True):
    """What one route needs of its network. ``roles`` names the files it needs by what they are for.

    ``adds`` is what stands on the kernel's command line besides the one that was asked for.
    ``only`` are the cards that it can boot from, none for all of them.
    """

    name: str
    summary: str
    rules: tuple[BootRule, ...]
    roles: Mapping[str, str]
    text: Callable[[str], str]
    firmware: Firmware = "bios"
    rom: bool = True
    http: bool = False
    only: tuple[str, ...] = ()
    adds: str = ""

    def card(self, asked: str) -> str:
        """Return the card that is meant; ``auto`` is the fastest one, which suits every path.

        Raises UsageError for one that the path cannot boot from.
        """
        if asked == "auto":
            return "virtio"
        if self.only and asked not in self.only:
            raise UsageError(
                f"the route {self.name}: its firmware has no driver for {asked}, but for "
                f"{', '.join(self.only)}"
            )
        return asked

    def refuse(self, plan: BootPlan) -> None:
        """Raise UsageError for what this path cannot do."""
        self.card(plan.net.nic)
        check_net(plan, self.firmware)
        self.text(plan.cmdline)
        plan.net.faults.check(self.name, dict.fromkeys(self.served), self.over_http)

    def foresee(self, kernel: KernelImage, plan: BootPlan) -> str | None:
        """Return why a kernel cannot be booted as its header has it, None where it may be."""
        limit, asked = kernel.header.cmdline_limit, len(plan.cmdline.encode())
        if self.firmware == "uefi" and (why := unfit_for_uefi(kernel)):
            return why
        if asked + len(self.adds) <= limit:
            return _no_room(kernel, plan)
        adds = f", with the {len(self.adds)} that come on top here ({self.adds.strip()})"
        return (
            f"the command line has {count(asked + len(self.adds), 'byte')}"
            f"{adds if self.adds else ''}, and the kernel takes {limit:,} (cmdline_size)"
        )

    @property
    def over_http(self) -> frozenset[str]:
        """The files that come over HTTP; all others come over TFTP."""
        if not self.http:
            return frozenset()
        first = {rule.file.removeprefix(HTTP_URL) for rule in self.rules if HTTP_URL in rule.file}
        return frozenset({KERNEL_FILE, INITRD_FILE} | first)

    @property
    def served(self) -> frozenset[str]:
        """The names of all files."""
        return frozenset({*self.roles.values(), KERNEL_FILE, INITRD_FILE})

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The files that come from the distribution's packages."""
        return (
            *(UEFI_TOOLS if self.firmware == "uefi" else ()),
            *(_PROGRAMS[name] for name in self.roles.values() if name in _PROGRAMS),
        )

    @property
    def wrong_script(self) -> bytes:
        """What the boot program stumbles over in place of its script."""
        ipxe = self.roles["script"] == _SCRIPT_FILE
        return b"#!ipxe\nno-such-command\n" if ipxe else b"DEFAULT no-such-label\n"

    def files(self, kernel: bytes, initrd: bytes, cmdline: str) -> dict[str, bytes]:
        """Return what is served, by name.

        Raises ToolMissing when a boot program is not installed, UsageError for a command
        line that the boot program would not pass on as it is.
        """
        script = self.roles["script"]
        contents = {
            KERNEL_FILE: kernel,
            INITRD_FILE: initrd,
            script: self.text(cmdline).encode(),
        }
        for name in set(self.roles.values()) - set(contents):
            contents[name] = _packaged(name)
        return contents


def _packaged(name: str) -> bytes:
    _PROGRAMS[name].check()
    return Path(_PROGRAMS[name].name).read_bytes()


def _ipxe(cmdline: str) -> str:
    return _ipxe_script("", cmdline)


def _ipxe_uefi(cmdline: str) -> str:
    return _ipxe_script("", f"initrd={INITRD_FILE} {cmdline}")


def _ipxe_http(cmdline: str) -> str:
    return _ipxe_script(HTTP_URL, cmdline)


def _ipxe_script(base: str, cmdline: str) -> str:
    if any(special in cmdline for special in _IPXE_SPECIAL) or any(
        word in _IPXE_WORDS or word.startswith("#") for word in cmdline.split()
    ):
        raise UsageError(
            f"the command line {cmdline!r} cannot go through an iPXE script: it must do without "
            f"line breaks, '${{' and the words && || ; and #"
        )
    return f"#!ipxe\nkernel {base}{KERNEL_FILE} {cmdline}\ninitrd {base}{INITRD_FILE}\nboot\n"


def _syslinux(cmdline: str) -> str:
    return _syslinux_config("", cmdline)


def _syslinux_http(cmdline: str) -> str:
    return _syslinux_config(HTTP_URL, cmdline)


def _syslinux_config(base: str, cmdline: str) -> str:
    if "\n" in cmdline or "\r" in cmdline:
        raise UsageError(f"the command line {cmdline!r} cannot go into a configuration file")
    return (
        "DEFAULT linux\nPROMPT 0\nTIMEOUT 0\nLABEL linux\n"
        f"  KERNEL {base}{KERNEL_FILE}\n  INITRD {base}{INITRD_FILE}\n  APPEND {cmdline}\n"
    )


def _roles(**roles: str) -> dict[str, str]:
    return {**roles, "kernel": KERNEL_FILE, "initrd": INITRD_FILE}


_BY_UEFI = f"{KERNEL_FILE} initrd={INITRD_FILE} "
_SCRIPT = (BootRule(_SCRIPT_FILE, ipxe=True),)

PATHS: dict[str, NetPath] = {
    path.name: path
    for path in (
        NetPath("ipxe", "the card's iPXE runs a script, all over TFTP", _SCRIPT,
                _roles(script=_SCRIPT_FILE), _ipxe),
        NetPath("ipxe-http", "the same over HTTP", (BootRule(HTTP_URL + _SCRIPT_FILE, ipxe=True),),
                _roles(script=_SCRIPT_FILE), _ipxe_http, http=True),
        # over TFTP its polled card brings 0.2 MB/s, a block for each poll
        NetPath("undionly", "the card's PXE loads undionly.kpxe, its iPXE a script; then HTTP",
                (BootRule(_SCRIPT_FILE, ipxe=True, after="undionly.kpxe"),
                 BootRule("undionly.kpxe", pxe=True)),
                _roles(nbp="undionly.kpxe", script=_SCRIPT_FILE), _ipxe_http, http=True),
        NetPath("pxelinux", "pxelinux.0 and its configuration", (BootRule("pxelinux.0", pxe=True),),
                _roles(nbp="pxelinux.0", module="ldlinux.c32", script=_CONFIG_FILE), _syslinux,
                adds=f"BOOT_IMAGE={KERNEL_FILE} "),
        NetPath("lpxelinux", "lpxelinux.0; kernel and initrd over HTTP",
                (BootRule("lpxelinux.0", pxe=True),),
                _roles(nbp="lpxelinux.0", module="ldlinux.c32", script=_CONFIG_FILE),
                _syslinux_http, http=True, adds=f"BOOT_IMAGE={HTTP_URL}{KERNEL_FILE} "),
        NetPath("uefi-ipxe", "UEFI: the card's iPXE runs a script", _SCRIPT,
                _roles(script=_SCRIPT_FILE), _ipxe_uefi, firmware="uefi", adds=_BY_UEFI),
        NetPath("uefi-snponly", "UEFI: the firmware's own PXE loads snponly.efi, its iPXE a script",
                (BootRule(_SCRIPT_FILE, ipxe=True),
                 BootRule("snponly.efi", pxe=True, architecture=7)),
                _roles(nbp="snponly.efi", script=_SCRIPT_FILE), _ipxe_uefi, firmware="uefi",
                rom=False, only=("virtio",), adds=_BY_UEFI),
    )
}  # fmt: skip


def _no_room(kernel: KernelImage, plan: BootPlan) -> str | None:
    """Return why an initrd and the memory that a kernel unpacks itself in cannot lie side by side,
    None where they may."""
    size = Path(plan.initrd).stat().st_size if plan.initrd else 0
    needs, memory = kernel.header.init_size or 0, plan.machine.memory_bytes
    if not size or size + needs <= memory:
        return None
    return (
        f"the initrd has {count(size, 'byte')}, the kernel takes {needs:,} to unpack itself "
        f"(init_size), and the machine has {memory:,} in all: give it more (--memory)"
    )


_TWINS = {"ipxe": "uefi-ipxe", "uefi-ipxe": "ipxe"}


def _route(path: NetPath) -> Route:
    takes = {
        "initrd",
        "cmdline",
        *OF_EVERY_NETWORK,
        *(("bios",) if path.firmware == "bios" else OF_A_UEFI),
    }
    if not path.rom:
        takes.remove("nic_rom")
    return Route(
        name=path.name,
        summary=path.summary,
        blame="the network boot",
        prepare=_prepare,
        takes=frozenset(takes),
        firmware=path.firmware,
        twin=_TWINS.get(path.name, ""),
        milestones=NET_MILESTONES,
        refuse=path.refuse,
        foresee=path.foresee,
        tools=path.tools,
        programs=tuple(Path(tool.name) for tool in path.tools),
    )


def _prepare(
    kernel: KernelImage, plan: BootPlan, workspace: Workspace
) -> AbstractContextManager[Medium]:
    from bootharness.routes.net import prepare  # sockets, servers, threads: most do without

    return prepare(kernel, plan, workspace)


NETWORK = tuple(_route(path) for path in PATHS.values())
