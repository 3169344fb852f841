"""Firmware, of the machine and of its cards: where QEMU finds it, and which package brings it."""

import re
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from msgspec.structs import replace

from bootharness.errors import LaunchFailed
from bootharness.host.tool import QEMU_64, Tool

__all__ = [
    "CARD_ROMS",
    "FIRMWARE",
    "card_rom",
    "firmware_files",
    "firmware_folders",
    "missing_firmware",
    "qemu_says",
]

FIRMWARE = (
    "bios-256k.bin", "bios.bin", "bios-microvm.bin", "vgabios-stdvga.bin", "vgabios-isavga.bin",
    "kvmvapic.bin", "linuxboot_dma.bin",
)  # fmt: skip
"""What a machine of ours may start with, or has for its devices."""
CARD_ROMS = ("pxe-*.rom", "efi-*.rom")

_QEMU_S = 20
_PACKAGES = (("pxe-", "ipxe-qemu"), ("efi-", "ipxe-qemu"), ("bios", "seabios"),
             ("vgabios", "seabios"), ("", "qemu-system-data"))  # fmt: skip
_NOT_FOUND = re.compile(r"failed to find romfile \"([^\"]+)\"|could not load PC BIOS '([^']+)'")


@lru_cache(maxsize=16)
def qemu_says(qemu: str, *asked: str) -> str:
    """Return what a QEMU answers to words. Raises ToolMissing without it, LaunchFailed where it
    does not answer."""
    try:
        done = subprocess.run(
            [qemu, *asked], capture_output=True, text=True, timeout=_QEMU_S, check=True
        )
    except FileNotFoundError:
        raise replace(QEMU_64, name=qemu).missing() from None
    except (OSError, subprocess.SubprocessError) as error:
        raise LaunchFailed(f"{qemu} {' '.join(asked)}: {error}") from error
    return done.stdout


def firmware_folders(qemu: str) -> list[Path]:
    """Return the folders in which a QEMU looks for firmware. Raises as `qemu_says`."""
    return [Path(folder) for folder in qemu_says(qemu, "-L", "help").splitlines()]


def firmware_files(qemu: str, *patterns: str) -> Iterator[Path]:
    """Yield the files that fit patterns in the folders in which a QEMU looks for firmware."""
    for folder in firmware_folders(qemu):
        for pattern in patterns:
            yield from folder.glob(pattern)


def card_rom(qemu: str, card: str) -> Tool:
    """Return the ROM with which a card boots, by its name alone where it is in none of QEMU's
    folders."""
    # QEMU's own choice, for a BIOS as for a UEFI; a virtio of another generation has the same
    name = f"efi-{card.partition('-')[0]}.rom"
    found = next(firmware_files(qemu, name), None)
    return Tool(str(found or name), _package(name))


def missing_firmware(said: str) -> Tool | None:
    """Return the firmware that QEMU says it has not found, None where it says no such thing."""
    found = _NOT_FOUND.search(said)
    name = (found[1] or found[2]) if found else ""
    return Tool(name, _package(name)) if name and "/" not in name else None


def _package(name: str) -> str:
    return next(package for begin, package in _PACKAGES if name.startswith(begin))
