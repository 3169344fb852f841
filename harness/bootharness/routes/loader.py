"""A loader: the code in the MBR, its symbols, and where the disk image builder patches it."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct, field

from bootharness.errors import UsageError
from bootharness.formats.elf import Executable, read_elf
from bootharness.formats.forms import is_bzimage
from bootharness.formats.mbr import BOOTSTRAP_BYTES, SECTOR_BYTES, has_partitions
from bootharness.host.assembler import assemble_program, shipped
from bootharness.host.regular import read_regular
from bootharness.host.toml import read_toml
from bootharness.plan import STAGE1

if TYPE_CHECKING:
    from bootharness.trace.booted import LoaderFacts

__all__ = ["ASSEMBLY", "ORIGIN", "PATCHABLE", "PROFILE", "Loader", "Patch"]

ASSEMBLY, PROFILE = ".asm", ".toml"
"""How a source for NASM ends, and what lies beside a loader and says how it is patched."""
ORIGIN = 0x7C00
"""Where the BIOS puts the MBR, linear."""

PATCHABLE = (
    "kernel_lba",
    "kernel_sectors",
    "cmdline_lba",
    "initrd_lba",
    "initrd_size",
    "initrd_address",
)
"""What the builder can tell a loader: LBAs and counts in sectors, the initrd's size in bytes
and its linear address."""

# the code area, the disk signature and the copy-protection word, which some loaders use up
_CODE_LIMIT = 446
_SIGNATURE_AT = 510
_FILE_BYTES = 1 << 24
_PROFILE_BYTES = 1 << 20


def _has_code_in_the_table(binary: bytes) -> bool:
    """Return whether a loader has something else than a table where the partition table goes."""
    table = binary[_CODE_LIMIT:_SIGNATURE_AT]
    return any(table) and not has_partitions(binary[:SECTOR_BYTES])


class Patch(Struct, frozen=True):
    """Where the builder writes a little-endian number: offset in the loader and size in bytes."""

    offset: int
    size: int = 4


class Loader(Struct, frozen=True):
    """A loader's bytes from LBA 0 on, its symbols (linear) and its patches.

    ``elf`` and ``source`` are for debuggers, where there are such files. A ``manager`` finds its
    kernel by itself.
    """

    name: str
    binary: bytes
    symbols: dict[str, int] = field(default_factory=dict)
    patches: dict[str, Patch] = field(default_factory=dict)
    elf: Path | None = None
    source: Path | None = None
    manager: bool = False

    def __post_init__(self) -> None:
        if not self.binary:
            raise UsageError(f"{self.name}: the loader is empty")
        if _CODE_LIMIT < len(self.binary) < SECTOR_BYTES:
            raise UsageError(
                f"{self.name}: {len(self.binary)} bytes do not fit before the partition table: "
                f"there is room for {BOOTSTRAP_BYTES}, or {_CODE_LIMIT} without a disk signature"
            )
        if not self.manager and _has_code_in_the_table(self.binary):
            raise UsageError(
                f"{self.name}: its code goes on where the partition table is, in bytes "
                f"{_CODE_LIMIT} to {_SIGNATURE_AT - 1}: there is room for {BOOTSTRAP_BYTES}, or "
                f"{_CODE_LIMIT} without a disk signature; what is longer goes into further sectors"
            )
        for name, patch in self.patches.items():
            if not 0 <= patch.offset <= len(self.binary) - patch.size:
                raise UsageError(
                    f"{self.name}: the profile patches {name} at offset {patch.offset}, outside of "
                    f"the loader's {len(self.binary)} bytes"
                )

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the loader of a plan: `STAGE1`, or else a file; otherwise as `read`."""
        return cls.stage1() if name == STAGE1 else cls.read(Path(name))

    @classmethod
    def stage1(cls) -> Self:
        """Return the project's own loader."""
        return cls._assembled(shipped("mbr/stage1.asm"), STAGE1, {})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a loader: ``.asm`` for NASM, ``.elf`` linked to 0x7c00, or a flat binary.

        A file of the same name that ends in ``.toml`` is its profile: the table ``patch``
        says where the builder writes what, by symbol, by offset in bytes, or as a table of
        ``at`` (symbol or offset) and ``bytes``. Without a profile the symbols that are
        named as in ``PATCHABLE`` are patched.

        Raises UsageError, naming the file and the field.
        """
        if not path.name:
            raise UsageError(f"{path}: a folder, and a loader is wanted")
        profile = path.with_suffix(PROFILE)
        table = _read_profile(profile) if profile.exists() else None
        if path.suffix == ASSEMBLY:
            return cls._assembled(path, str(path), table)
        if path.suffix == ".elf":
            read_regular(path, most=_FILE_BYTES)
            return cls._linked(str(path), read_elf(path), path, table)
        binary = read_regular(path, most=_FILE_BYTES)
        if is_bzimage(binary):
            raise UsageError(f"{path}: a Linux kernel, not a loader: give it as the KERNEL")
        if table is None:
            raise UsageError(
                f"{path}: a flat binary has no symbols, so {profile.name} beside it has to say "
                "where kernel_lba is patched (docs/loaders.md); a boot manager's code is "
                "booted on its own disk, with --disk"
            )
        return cls(str(path), binary, {}, _patches(str(profile), table, {}))

    @classmethod
    def _assembled(cls, source: Path, name: str, table: dict[str, Any] | None) -> Self:
        program, elf = assemble_program(source, origin=ORIGIN)
        return cls._linked(name, program, elf, table, source)

    @classmethod
    def _linked(
        cls,
        name: str,
        program: Executable,
        elf: Path,
        table: dict[str, Any] | None,
        source: Path | None = None,
    ) -> Self:
        if program.origin != ORIGIN:
            raise UsageError(
                f"{name}: linked to {program.origin:#x}, and the BIOS enters an MBR at "
                f"{ORIGIN:#x}: link it with -Ttext={ORIGIN:#x}"
            )
        symbols = program.symbols
        if not table:
            table = {known: known for known in PATCHABLE if known in symbols}
        patches = _patches(name, table, symbols)
        return cls(name, program.binary, symbols, patches, elf, source)

    @property
    def takes_initrd(self) -> bool:
        """Whether the builder can tell this loader where an initrd is."""
        return "initrd_lba" in self.patches

    @property
    def facts(self) -> "LoaderFacts":
        """What a trace keeps of it."""
        from bootharness.trace.booted import LoaderFacts  # by then QEMU has been started

        digest = hashlib.sha256(self.binary).hexdigest()
        return LoaderFacts(self.name, digest, self.symbols, manager=self.manager)

    @property
    def digest(self) -> str:
        """The digest of its bytes and of where they are patched, in hex."""
        patches = {name: [patch.offset, patch.size] for name, patch in self.patches.items()}
        digest = hashlib.sha256(self.binary)
        digest.update(json.dumps(patches, sort_keys=True).encode())
        return digest.hexdigest()

    def patched(self, **values: int) -> bytes:
        """Return the bytes with these numbers set; a number it has no place for is left out.

        Raises UsageError for a number that its place cannot hold.
        """
        binary = bytearray(self.binary)
        for name, patch in self.patches.items():
            value = values[name]
            if value >> 8 * patch.size:
                raise UsageError(
                    f"{self.name}: {name} is {value:,} and does not fit its {patch.size} bytes"
                )
            binary[patch.offset : patch.offset + patch.size] = value.to_bytes(patch.size, "little")
        return bytes(binary)


def _read_profile(path: Path) -> dict[str, Any]:
    profile = read_toml(path, "a loader profile", most=_PROFILE_BYTES)
    table = profile.get("patch")
    if set(profile) != {"patch"} or not isinstance(table, dict) or not table:
        raise UsageError(f"{path}: a loader profile is one table, [patch], that is not empty")
    return table


def _patches(name: str, table: dict[str, Any], symbols: dict[str, int]) -> dict[str, Patch]:
    patches = {}
    for key, value in table.items():
        if key not in PATCHABLE:
            raise UsageError(f"{name}: [patch] {key}: known are {', '.join(PATCHABLE)}")
        place, size = value, 4
        if isinstance(value, dict):
            place, size = value.get("at"), value.get("bytes", 4)
            if unknown := set(value) - {"at", "bytes"}:
                raise UsageError(
                    f"{name}: [patch] {key}: {', '.join(unknown)}: known are at, bytes"
                )
        if isinstance(place, str):
            if place not in symbols:
                raise UsageError(f"{name}: [patch] {key}: the loader has no symbol {place!r}")
            place = symbols[place] - ORIGIN
        if type(place) is not int or type(size) is not int or size not in (1, 2, 4, 8):
            raise UsageError(
                f"{name}: [patch] {key}: give a symbol, an offset in bytes, or "
                "{ at = symbol or offset, bytes = 1, 2, 4 or 8 }"
            )
        patches[key] = Patch(place, size)
    ordered = sorted((patch.offset, patch.size, key) for key, patch in patches.items())
    for (offset, size, key), (next_offset, _, other) in pairwise(ordered):
        if offset + size > next_offset:
            raise UsageError(f"{name}: [patch] {key} and {other} are patched to the same bytes")
    return patches
