"""GRUB as a UEFI program: which configurations it looks for (GRUB 2.06, include/grub/kernel.h,
"grub_module_info64")."""

import re
import struct
from collections.abc import Iterator
from itertools import chain

from bootharness.formats.fat_files import file_on

__all__ = ["configurations_of"]

_MODULES, _INFOS = b"mimg", (struct.Struct("<4s4xQQ"), struct.Struct("<4sII"))
"""of 64 bits and of 32: magic, where the objects begin behind it, where they end"""
_OBJECT = struct.Struct("<II")
_MEMDISK, _CONFIG, _PREFIX = 1, 2, 3
_LARGEST_OFFSET = 256
_MOST_OBJECTS, _MOST_NAMES = 1000, 12
_IN_MEMDISK = "(memdisk)"
_NAME = re.compile(r"[\w$./()-]{0,200}grub\.cfg")
_SET_PREFIX = re.compile(r"\bset prefix=(\S{1,200})")
_DEVICE = re.compile(r"^\([^)]*\)")
_USUAL = "$prefix/grub.cfg"


def configurations_of(program: bytes, folder: str) -> tuple[str, ...]:
    """Return the names of the configurations that a GRUB looks for on its disk, with backslashes,
    in its order; empty for another program. ``folder`` is the one that it is in."""
    objects = dict(_objects(program))
    if _PREFIX not in objects:
        return ()
    script = objects.get(_CONFIG, b"")
    memdisk = objects.get(_MEMDISK, b"")
    if _IN_MEMDISK.encode() in script:
        script = file_on(lambda at, size: memdisk[at : at + size], "\\grub.cfg") or script
    text = _text(script)
    prefixes = [_text(objects[_PREFIX]), *_SET_PREFIX.findall(text)]
    said = [each for each in _NAME.findall(text) if not each.startswith(_IN_MEMDISK)]
    names = (_names(name, prefixes, folder) for name in dict.fromkeys(said or [_USUAL]))
    return tuple(dict.fromkeys(chain.from_iterable(names)))[:_MOST_NAMES]


def _names(name: str, prefixes: list[str], folder: str) -> Iterator[str]:
    each = [name.replace("$prefix", prefix) for prefix in prefixes] if "$prefix" in name else [name]
    for one in each:
        yield _DEVICE.sub("", one).replace("$cmdpath", folder).replace("/", "\\")


def _objects(program: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield what is built into a GRUB besides its code: kind and content."""
    at = program.find(_MODULES)
    while at >= 0:
        for info in _INFOS:
            _, offset, size = info.unpack(program[at : at + info.size].ljust(info.size, b"\0"))
            if info.size <= offset < _LARGEST_OFFSET and offset < size <= len(program) - at:
                yield from _listed(program[at + offset : at + size])
                return
        at = program.find(_MODULES, at + 1)


def _listed(objects: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    for _ in range(_MOST_OBJECTS):
        if at + _OBJECT.size > len(objects):
            return
        kind, size = _OBJECT.unpack_from(objects, at)
        if size < _OBJECT.size:
            return
        yield kind, objects[at + _OBJECT.size : at + size]
        at += size


def _text(content: bytes) -> str:
    return content.partition(b"\0")[0].decode("utf-8", "replace")
