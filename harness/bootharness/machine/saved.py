"""Machines saved before their first packet, or before they looked for a disk, in the cache: the
firmware's seconds are paid once.

A file has what the harness knew of the machine when it was saved, and then QEMU's migration stream.
It is named by all that can change what is in it: QEMU takes a stream of another ROM, CPU or
firmware without a word, and goes on with that.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from bootharness.errors import CouldNotFindOut
from bootharness.host.cache import alone_in, cache_dir, trim
from bootharness.host.kept import digest_of, intact, kept_file, seal, sealed
from bootharness.machine.device import escaped
from bootharness.machine.firmware import CARD_ROMS, FIRMWARE, firmware_folders
from bootharness.plan import MachineConfig

__all__ = ["MOST_MIB", "NotRestored", "Saved", "SavedMachine", "firmware_of", "keep", "place_of",
           "started_by"]  # fmt: skip

MOST_MIB = 4096
"""QEMU looks at each page of the memory while the machine stands still: a second for 10 GiB."""
_FORMAT = 1
_SIZE_BYTES = 8
_HEAD_BYTES = 1 << 22
_MOST_FILES = 64
_SCRIPT_BYTES = 1 << 16
_PATH = re.compile(rb"/[\w./+-]+")
_HOST_CPU = re.compile(
    r"^(?:vendor_id|cpu family|model|stepping|microcode|flags)\b.*", re.MULTILINE
)


class NotRestored(CouldNotFindOut):
    """QEMU does not go on from a saved machine; a boot from its beginning is another matter."""

    cause = "launch-failed"


class Saved(Struct, frozen=True):
    """What the harness knew of a machine when it was saved, ``seconds`` after launch.

    ``early`` are the frames that it had sent by then and been answered, when, and with what;
    ``asking`` are those that wait for an answer. ``recorded`` is the recorder's log, and ``began``
    when its clock did.
    """

    seconds: float
    program: str
    """The digest of the program that QEMU was."""
    early: tuple[tuple[float, bytes, tuple[bytes, ...]], ...] = ()
    asking: tuple[bytes, ...] = ()
    recorded: bytes = b""
    began: float = 0.0
    bios_log: str = ""
    serial: bytes = b""

    def write(self, file: BinaryIO) -> None:
        """Write it to the beginning of a file; the stream goes behind it."""
        head = msgspec.msgpack.encode(self)
        file.write(len(head).to_bytes(_SIZE_BYTES, "little") + head)
        file.flush()


class SavedMachine(Struct, frozen=True):
    """A saved machine in the cache: what was known of it, and a file that is open where QEMU's part
    of it begins."""

    about: Saved
    file: BinaryIO
    path: Path

    @classmethod
    def at(cls, path: Path) -> "SavedMachine | None":
        """Return the machine at a place of the cache, None where there is none, or a damaged
        one."""
        if not intact(path):
            return None
        try:
            file = path.open("rb", buffering=0)
        except OSError:
            return None
        try:
            size = int.from_bytes(file.read(_SIZE_BYTES), "little")
            about = msgspec.msgpack.decode(file.read(min(size, _HEAD_BYTES)), type=Saved)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            file.close()
            path.unlink(missing_ok=True)
            return None
        return cls(about, file, path)


def place_of(
    config: MachineConfig,
    argv: Sequence[str],
    beside: str,
    folder: Path,
    fds: Iterable[int],
    media: Iterable[Path] = (),
) -> Path | None:
    """Return where in the cache the machine of a command line belongs, None where it is not to be
    saved.

    ``beside`` is what of its surroundings has a part in it. ``folder`` is the boot's own, ``fds``
    are what QEMU inherits, and ``media`` what is in its drives, at which it has not looked by then:
    none of that makes another machine.
    """
    program = Path(shutil.which(config.qemu) or config.qemu).resolve()
    if config.memory_mib > MOST_MIB:
        return None
    with suppress(CouldNotFindOut, OSError):  # of a cache that cannot be written to
        given = [_without(media, word) for word in argv[1:]]
        words = [_as_always(word, folder, fds) for word in given]
        named = [Path(name) for word in given for name in _files_in(word)]
        programs = [digest_of(path) for path in (program, *started_by(program))]
        facts = {
            "format": _FORMAT,
            "words": words,
            "beside": beside,
            "programs": programs,
            "files": [digest_of(path) for path in named if path.is_file()],
            "firmware": [
                (path.name, digest_of(path)) for path in firmware_of(config.qemu, programs)
            ],
            "host": _host_cpu() if config.accelerator == "kvm" else "",
        }
        key = hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()
        return cache_dir("machines") / key[:32]
    return None


def keep(made: Path, place: Path) -> None:
    """Put a saved machine into the cache, if that takes it and nobody else is at it.

    Of two that are saved at once no file may meet the other's digest.
    """
    with suppress(CouldNotFindOut, OSError), alone_in(cache_dir("saving"), 0.0):
        kept_file(place, lambda path: _copy(made, path))
        trim(place.parent, most=_MOST_FILES)


def _copy(made: Path, path: Path) -> None:
    shutil.copyfile(made, path)


def started_by(program: Path) -> list[Path]:
    """Return the programs that a script names, as Debian's `qemu-system-i386` is one."""
    with program.open("rb") as file:
        text = file.read(_SCRIPT_BYTES)
    named = map(Path, map(os.fsdecode, _PATH.findall(text) if text.startswith(b"#!") else ()))
    return [path for path in named if path.is_file() and os.access(path, os.X_OK)]


def _without(media: Iterable[Path], word: str) -> str:
    """Return a word of a command line without the names of what is in the drives."""
    for each in media:
        word = word.replace(escaped(each), "")
    return word


def _as_always(word: str, folder: Path, fds: Iterable[int]) -> str:
    """Return a word of a command line without what is another in each boot."""
    word = word.replace(str(folder), "")
    for number, fd in enumerate(fds):
        word = re.sub(rf"(fd|addr\.str)={fd}\b", rf"\1=:{number}", word)
    return word


def _files_in(word: str) -> list[str]:
    """Return the files that a word of a command line may name, by absolute paths."""
    return [name.replace(",,", ",") for name in re.findall(r"(?:^|=)(/(?:[^,]|,,)*)", word)]


def firmware_of(qemu: str, programs: list[str]) -> list[Path]:
    """Return the firmware that a QEMU may load unasked, for a machine or for a card.

    In which folders it looks is asked once: that takes as long as its start.
    """
    known = cache_dir("firmware") / hashlib.sha256("".join(programs).encode()).hexdigest()[:32]
    folders = sealed(known)
    if folders is None:
        folders = "\n".join(map(str, firmware_folders(qemu))).encode()
        seal(known, folders)
    return [
        path
        for folder in folders.decode().splitlines()
        for pattern in (*FIRMWARE, *CARD_ROMS)
        for path in sorted(Path(folder).glob(pattern))
        if path.is_file()
    ]


def _host_cpu() -> str:
    """What a guest under KVM may see of this host."""
    said = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    return "\n".join([os.uname().release, *_HOST_CPU.findall(said)])
