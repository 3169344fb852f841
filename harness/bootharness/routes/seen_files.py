"""What came of a folder or from servers that somebody brought: what each file is for, the kernel,
the initrd."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from urllib.parse import unquote

from msgspec.structs import replace

from bootharness.errors import BootHarnessError
from bootharness.formats.bzimage import SetupHeader
from bootharness.formats.eltorito import has_uefi_entry
from bootharness.formats.forms import Form, form_of
from bootharness.formats.url import Url
from bootharness.kernels.content import Bytes, Piece, file_source
from bootharness.kernels.image import KernelImage
from bootharness.network.arrived import Arrived
from bootharness.network.file_tree import FileTree
from bootharness.network.flaw import flaw, name_for_http, no_kernel
from bootharness.network.program import program_kind
from bootharness.network.purpose import HEAD_BYTES, purpose
from bootharness.routes.initrd import Initrd
from bootharness.routes.script_waits import sleep_s
from bootharness.routes.seen_disk import kernels_on
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile

__all__ = ["SeenFiles"]

_ALIGNED = (4, 4096)
"""How boot programs put one initrd behind the other, in bytes."""
_TOGETHER_BYTES = 1 << 30
_BEGINNING_BYTES = 4096
_DISKS = ("cd", "disk")
"""The ids of what a UEFI that has it by HTTP keeps in memory and boots as a disk."""
_NOBODY_HAS = re.compile(r"who has (\S+)\?")
_ASKED_BY = (NetEventKind.DISCOVER, NetEventKind.REQUEST)
_NAMES = (
    NetEventKind.OFFER,
    NetEventKind.ACK,
    NetEventKind.PROXY_OFFER,
    NetEventKind.PROXY_ACK,
)


class SeenFiles:
    """The files of a folder, or of servers, as they were asked for."""

    def __init__(self, tree: FileTree | Arrived) -> None:
        self._tree = tree
        self._heads: dict[str, bytes] = {}

    def roles(self, files: Iterable[NetFile], events: Iterable[NetEvent]) -> tuple[NetFile, ...]:
        """Return transfers with what each file is for, and why it cannot be that."""
        events = tuple(events)
        named = {_asked_as(each.file) for each in events if each.kind in _NAMES}
        known: list[NetFile] = []
        scripts: list[bytes] = []
        after_kernel, runs_on = False, ""
        for each in files:
            head = self._head(each.name)
            role = purpose(each.name, head, named=named, after_kernel=after_kernel)
            is_program = role == "nbp" and not _as_disk(each, role, head)
            program = program_kind(head) if is_program else ""
            runs_on = program or runs_on
            wrong = self._flaw(each, role, head, runs_on)
            if role == "nbp" and each.outcome == "aborted" and _by_http_boot(each, events):
                wrong = name_for_http(each.name) or wrong
            if not (after_kernel or role or wrong):
                wrong = no_kernel(each.name, head, scripts)
            if role == "script":
                scripts.append(head)
            # what is nothing that is known may stand in a kernel's place
            after_kernel = after_kernel or role == "kernel" or bool(wrong and not role)
            known.append(replace(each, role=role, program=program, flaw=wrong))
        return tuple(known)

    def kernel(
        self, files: Sequence[NetFile], entered: SetupHeader | None, release: str | None
    ) -> KernelImage | None:
        """Return the kernel that was entered, or whose banner came, or else the last one that was
        asked for."""
        first = None
        for image in self._kernels(files):
            if entered and image.header.is_of_same_kernel(entered):
                return image
            if release and image.release == release:
                return image
            first = first or image
        return None if entered or release else first

    def initrd(self, files: Sequence[NetFile], entered: SetupHeader) -> Initrd | None:
        """Return what was handed over as the initrd: the last of those that came, or some together,
        that are as large as the kernel was told; None where none are."""
        whole = [each for each in files if each.role == "initrd" and not each.part]
        came = [each for each in whole if self._came(each)]
        for first in range(len(came) - 1, -1, -1):
            for aligned in _ALIGNED:
                sizes = [each.file_bytes for each in came[first:]]
                total = sum(-(-size // aligned) * aligned for size in sizes[:-1]) + sizes[-1]
                if total == entered.ramdisk_size:
                    return self._together(came[first:], aligned, total)
        return None

    def sleep_s(self, files: Iterable[NetFile]) -> float:
        """Return for how long the scripts of iPXE's that came may wait, in seconds."""
        return sleep_s(self._head(each) for each in _scripts(files))

    def with_who_named(
        self, events: Iterable[NetEvent], files: Iterable[NetFile]
    ) -> tuple[NetEvent, ...]:
        """Return what happened, with the script or configuration that names an address that nobody
        has."""
        scripts = tuple(_scripts(files))
        return tuple(self._with_who_named(each, scripts) for each in events)

    def _with_who_named(self, event: NetEvent, scripts: Sequence[str]) -> NetEvent:
        if event.kind != NetEventKind.UNANSWERED_ARP or event.file:
            return event
        ip = _NOBODY_HAS.match(event.text)
        named = ip and re.compile(rb"(?<![\w.:])" + re.escape(ip[1].encode()) + rb"(?![\w.])")
        by = [each for each in scripts if named and named.search(self._head(each))]
        return replace(event, file=by[-1]) if by else event

    def _came(self, file: NetFile) -> bool:
        """Return whether a file came; its last acknowledgement may be on its way, or never come."""
        if file.outcome != "open":
            return file.outcome == "served"
        content = self._tree.open(file.name)
        return content is not None and len(content) == file.file_bytes

    def _kernels(self, files: Sequence[NetFile]) -> Iterator[KernelImage]:
        """Yield the kernels that were asked for, the last one first."""
        names = dict.fromkeys(each.name for each in reversed(files) if each.role == "kernel")
        for name in names:
            path = self._tree.path(name)
            if path:
                with suppress(BootHarnessError, OSError):
                    yield KernelImage.read(path, source=name)
        for disk in self._tree.disks if isinstance(self._tree, Arrived) else ():
            yield from kernels_on(disk)

    def _together(self, files: Sequence[NetFile], aligned: int, total: int) -> Initrd | None:
        paths = [self._tree.path(each.name) for each in files]
        try:
            if len(paths) == 1 and paths[0]:
                return Initrd(Piece(file_source(paths[0]), 0, total))
            if total > _TOGETHER_BYTES or None in paths:
                return None
            parts = [path.read_bytes() for path in paths if path]
        except OSError:
            return None
        padded = [part.ljust(-(-len(part) // aligned) * aligned, b"\0") for part in parts[:-1]]
        return Initrd(Piece(Bytes(b"".join((*padded, parts[-1]))), 0, total))

    def _flaw(self, file: NetFile, role: str, head: bytes, runs_on: str) -> str:
        """Return what is wrong with a file; of one that servers send, once enough is known."""
        if isinstance(self._tree, Arrived):
            kept = bool(head) or not file.file_bytes
            known = (kept and self._came(file)) or _shows(file, head)
            if file.part or not known:
                return ""
        if form := _as_disk(file, role, head):
            return self._flaw_of_disk(file.name, form)
        return flaw(file.name, role, head, file.file_bytes, runs_on)

    def _flaw_of_disk(self, name: str, form: Form) -> str:
        """Return what is wrong with what a UEFI boots as a disk (UEFI, "HTTP Boot")."""
        content = self._tree.open(name)
        if content is None or form.id != "cd":
            return ""
        boots = has_uefi_entry(lambda at, size: bytes(content[at : at + size]))
        return "" if boots else f"is {form.name} without anything for a UEFI in its boot catalog"

    def _head(self, name: str) -> bytes:
        if not self._heads.get(name):
            content = self._tree.open(name)
            self._heads[name] = bytes(content[:HEAD_BYTES]) if content is not None else b""
        return self._heads[name]


def _by_http_boot(file: NetFile, events: Iterable[NetEvent]) -> bool:
    """Whether it was a UEFI that boots over HTTP that asked for a file."""
    asked = [each.text for each in events
             if each.kind in _ASKED_BY and each.seconds <= file.requested_at]  # fmt: skip
    return bool(asked) and "HTTPClient" in asked[-1] and "iPXE" not in asked[-1]


def _shows(file: NetFile, head: bytes) -> bool:
    """Whether a file that did not come whole shows what it is: it is empty, or its client took no
    more of it than its beginning."""
    if file.promised_bytes is None:
        return False
    begins = file.outcome == "aborted" and len(head) >= _BEGINNING_BYTES
    return not file.promised_bytes or begins


def _as_disk(file: NetFile, role: str, head: bytes) -> Form | None:
    """Return what a file is that a UEFI boots as a disk, None of what is no such one."""
    form = form_of(head) if role == "nbp" and file.protocol == "http" else None
    return form if form and form.id in _DISKS else None


def _scripts(files: Iterable[NetFile]) -> Iterator[str]:
    """Yield the names of scripts and configurations, each once."""
    yield from dict.fromkeys(each.name for each in files if each.role == "script")


def _asked_as(file: str) -> str:
    """Return the name that a client asks for when it is told of a file, or of its URL."""
    path = Url.of(file).path if "://" in file else file
    return unquote(path).lstrip("/")
