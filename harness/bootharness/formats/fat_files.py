"""Files in FAT by their names: what a UEFI starts (UEFI specification 2.10, 13.3)."""

import re
import struct
from collections.abc import Iterator

from bootharness.formats.fat import ENTRY_BYTES, Fat, Read
from bootharness.formats.gpt import GPT, gpt_partitions

__all__ = ["file_in", "file_on", "files_ending", "folder_on", "system_partition_on"]

_Entry = tuple[str, bool, int, int]
_SECTOR, _CD_SECTOR = 512, 2048
_LONG, _FOLDER, _VOLUME, _FREE, _DELETED = 0x0F, 0x10, 0x08, 0, 0xE5
_MOST_BYTES, _MOST_ENTRIES = 1 << 28, 1 << 16
_MOST_FOLDERS, _DEEPEST = 200, 5
_GPT_OTHER_AT = 32
_CATALOGUE_AT, _CATALOGUE = 0x8847, b"EL TORITO SPECIFICATION"


def file_on(read: Read, path: str) -> bytes | None:
    """Return a file of a disk or a CD by its name, with backslashes, on the first FAT that has it;
    None where none has. ``read`` gives bytes by their offset and number."""
    for start in dict.fromkeys(_starts(read)):
        fat = Fat.at(read, start)
        if fat and (found := file_in(read, fat, path)) is not None:
            return found
    return None


def folder_on(read: Read, path: str) -> bool:
    """Return whether a FAT of a disk or a CD has a folder of a name, with backslashes."""
    fats = (Fat.at(read, start) for start in dict.fromkeys(_starts(read)))
    found = [_named(read, fat, path) for fat in fats if fat]
    return any(each is not None and each[1] for each in found)


def system_partition_on(read: Read) -> Fat | None:
    """Return the first FAT of a disk with a folder EFI, where a UEFI looks for what it starts; None
    where there is none."""
    for start in dict.fromkeys(_starts(read)):
        fat = Fat.at(read, start)
        if fat and any(name == "efi" and is_folder for name, is_folder, *_ in _root(read, fat)):
            return fat
    return None


def file_in(read: Read, fat: Fat, path: str) -> bytes | None:
    """Return a file of a file system by its name, with backslashes, None where there is none."""
    found = _named(read, fat, path)
    if found is None:
        return None
    _, is_folder, cluster, size = found
    return None if is_folder else _content(read, fat, cluster, min(size, _MOST_BYTES))


def files_ending(read: Read, end: str) -> Iterator[str]:
    """Yield the files with such an end of their names that the FATs of a disk or a CD have, with
    their folders and backslashes."""
    for start in dict.fromkeys(_starts(read)):
        if fat := Fat.at(read, start):
            folders = [("", [*_root(read, fat)])]
            for folder, entries in folders:  # which grows
                for each, is_folder, cluster, _ in entries:
                    path = f"{folder}\\{each}"
                    if not is_folder and path.endswith(end.lower()):
                        yield path
                    inner = is_folder and each not in (".", "..") and path.count("\\") < _DEEPEST
                    if inner and len(folders) < _MOST_FOLDERS:
                        folders.append((path, [*_entries(_folder(read, fat, cluster))]))


def _named(read: Read, fat: Fat, path: str) -> _Entry | None:
    """Return the file or folder of a name."""
    *folders, last = [each for each in re.split(r"[\\/]+", path.lower()) if each] or [""]
    entries = _root(read, fat)
    for name in folders:
        inner = next((each for each in entries if each[0] == name and each[1]), None)
        if inner is None:
            return None
        entries = _entries(_folder(read, fat, inner[2]))
    return next((each for each in entries if each[0] == last), None)


def _root(read: Read, fat: Fat) -> Iterator[_Entry]:
    root = fat.root
    return _entries(read(root.start, len(root)) if root else _folder(read, fat, fat.root_cluster))


def _folder(read: Read, fat: Fat, cluster: int) -> bytes:
    return _content(read, fat, cluster, _MOST_ENTRIES * ENTRY_BYTES)


def _content(read: Read, fat: Fat, cluster: int, size: int) -> bytes:
    return b"".join(read(each.start, len(each)) for each in fat.chain(read, cluster, size))


def _entries(folder: bytes) -> Iterator[_Entry]:
    """Yield name, whether it is a folder, first cluster and size of what is in a folder; a long
    name comes beside the short one."""
    long = ""
    for at in range(0, min(len(folder), _MOST_ENTRIES * ENTRY_BYTES), ENTRY_BYTES):
        entry = folder[at : at + ENTRY_BYTES]
        if len(entry) < ENTRY_BYTES or entry[0] == _FREE:
            return
        kind = entry[11]
        if entry[0] == _DELETED:
            long = ""
        elif kind == _LONG:
            part = (entry[1:11] + entry[14:26] + entry[28:32]).decode("utf-16le", "replace")
            long = part.partition("\0")[0].rstrip("\uffff") + long
        elif kind & _VOLUME:
            long = ""
        else:
            base = entry[:8].decode("latin-1").rstrip()
            extension = entry[8:11].decode("latin-1").rstrip()
            short = f"{base}.{extension}" if extension else base
            high, low, size = struct.unpack("<20xH4xHI", entry)
            place = bool(kind & _FOLDER), high << 16 | low, size
            if long:
                yield (long.lower(), *place)
            yield (short.lower(), *place)
            long = ""


def _starts(read: Read) -> Iterator[int]:
    """Yield where file systems may begin: partitions, images of a CD, the disk itself."""
    for sector in (_SECTOR, 4096):
        head = read(sector, _SECTOR)
        heads = [head]
        if head.startswith(GPT):
            (other,) = struct.unpack_from("<Q", head, _GPT_OTHER_AT)
            heads.append(read(other * sector, _SECTOR))
        for each in heads:
            yield from (part.start * sector for _, part in gpt_partitions(read, each, sector))
    mbr = read(0, _SECTOR)
    for at in range(446, 510, 16):
        if start := int.from_bytes(mbr[at + 8 : at + 12], "little"):
            yield start * _SECTOR
    if read(0x8807, len(_CATALOGUE)) == _CATALOGUE:
        catalogue = read(int.from_bytes(read(_CATALOGUE_AT, 4), "little") * _CD_SECTOR, _CD_SECTOR)
        for at in range(ENTRY_BYTES, len(catalogue), ENTRY_BYTES):
            if catalogue[at] == 0x88:
                yield int.from_bytes(catalogue[at + 8 : at + 12], "little") * _CD_SECTOR
    yield 0
