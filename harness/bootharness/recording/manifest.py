"""A recording in a folder: its files, and the manifest that says what they are.

    recording/manifest.json   this
              tape.bin        what came from outside of the guest (QEMU's format)
              overlay.qcow2   takes what the guest writes to its disk; empty, as at first
              variables.fd    the variables of a UEFI as they were at first
              variables.qcow2 takes what it writes to them; empty, as at first
              calls.json      where the recorder has told of each call of it
              recorder.rom    the recorder that watched
              recorder.log    what it has written

It may come from anybody. All in it is checked before it is used, and nothing that it names is
started or opened: the files have our names, and QEMU is ours, of the build that recorded it.
"""

import hashlib
import re
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import CouldNotFindOut, UsageError
from bootharness.formats.container import refused_for
from bootharness.formats.forms import form_of
from bootharness.host.kept import digest_of
from bootharness.host.regular import first_bytes, is_regular, read_regular
from bootharness.machine.build import build_of
from bootharness.machine.device import CARDS
from bootharness.machine.tape import TAPE
from bootharness.machine.taped_uefi import VARIABLES_FILE, VARIABLES_OVERLAY
from bootharness.text import plainly, printable

__all__ = [
    "CALLS", "CALLS_BYTES", "LOG", "MANIFEST", "OVERLAY", "RECORDING", "ROM", "Anchor",
    "OtherBuild", "Recording",
]  # fmt: skip

RECORDING = "recording"
"""The folder, in that of a kept boot."""
MANIFEST = "manifest.json"
OVERLAY = "overlay.qcow2"
ROM = "recorder.rom"
LOG = "recorder.log"
CALLS, CALLS_BYTES = "calls.json", 1 << 20
_VERSION = 5
_MANIFEST_BYTES = 1 << 16
_MOST_BYTES = {TAPE: 1 << 32, OVERLAY: 1 << 33, ROM: 1 << 16, LOG: 1 << 24}
"""To a login a tape has some MB, and of a UEFI a hundred; what is more is none of a boot."""
_MOST_OF_UEFI = {VARIABLES_FILE: 1 << 27, VARIABLES_OVERLAY: 1 << 28, CALLS: CALLS_BYTES}
_LOW_MEMORY = 1 << 20
_MOST_INSTRUCTIONS, _MOST_S, _MOST_RECORDS = 1 << 48, 1e6, 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_AGAIN = "record it again (`bootharness boot --keep`)"


class OtherBuild(CouldNotFindOut):
    """A recording is of another build of QEMU than the one that is here."""

    cause = "tool-missing"


class Anchor(Struct, frozen=True, forbid_unknown_fields=True):
    """Where one record of the recorder's log was begun: its number, how many instructions had been
    executed by then, and the linear address of the code that sends records."""

    record: int
    position: int
    sender: int


class Recording(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be known of a recording."""

    version: int
    """Of this format."""
    qemu: str
    """The QEMU that recorded, by the name of its program."""
    qemu_version: str
    """Its version, to go into a sentence."""
    build: str
    """What `build_of` said of it."""
    interface: str | None = None
    """How the disk was attached; None of a boot from a network."""
    disk_sha256: str | None = None
    """Of the disk's image."""
    code_sha256: str | None = None
    """Of the code of the UEFI that booted the disk; None of a BIOS."""
    own_order: bool = False
    """Whether its variables say what is booted first."""
    nic: str | None = None
    """The network card; None of a boot from a disk."""
    mac: str | None = None
    """Its address."""
    end: int
    """How many instructions it has."""
    seconds: float
    """How long it took to record them."""
    anchor: Anchor | None
    """By which records are found again; None where the loader never ran, or made no call."""
    files: dict[str, str]
    """The SHA-256 of each other file."""
    sha256: str = ""
    """Of this manifest, without this field."""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the recording in a folder.

        Raises UsageError, naming file and field, for what is damaged or can be no recording.
        """
        path = folder / MANIFEST
        if not path.exists():
            raise UsageError(f"{folder}: not a whole recording: {MANIFEST} is missing; {_AGAIN}")
        try:
            found = msgspec.json.decode(read_regular(path, most=_MANIFEST_BYTES), type=cls)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise UsageError(
                f"{path}: not the manifest of a recording: {plainly(error)}; {_AGAIN}"
            ) from error
        if found.version != _VERSION:
            raise UsageError(
                f"{path}: version: {found.version}, and this bootharness knows {_VERSION}; {_AGAIN}"
            )
        if found.sealed() != found:
            raise UsageError(f"{path}: damaged: its SHA-256 is not that of what is in it; {_AGAIN}")
        if wrong := found._wrong():
            raise UsageError(f"{path}: {wrong}; {_AGAIN}")
        for name, most in _files(found.code_sha256).items():
            _check_file(folder / name, most, found.files[name])
            if name in (OVERLAY, VARIABLES_OVERLAY):
                _check_overlay(folder / name)
        return found

    def _wrong(self) -> str | None:
        """Return which field cannot be, in words."""
        if self.files.keys() != (wanted := _files(self.code_sha256)).keys():
            return f"files: they are not {', '.join(wanted)}"
        if self.nic is None and self.interface is None:
            return "interface, nic: it is of no disk and of no network"
        for name, digest in (
            ("build", self.build), *([("disk_sha256", self.disk_sha256 or "")] if self.nic is None
                                     else ()),
            *([("code_sha256", self.code_sha256)] if self.code_sha256 is not None else ()),
            *(("files", digest) for digest in self.files.values()),
        ):  # fmt: skip
            if not _DIGEST.fullmatch(digest):
                return f"{name}: no SHA-256"
        if self.nic is not None and self.nic not in CARDS:
            return f"nic: {printable(self.nic)} is none of {', '.join(CARDS)}"
        if self.nic is not None and not _MAC.fullmatch(self.mac or ""):
            return "mac: no address of a network card"
        if not 0 < self.end <= _MOST_INSTRUCTIONS:
            return f"end: {self.end}, and no boot has so many instructions"
        if not 0 <= self.seconds <= _MOST_S:
            return f"seconds: {self.seconds}"
        at = self.anchor
        if at and not (
            0 <= at.record < _MOST_RECORDS
            and 0 <= at.position <= self.end
            and 0 <= at.sender < _LOW_MEMORY
        ):
            return "anchor: behind the end"
        return None

    def check_build(self, qemu: str) -> None:
        """Raise OtherBuild where a QEMU here is not the one that recorded."""
        if build_of(qemu) != self.build:
            raise OtherBuild(
                f"it was recorded by another build of QEMU ({printable(self.qemu)} "
                f"{printable(self.qemu_version)}) than {qemu} here is, and only the same one goes "
                "back in it"
            )

    def write(self, folder: Path) -> None:
        """Write the manifest into a folder."""
        (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(self)) + b"\n")

    @classmethod
    def of(cls, folder: Path, **facts: object) -> Self:
        """Return the manifest for the files in a folder."""
        files = {name: digest_of(folder / name) for name in _files(facts.get("code_sha256"))}
        return msgspec.convert({"version": _VERSION, "files": files, **facts}, cls).sealed()

    def sealed(self) -> Self:
        """Return the manifest with its digest."""
        plain = msgspec.json.encode(replace(self, sha256=""))
        return replace(self, sha256=hashlib.sha256(plain).hexdigest())


def _files(code_sha256: object) -> dict[str, int]:
    """Return the other files of a recording, and how many bytes each has at most; those of a boot
    by a UEFI where there is its code."""
    return _MOST_BYTES if code_sha256 is None else _MOST_BYTES | _MOST_OF_UEFI


def _check_file(path: Path, most: int, digest: str) -> None:
    if not is_regular(path, most=most):
        raise UsageError(f"{path}: missing, or not of a recording; {_AGAIN}")
    try:
        same = digest_of(path) == digest
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if not same:
        raise UsageError(f"{path}: damaged: its SHA-256 is not that of the manifest; {_AGAIN}")


def _check_overlay(path: Path) -> None:
    """Raise UsageError for an image that is no qcow2, or that names other files."""
    beginning = first_bytes(path, 1 << 16)
    form = form_of(beginning)
    named = form and refused_for(form, lambda at, size: beginning[at : at + size])
    if form is None or form.name != "a qcow2 image" or named:
        raise UsageError(f"{path}: not the overlay of a recording; {_AGAIN}")
