"""What a boot depends on, as one digest: with the same one a result can be used again."""

import hashlib
import json
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from bootharness.errors import LaunchFailed, ToolMissing, UsageError
from bootharness.kernels.image import KernelImage
from bootharness.one_boot import chosen_machine
from bootharness.routes.loader import Loader
from bootharness.runs.cell import Cell

__all__ = ["identity", "loader_digest", "own_version"]

_VERSION_S = 20
_NO_PART_IN_BOOTS = {"bench", "bisector", "cli", "gate", "mutants", "report"}
_BOOT_PROGRAMS = ("/usr/lib/ipxe", "/usr/lib/PXELINUX", "/usr/lib/syslinux", "/usr/share/OVMF",
                  "/usr/lib/grub/i386-pc")  # fmt: skip


def identity(cell: Cell, kernel: KernelImage, loader: Loader) -> str:
    """Return the digest of a cell: of its kernel, loader, machine and initrd by content, of
    QEMU's version and of ours. What is expected of the boot is no part of it.

    Raises ToolMissing where there is no QEMU, UsageError when the initrd cannot be read.
    """
    machine = chosen_machine(cell.machine, kernel)
    facts = {
        "kernel": kernel.sha256,
        "loader": loader_digest(loader) if cell.path == "mbr" else "",
        "path": cell.path,
        "machine": machine,
        "cmdline": cell.cmdline,
        "bios": _file_digest(machine.bios) if machine.bios else "",
        "initrd": _file_digest(cell.initrd) if cell.initrd else "",
        "until": cell.until,
        "timeout_s": cell.timeout_s,
        "qemu": _qemu_version(machine.qemu),
        "harness": own_version(),
        "programs": _programs() if cell.plan.net or cell.path == "grub" else [],
    }
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


@lru_cache(maxsize=1)
def own_version() -> str:
    """Return our version with a digest of the code that boots and judges."""
    try:
        released = version("bootharness")
    except PackageNotFoundError:
        released = "0"
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] not in _NO_PART_IN_BOOTS:
            digest.update(path.read_bytes())
    for root in (package, package.parents[1]):  # as in a wheel, or as in a checkout
        for folder in ("mbr", "images"):
            for path in sorted((root / folder).glob("*.asm")):
                digest.update(path.read_bytes())
    return f"{released}+{digest.hexdigest()[:12]}"


@lru_cache(maxsize=8)
def _qemu_version(qemu: str) -> str:
    try:
        done = subprocess.run(
            [qemu, "--version"], capture_output=True, text=True, timeout=_VERSION_S, check=True
        )
    except FileNotFoundError:
        raise ToolMissing(f"{qemu} is not installed") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise LaunchFailed(f"{qemu} --version: {error}") from error
    return done.stdout.partition("\n")[0]


def loader_digest(loader: Loader) -> str:
    """Return the digest of a loader and of where it is patched."""
    patches = {name: [patch.offset, patch.size] for name, patch in loader.patches.items()}
    digest = hashlib.sha256(loader.binary)
    digest.update(json.dumps(patches, sort_keys=True).encode())
    return digest.hexdigest()


@lru_cache(maxsize=16)
def _file_digest(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from error


@lru_cache(maxsize=1)
def _programs() -> list[list[object]]:
    """Every boot program that is installed, as the package manager leaves it."""
    files = [path for root in _BOOT_PROGRAMS for path in Path(root).rglob("*") if path.is_file()]
    return [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in sorted(files)]
