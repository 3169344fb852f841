"""What of a trace may be run or opened: it is data, and anybody may have written it."""

import re
from pathlib import Path

from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.errors import KernelUnavailable, UsageError
from bootharness.host.regular import is_regular
from bootharness.kernels.image import FILE_LIMIT, KernelImage
from bootharness.kernels.source import fetch
from bootharness.plan import AUTO, STAGE1, MachineConfig
from bootharness.routes.loader import Loader
from bootharness.text import NUMBER, printable
from bootharness.trace.boot_trace import BootTrace

__all__ = ["kernel_of", "loader_of", "machine_of"]

_QEMUS = ("qemu-system-i386", "qemu-system-x86_64")
_BIOS_STEP, _BIOS_LIMIT = 1 << 16, 1 << 24
"""QEMU takes a BIOS of whole 64 KiB; a flash chip below 4 GiB has no more than 16 MiB."""
_LOADER_LIMIT = 1 << 24
_GROWN_LIMIT = 1 << 30
_MADE = re.compile(rf"(?:grow|selfcheck):({NUMBER})(?::(.+))?", re.DOTALL)


def machine_of(
    trace: BootTrace, qemu: str, notes: list[str], *, recorded: bool = False
) -> MachineConfig:
    """Return the machine of a boot from a disk, or of any that was ``recorded``, by the person's
    ``qemu`` where it is not `AUTO`.

    Raises UsageError for another boot, or one that never ran, for a QEMU that is not ours by name,
    and for what no machine can have.
    """
    if trace.ending.kind == "foreseen":
        why = f"{judge(trace).cause or 'it would fail'}: {printable(trace.ending.detail)}"
        raise UsageError(f"that boot never ran, as it was foreseen how it ends ({why})")
    machine = trace.machine
    again = trace.disk is not None or recorded
    if machine is None or not again or (trace.network and not recorded):
        what = "a boot from a network" if trace.network else "no boot from a disk"
        raise UsageError(f"the trace is of {what}: only one from a disk can be had again")
    if qemu == AUTO and machine.qemu not in _QEMUS:
        raise UsageError(
            f"machine.qemu: the trace names {machine.qemu!r}, and of what a trace "
            f"names only {' and '.join(_QEMUS)} are started: choose one by --qemu"
        )
    config = replace(machine, qemu=machine.qemu if qemu == AUTO else qemu).config
    if config.bios and not _is_bios(Path(config.bios)):
        notes.append(f"the BIOS {printable(config.bios)} is not here: QEMU's own takes its place")
        return replace(config, bios=None)
    return config


def _is_bios(path: Path) -> bool:
    return is_regular(path, most=_BIOS_LIMIT) and not path.stat().st_size % _BIOS_STEP


def kernel_of(source: str) -> KernelImage:
    """Return the kernel of a single source, if it is what a trace may name.

    That is a file, a Debian package, or one of ours up to 1 GiB. Raises KernelUnavailable for
    another, and BootHarnessError where it is not here.
    """
    base = source
    while made := _MADE.fullmatch(base):
        if int(made[1]) > _GROWN_LIMIT:
            raise KernelUnavailable(f"{printable(source)}: not made for a trace")
        base = made[2] or ""
    if base and not base.startswith("deb:") and not is_regular(Path(base), most=FILE_LIMIT):
        raise KernelUnavailable(f"{printable(source)}: no such file")
    return fetch(source)


def loader_of(name: str) -> Loader:
    """Return the loader that a trace names: ours, or a source or ELF file.

    Raises BootHarnessError where it is not here.
    """
    if name == STAGE1:
        return Loader.stage1()
    if Path(name).suffix not in (".asm", ".elf") or not is_regular(Path(name), most=_LOADER_LIMIT):
        raise UsageError(f"{printable(name)}: no such loader")
    return Loader.read(Path(name))
