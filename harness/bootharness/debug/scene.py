"""The files of a debug run: all that gdb needs, in one folder, usable without the harness."""

import shlex
import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from bootharness.debug.labels import code_labels
from bootharness.debug.place import Place
from bootharness.formats import loading
from bootharness.formats.bioscall import SERVICES, STATUS
from bootharness.formats.bzimage import LOADFLAGS, XLOADFLAGS, header_fields, offset_of
from bootharness.machine.argv import GDB_SOCKET, by_hand
from bootharness.machine.device import Drive, drive_device
from bootharness.machine.gdb_log import int_sites
from bootharness.machine.target import target_description
from bootharness.plan import MachineConfig
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import ORIGIN, Loader
from bootharness.text import printable
from bootharness.trace.booted import DiskFacts, KernelFacts
from bootharness.trace.proof import LOADER_FIELDS

__all__ = ["DISK", "GDB", "NOT_REACHED", "Scene"]

DISK = "disk.img"
_READ = "disk-read.img"
_SCRIPT = "debug.gdb"
NOT_REACHED = "not-reached.txt"
"""In which gdb leaves why it did not come to the first stop."""
GDB = ("gdb", "-nx", "-q", "-x", _SCRIPT)
"""gdb as it is started in the folder of a debug run."""
_ELF = "loader.elf"
_PACKAGE = "bootgdb"
_SETTINGS = f"""\
# made by bootharness; in this folder: {" ".join(GDB)}
set confirm off
set pagination off
set filename-display basename
set osabi none
set auto-load off
set debuginfod enabled off
set remotetimeout 20
set breakpoint always-inserted on
python
import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.getcwd())
import {_PACKAGE}.start
{_PACKAGE}.start.begin({GDB_SOCKET!r})
end
"""
_SYMBOLS = f"symbol-file {_ELF}\ndirectory .\n"


class Scene(Struct, frozen=True):
    """What a debug run is about: the loader, what is on the disk, and the first stop.

    ``sites`` are INT instructions, by linear address, that a boot before has shown besides
    those in the loader, ``kernel_entry`` is where it has entered the kernel (linear).
    ``container`` is the image where that has to be opened to be read, ``recorded`` what gdb has to
    know of a recording.
    """

    what: str
    loader: Loader
    disk: DiskFacts
    kernel: KernelFacts | None
    place: Place
    sites: frozenset[int] = frozenset()
    kernel_entry: int | None = None
    container: DiskImage | None = None
    recorded: dict[str, object] | None = None

    def write(self, folder: Path, *, wide: bool) -> None:
        """Write everything but the disk image; ``wide`` for qemu-system-x86_64."""
        for bits, architecture in ((16, "i8086"), (32, "i386")):
            description = target_description(wide=wide, architecture=architecture)
            (folder / f"target-{bits}.xml").write_text(description)
        package = Path(__file__).with_name(_PACKAGE)
        no_cache = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, folder / _PACKAGE, ignore=no_cache)
        rules = Path(*loading.__name__.split(".")).with_suffix(".py")
        (folder / rules).parent.mkdir(parents=True)
        shutil.copy(loading.__file__, folder / rules)
        facts = msgspec.json.format(msgspec.json.encode(self._facts(wide=wide)))
        (folder / "facts.json").write_bytes(facts)
        if self.loader.elf:
            shutil.copy(self.loader.elf, folder / _ELF)
        if self.loader.source:
            shutil.copy(self.loader.source, folder)
        (folder / _SCRIPT).write_text(self._script())
        if self.container:
            self._write_read(self.container, folder / _READ)

    def _write_read(self, image: DiskImage, path: Path) -> None:
        """Write what gdb reads of an image in a container, where it lies on the disk inside."""
        kernel, lba = self.kernel, self.disk.kernel_lba
        with path.open("wb") as file:
            file.write(image.read(0, len(self.loader.binary)))
            if kernel and lba is not None:
                file.seek(lba * self.disk.sector_bytes)
                file.write(image.read(lba, kernel.real_mode_bytes + kernel.payload_bytes))

    def commands(self, config: MachineConfig) -> str:
        """Return what a person types, in the folder, to have the same without the harness."""
        drive = Drive.of(self.disk, config.disk_interface, Path(DISK))
        qemu = shlex.join(by_hand(config, drive_device(drive), gdb=True))
        return f"{qemu}\n# and in another terminal\n{shlex.join(GDB)}"

    def _script(self) -> str:
        start = f"python {_PACKAGE}.start"
        first = f"{start}.go_to_place({list(self.place.commands)!r})"
        last = f"{start}.break_at_labels()"
        symbols = _SYMBOLS if self.loader.elf else ""
        return symbols + _SETTINGS + "\n".join([first, last, "set pagination on", ""])

    def _facts(self, *, wide: bool) -> dict[str, object]:
        loader, disk, kernel = self.loader, self.disk, self.kernel
        return {
            "what": printable(self.what),
            "wide": wide,
            "recorded": self.recorded,
            "disk": _READ if self.container else DISK,
            "disk_base": 0 if self.container else disk.base,
            "sector_bytes": disk.sector_bytes,
            "origin": ORIGIN,
            "loader_bytes": len(loader.binary),
            "symbols": loader.symbols,
            "labels": code_labels(loader.binary, loader.symbols),
            "sites": sorted({at for at, _ in int_sites(loader.binary, ORIGIN)} | self.sites),
            "kernel_lba": disk.kernel_lba if kernel else None,
            "real_mode_bytes": kernel.real_mode_bytes if kernel else 0,
            "payload_bytes": kernel.payload_bytes if kernel else 0,
            "load_address": kernel.header.load_address if kernel else None,
            "initrd_address": disk.initrd_address,
            "wide_kernel": bool(kernel and kernel.header.is_64_bit),
            "kernel_entry": self.kernel_entry,
            "initrd_lba": disk.initrd_lba,
            "initrd_bytes": disk.initrd_bytes,
            "header": list(header_fields()),
            "flags": {"loadflags": LOADFLAGS, "xloadflags": XLOADFLAGS},
            "loader_fields": [(offset_of(name), size) for name, size in LOADER_FIELDS.items()],
            "services": {f"{number:02x}{ah:02x}": name for (number, ah), name in SERVICES.items()},
            "status": {f"{number:02x}": names for number, names in STATUS.items()},
        }
