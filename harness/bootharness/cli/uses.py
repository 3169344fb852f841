"""What bootharness is used for, what each use needs, and what of that is here.

Who uses a tool knows what it is called, where it lies and how old it may be; here it is only
put together.
"""

import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from bootharness.errors import BootHarnessError, CouldNotFindOut
from bootharness.host.tool import Tool

__all__ = ["USES", "Finding", "Note", "Report", "examined"]


class Finding(Struct, frozen=True):
    """A tool, its version where it says one, and why it does not do, None where it does."""

    name: str
    package: str
    version: str | None = None
    missing: bool = False
    why: str | None = None


class Note(Struct, frozen=True):
    """What a use has of this computer besides tools; not ``good`` is what could be better."""

    text: str
    good: bool = True


class Report(Struct, frozen=True):
    """What of a use's needs is here."""

    use: str
    purpose: str
    tools: tuple[Finding, ...]
    notes: tuple[Note, ...] = ()

    @property
    def good(self) -> bool:
        """Whether all is here that it needs."""
        return not any(tool.why for tool in self.tools)


class _Use(Struct, frozen=True):
    purpose: str
    tools: Callable[[], Iterator[Tool]]
    notes: Callable[[], Iterator[Note]] = lambda: iter(())


def examined(use: str) -> Report:
    """Look for all that a use needs."""
    asked = USES[use]
    findings = tuple(_finding(tool) for tool in dict.fromkeys(asked.tools()))
    return Report(use, asked.purpose, findings, tuple(asked.notes()))


@lru_cache
def _finding(tool: Tool) -> Finding:
    if not tool.here:
        return Finding(tool.short, tool.package, missing=True, why=f"{tool.short} is missing")
    version = None if "/" in tool.name else tool.said_version()
    return Finding(tool.short, tool.package, version, why=tool.why_unfit(version))


def _for_boots() -> Iterator[Tool]:
    from bootharness.host.assembler import LD, NASM
    from bootharness.host.tool import QEMU_32, QEMU_64

    yield from (QEMU_64, QEMU_32, NASM, LD)


def _for_networks(firmware: str) -> Callable[[], Iterator[Tool]]:
    def tools() -> Iterator[Tool]:
        from bootharness.host.tool import QEMU_64
        from bootharness.machine.device import CARDS
        from bootharness.machine.firmware import card_rom
        from bootharness.routes.table import ROUTES

        if QEMU_64.here:
            yield from dict.fromkeys(card_rom(QEMU_64.name, card) for card in CARDS)
        for route in ROUTES.values():
            if route.firmware == firmware and (route.from_network or firmware == "uefi"):
                yield from route.tools

    return tools


def _for_grub() -> Iterator[Tool]:
    from bootharness.routes.grub import GRUB

    yield from GRUB.tools


def _for_packages() -> Iterator[Tool]:
    from bootharness.kernels.deb import DEB_TOOLS

    yield from DEB_TOOLS


def _for_compressed() -> Iterator[Tool]:
    from bootharness.kernels.unpacking import PROGRAMS

    yield from PROGRAMS.values()


def _for_containers() -> Iterator[Tool]:
    from bootharness.machine.opened import STORAGE_DAEMON

    yield STORAGE_DAEMON


def _for_screens() -> Iterator[Tool]:
    from bootharness.host.ocr import TESSERACT

    yield TESSERACT


def _about_pictures() -> Iterator[Note]:
    from bootharness.formats.picture import has_libraries

    if has_libraries():
        yield Note("pictures are compared by numpy and pillow, which are here")
    else:
        remedy = "pip install 'bootharness[screens]'"
        yield Note(f"pictures are not compared without numpy and pillow: {remedy}", good=False)


def _for_debugging() -> Iterator[Tool]:
    from bootharness.host.tool import GDB

    yield GDB


def _for_recordings() -> Iterator[Tool]:
    from bootharness.host.tool import GDB, QEMU_32, QEMU_64

    yield from (QEMU_64, QEMU_32, GDB)


def _about_recordings() -> Iterator[Note]:
    from bootharness.host.tool import QEMU_32, QEMU_64
    from bootharness.machine.taping import why_not_taped

    for qemu in (QEMU_64, QEMU_32):
        if qemu.here:
            why = why_not_taped(qemu.name)
            told = f"{qemu.name} {qemu.said_version()} records boots, and goes back in them"
            yield Note(f"no boot is recorded: {why}" if why else told, good=why is None)


def _for_building() -> Iterator[Tool]:
    from bootharness.bisection.git import GIT
    from bootharness.bisection.toolchain import TOOLCHAIN_TOOLS

    yield from (GIT, *TOOLCHAIN_TOOLS)


def _for_configs() -> Iterator[Tool]:
    from bootharness.bisection.kernel_tree import KCONFIG_TOOLS

    yield from KCONFIG_TOOLS


def _for_servers() -> Iterator[Tool]:
    from bootharness.network.namespace import IP, UNSHARE

    yield from (UNSHARE, IP)


def _about_servers() -> Iterator[Note]:
    from bootharness.network.dnsmasq import DNSMASQ
    from bootharness.network.kea import KEA, KEA6
    from bootharness.network.namespace import why_no_namespace
    from bootharness.network.server_setup import is_installed

    why = why_no_namespace()
    yield Note(why or "network namespaces can be made", good=why is None)
    for server in (DNSMASQ, KEA, KEA6):
        here = is_installed(server)
        yield Note(f"{server.name} is here" if here else str(server.missing()))


def _about_workers() -> Iterator[Note]:
    from importlib.metadata import PackageNotFoundError, version  # only this use asks

    try:
        yield Note(f"Dask {version('distributed')} is here")
    except PackageNotFoundError:
        remedy = "pip install 'bootharness[dask]'"
        yield Note(f"there is no Dask, for boots on other computers: {remedy}", good=False)


def _about_this_computer() -> Iterator[Note]:
    from bootharness.host.tool import QEMU_64

    yield Note(f"Python {platform.python_version()}")
    yield _temporary()
    yield _cache()
    yield _history()
    if QEMU_64.here:
        try:
            yield from _machine(QEMU_64.name)
        except (BootHarnessError, OSError) as error:  # a tool that is unfit, as told above
            yield Note(f"KVM cannot be tried: {error}", good=False)


def _temporary() -> Note:
    from bootharness.host.workspace import Workspace

    try:
        with Workspace() as workspace:
            return Note(f"temporary files in {workspace.path.parent}")
    except CouldNotFindOut as error:
        return Note(str(error), good=False)


def _cache() -> Note:
    from bootharness.host.cache import usual_cache, why_not_kept

    why = why_not_kept()
    if why is None:
        return Note(f"kernels and programs are kept in {usual_cache()}")
    instead = "is refused" if os.environ.get("BOOTHARNESS_CACHE") else "downloads anew"
    return Note(
        f"nothing is kept, and each command {instead}: {why}; set BOOTHARNESS_CACHE to a folder "
        "that can be written to",
        good=False,
    )


def _history() -> Note:
    from bootharness.runs.history import history_file

    remedy = "name one with --history or BOOTHARNESS_HISTORY"
    try:
        file = history_file()
    except CouldNotFindOut:
        return Note(f"a gate has no history: there is no home folder; {remedy}", good=False)
    try:
        file.absolute().parent.mkdir(parents=True, exist_ok=True)
        writable = os.access(file if file.exists() else file.absolute().parent, os.W_OK)
    except OSError:
        writable = False
    if writable:
        return Note(f"a gate's history is {file}")
    return Note(f"a gate has no history: {file} cannot be written to; {remedy}", good=False)


def _machine(qemu: str) -> Iterator[Note]:
    """Say which accelerator a boot gets here, and who QEMU runs as with that."""
    from bootharness.host.accelerator import KVM_DEVICE, kvm
    from bootharness.host.rights import own_user, why_no_own_user

    found = kvm(qemu)
    model = f"KVM with -cpu {found.cpu}"
    fast = found.speed == "full"
    if fast:
        yield Note(f"{model} ({found.why})" if found.why else model)
    elif found.speed == "slow":
        yield Note(f"without KVM: {model} is too slow here: {found.why}")
    else:
        yield Note(f"without KVM: {found.why}")
    program = Path(shutil.which(qemu) or qemu)
    user = own_user(os.getpid(), [program, Path.cwd()], [KVM_DEVICE] if fast else [])
    if why := why_no_own_user():
        yield Note(f"QEMU: {why}", good=bool(os.geteuid()))
    elif user is None:
        yield Note(
            f"QEMU stays root: no other user may open {KVM_DEVICE}; let a group of its own write "
            f"it (chgrp kvm {KVM_DEVICE}; chmod g+rw {KVM_DEVICE}), or take --accelerator tcg",
            good=False,
        )
    elif user.reads_all:
        yield Note(
            "QEMU runs as a user of its own, who writes nothing of yours, but may read everything "
            f"when it boots from here: {Path.cwd()} is closed to others; boot from a folder that "
            f"is open, such as one in {tempfile.gettempdir()}",
            good=False,
        )
    else:
        yield Note("QEMU runs as a user of its own, who writes nothing of yours")


def _for_guests() -> Iterator[Tool]:
    from bootharness.initramfs.archive import BUSYBOX

    yield BUSYBOX


def _about_guests() -> Iterator[Note]:
    from bootharness.machine.shared_folders import why_no_virtiofs

    why = why_no_virtiofs()
    yield Note(why or "--share: kernels without 9p have folders by virtiofs")


def _for_hardware() -> Iterator[Tool]:
    from bootharness.hardware.ssh_line import SSH

    yield SSH


def _about_hardware() -> Iterator[Note]:
    from importlib.metadata import PackageNotFoundError, version  # only this use asks

    from bootharness.hardware.interface import why_no_packets

    for extra, package, what in (
        ("rfc2217", "pyserial", "lines rfc2217:"),
        ("mqtt", "paho-mqtt", "plugs mqtt:"),
        ("labgrid", "labgrid", "lines and plugs labgrid:"),
    ):
        try:
            yield Note(f"{package} {version(package)} is here, for {what}")
        except PackageNotFoundError:
            yield Note(f"there is no {package}, for {what} pip install 'bootharness[{extra}]'")
    why = why_no_packets()
    yield Note(f"no boot wire: {why}" if why else "a boot wire can be had of an interface",
               good=why is None)  # fmt: skip


USES: dict[str, _Use] = {
    "boot": _Use("boots from a disk, and predictions", _for_boots, _about_this_computer),
    "network": _Use("routes from a network", _for_networks("bios")),
    "uefi": _Use("routes with a UEFI", _for_networks("uefi")),
    "servers": _Use("--net-server: your own dnsmasq, Kea, ...", _for_servers, _about_servers),
    "grub": _Use("--route grub", _for_grub),
    "deb": _Use("kernels as deb:PACKAGE", _for_packages),
    "compressed": _Use("kernels and images compressed with zstd or lz4", _for_compressed),
    "media": _Use("images as qcow2, VMDK, VDI, VHDX", _for_containers),
    "screens": _Use("needles, and OCR of graphics modes", _for_screens, _about_pictures),
    "initramfs": _Use("initramfs, shell and --run: what is in a guest", _for_guests, _about_guests),
    "debug": _Use("debug, and --tracer gdb", _for_debugging),
    "record": _Use(
        "bad boots that are recorded, and gone back in", _for_recordings, _about_recordings
    ),
    "build": _Use("bisect git, and toolchains", _for_building),
    "config": _Use("bisect config", _for_configs),
    "workers": _Use("worker, and --workers dask:ADDRESS", lambda: iter(()), _about_workers),
    "hardware": _Use("real machines: hardware, and --host", _for_hardware, _about_hardware),
}
"""By the names that `bootharness doctor` takes."""
