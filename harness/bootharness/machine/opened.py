"""What is inside a disk image in a container, read through QEMU's own driver for it.

A storage daemon of QEMU's opens it, read-only and as a user of its own, and gives it out by NBD
(the network block device protocol) over a socket in a folder that only we can enter.
"""

import json
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from weakref import finalize

from bootharness.errors import MediumUnavailable
from bootharness.formats import nbd
from bootharness.formats.container import BACKED
from bootharness.host.rights import command, own_user
from bootharness.host.tool import Tool

__all__ = ["STORAGE_DAEMON", "Opened", "node_of"]

STORAGE_DAEMON = Tool("qemu-storage-daemon", "qemu-system-x86")
_ANSWER_S = 60.0
_SAID_BYTES = 4096
_MOST_BYTES = 1 << 24
"""What is asked for at once; NBD servers give at least as much."""


def node_of(path: Path, driver: str) -> dict[str, Any]:
    """Return an image as QEMU's programs are given it: the file alone, and none that it names."""
    file = {"driver": "file", "filename": str(path.absolute()), "locking": "off"}
    return {"driver": driver, "file": file, **({"backing": None} if driver in BACKED else {})}


class Opened:
    """An image in a container; a `Source`.

    The daemon is started when something is read, and ends with `rest`, or with this object.
    Raises MediumUnavailable, in QEMU's words, for what its driver does not read, ToolMissing where
    the daemon is not installed.
    """

    def __init__(self, path: Path, driver: str) -> None:
        self._path, self._driver = path, driver
        self._served: _Served | None = None
        self._size: int | None = None

    @property
    def size(self) -> int:
        """How large the disk is that is inside, in bytes."""
        if self._size is None:
            self._size = self._open().size
        return self._size

    def read(self, start: int, size: int) -> bytes:
        """Return bytes from an offset on, zeros behind the end."""
        served = self._open()
        end = min(start + size, served.size)
        parts = [
            served.read(at, min(_MOST_BYTES, end - at)) for at in range(start, end, _MOST_BYTES)
        ]
        return b"".join(parts).ljust(size, b"\0")

    def rest(self) -> None:
        """End the daemon, until something is read again."""
        self._served = None

    def _open(self) -> "_Served":
        if self._served is None:
            STORAGE_DAEMON.check()
            self._served = _Served(self._path, self._driver)
        return self._served


class _Served:
    """A daemon that gives an image out, and our connection to it."""

    def __init__(self, path: Path, driver: str) -> None:
        self._path, self._driver = path, driver
        self._node = json.dumps({**node_of(path, driver), "node-name": "image", "read-only": True})
        with tempfile.TemporaryDirectory(prefix="bootharness-nbd-") as folder:
            self._start(Path(folder, "nbd"))
        finalize(self, _end, self._process, self._socket)
        try:
            self.size = self._negotiate()
        except OSError as error:
            raise self._lost(str(error)) from error

    def _start(self, name: Path) -> None:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(name))
            listening.listen(1)
            words = [
                *(STORAGE_DAEMON.name, "--blockdev", self._node),
                *("--nbd-server", f"addr.type=fd,addr.str={listening.fileno()}"),
                *("--export", "type=nbd,id=export,node-name=image,name=image"),
            ]
            self._process = subprocess.Popen(
                command(words, own_user(os.getpid(), [self._path])),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[listening.fileno()],
            )
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(_ANSWER_S)
            self._socket.connect(str(name))

    def _negotiate(self) -> int:
        """Return the size of what is given out."""
        magic, options, _ = nbd.HELLO.unpack(self._take(nbd.HELLO.size))
        if (magic, options) != (nbd.MAGIC, nbd.OPTIONS):
            raise self._lost("it speaks no NBD")
        name, flags = b"image", nbd.FIXED_NO_ZEROES.to_bytes(4, "big")
        chosen = nbd.CHOOSE.pack(options, nbd.EXPORT_NAME, len(name))
        self._socket.sendall(flags + chosen + name)
        size, _ = nbd.EXPORT.unpack(self._take(nbd.EXPORT.size))
        return int(size)

    def read(self, start: int, size: int) -> bytes:
        """Return bytes that are there."""
        try:
            self._socket.sendall(nbd.REQUEST.pack(nbd.ASKED, 0, nbd.READ, start, start, size))
            magic, failed, _ = nbd.REPLY.unpack(self._take(nbd.REPLY.size))
            if magic != nbd.ANSWERED or failed:
                raise self._lost(f"error {failed} at byte {start:,}")
            return self._take(size)
        except OSError as error:
            raise self._lost(str(error)) from error

    def _take(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._socket.recv(size)
            if not part:
                raise self._lost("")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _lost(self, otherwise: str) -> MediumUnavailable:
        """Return the error that says, in QEMU's words or else ours, why there is no more."""
        said = ""
        self._process.kill()
        if self._process.stderr:
            said = self._process.stderr.read(_SAID_BYTES).decode(errors="replace").strip()
        said = said.removeprefix(f"{STORAGE_DAEMON.name}: ")
        why = said.removeprefix(f"--blockdev {self._node}: ").partition("\n")[0]
        return MediumUnavailable(
            f"{self._path}: QEMU's driver {self._driver} does not read it: "
            f"{why or otherwise or 'it ended'}"
        )


def _end(process: "subprocess.Popen[bytes]", connection: socket.socket) -> None:
    connection.close()
    process.kill()
    process.wait()
    if process.stderr:
        process.stderr.close()
