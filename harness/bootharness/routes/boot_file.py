"""Which file of a folder a DHCP server names where nobody says it: one of the usual names."""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.machine.device import Firmware
from bootharness.network.boot_rule import BootRule
from bootharness.network.file_tree import FileTree

__all__ = ["boot_rules", "is_script"]

_ENTRIES = 100_000
"""Of a larger folder only the first are looked at; a boot file lies near the top."""
_HEAD_BYTES = 1 << 20
_OF_IPXE = (b"iPXE", b"PXE->EB:")
"""What is in iPXE, or before what of it is compressed."""
_SHOWN = 5


class _Kind(Struct, frozen=True):
    """Boot programs that do the same; their names, the one that loads the next first."""

    firmware: Firmware
    names: tuple[str, ...]


_KINDS = (
    _Kind("bios", ("pxelinux.0", "lpxelinux.0", "gpxelinux.0")),
    _Kind("bios", ("undionly.kpxe", "undionly.kkpxe", "ipxe.pxe", "ipxe.kpxe", "ipxe.kkpxe")),
    _Kind("bios", ("core.0", "grub2pxe", "grub.pxe", "grubnet.0", "booti386")),
    _Kind("uefi", ("bootx64.efi", "shimx64.efi", "shim.efi", "shimx64.efi.signed", "bootnetx64.efi",
                   "grubx64.efi", "grubnetx64.efi", "grubnetx64.efi.signed", "core.efi")),
    _Kind("uefi", ("syslinux.efi", "syslinux64.efi")),
    _Kind("uefi", ("ipxe.efi", "snponly.efi", "ipxe-x86_64.efi", "ipxe64.efi")),
)  # fmt: skip
_SCRIPTS = ("autoexec.ipxe", "boot.ipxe", "menu.ipxe", "netboot.ipxe", "default.ipxe")


def boot_rules(tree: FileTree, firmware: Firmware, asked: str | None) -> tuple[BootRule, ...]:
    """Return who is named which file: ``asked``, or what is found.

    iPXE that came as the boot program is named a script instead, if there is one, for else it would
    load itself for ever. Raises UsageError where nothing is found, or several that are not of one
    kind, or not what was asked for.
    """
    there = None if asked is None else tree.find(asked)
    if asked is not None and there is None:
        if "://" in asked:
            raise UsageError(
                f"--bootfile {asked}: name the file as the folder has it; over HTTP alone "
                "--route uefi-http-root boots it"
            )
        why = tree.why_not(asked)
        raise UsageError(f"--bootfile {asked}: {tree.root} has no such file{why and f', {why}'}")
    file = there or _program(tree, firmware)
    if file is not None and not _is_ipxe(tree, file):
        return (BootRule(asked or file),)  # a folder may be large, and nobody needs its scripts
    script = _first(tree, _SCRIPTS) or _only_script(tree)
    file = file or script
    if file is None:
        raise UsageError(
            f"{tree.root}: no boot program of a name that is known: say by --bootfile which file "
            "the DHCP server is to name"
        )
    first = BootRule(asked or file)
    if script is None or script == file:
        return (first,)
    return (BootRule(script, ipxe=True, after=file), first)


def is_script(tree: FileTree, name: str) -> bool:
    """Return whether a file is a script of iPXE's."""
    return _head(tree, name).startswith(b"#!ipxe")


def _is_ipxe(tree: FileTree, name: str) -> bool:
    head = _head(tree, name)
    return not is_script(tree, name) and any(each in head for each in _OF_IPXE)


def _head(tree: FileTree, name: str) -> bytes:
    content = tree.open(name)
    return bytes(content[:_HEAD_BYTES]) if content is not None else b""


def _program(tree: FileTree, firmware: Firmware) -> str | None:
    """Return the boot program nearest to the top. Raises UsageError for several kinds of them."""
    kinds = [each for each in _KINDS if each.firmware == firmware]
    for level in _levels(tree.root):
        there = [_best(each.names, level) for each in kinds]
        found = [each for each in there if each]
        if len(found) > 1:
            raise UsageError(
                f"{tree.root}: {' and '.join(found[:_SHOWN])} are boot programs: say by --bootfile "
                "which one the DHCP server is to name"
            )
        if found:
            return found[0]
    return None


def _first(tree: FileTree, names: tuple[str, ...]) -> str | None:
    return next((found for level in _levels(tree.root) if (found := _best(names, level))), None)


def _only_script(tree: FileTree) -> str | None:
    """Return the script of iPXE's nearest to the top, None where there are several as near."""
    for level in _levels(tree.root):
        if scripts := [each for each in level if each.lower().endswith(".ipxe")]:
            return scripts[0] if len(scripts) == 1 else None
    return None


def _best(names: tuple[str, ...], level: list[str]) -> str | None:
    """Return the file of a level whose name comes first, whatever its case; of two with that name
    the first one in the order of their folders."""
    by_name: dict[str, str] = {}
    for each in sorted(level):
        by_name.setdefault(each.rpartition("/")[2].lower(), each)
    return next((by_name[name] for name in names if name in by_name), None)


def _levels(root: Path) -> Iterator[list[str]]:
    """Yield the files of a folder, then those of its folders, and so on."""
    folders, seen = deque([""]), 0
    while folders and seen < _ENTRIES:
        files: list[str] = []
        for _ in range(len(folders)):
            within = folders.popleft()
            for name, is_folder in _entries(root / within):
                seen += 1
                (folders if is_folder else files).append(f"{within}{name}" + "/" * is_folder)
                if seen >= _ENTRIES:
                    break
        yield files


def _entries(folder: Path) -> Iterator[tuple[str, bool]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield entry.name, entry.is_dir(follow_symlinks=False)
    except OSError:  # one that may not be read has nothing for us
        return
