"""A real machine, played by QEMU: a serial line at the speed of a UART, and nothing else of it."""

import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bootharness.errors import LineLost
from bootharness.hardware.recorder_forms import boot_program, gap_needed, installed
from bootharness.routes.disk import DiskImage
from tests.support.media import overwrite

__all__ = ["BYTES_PER_S", "PlayedLine", "played", "recorded"]

BYTES_PER_S = 11_520
"""Of a line of 115,200 baud."""
_STEP_S = 0.01


class PlayedLine:
    """The line's end on the desk; ``damage`` changes what comes over it, from an offset on."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.bytes = 0

    def read(self, timeout_s: float) -> bytes:
        if not select.select([self._end], [], [], timeout_s)[0]:
            return b""
        try:
            data = self._end.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            raise LineLost("the serial line has ended: see whether its console server answers")
        self.bytes += len(data)
        return data

    def write(self, data: bytes) -> None:
        self._end.sendall(data)

    def close(self) -> None:
        self._end.close()


@contextmanager
def played(
    disk: Path,
    folder: Path,
    *words: str,
    memory_mib: int = 64,
    cut_at: int | None = None,
    qemu: str = "qemu-system-x86_64",
) -> Iterator[PlayedLine]:
    """Yield the line of a machine that boots from a disk; ``cut_at`` is the byte after which the
    line is cut. A machine that has ended leaves it open and is silent, as a PC."""
    theirs, ours = socket.socketpair()
    # through a socket QEMU gives up on a byte after some tries
    out_read, out_write = os.pipe()
    os.set_blocking(out_read, False)
    argv = [qemu, "-m", str(memory_mib), "-display", "none", "-no-user-config",
            "-monitor", "none", "-serial", f"file:/dev/fd/{out_write}",
            "-drive", f"file={disk},format=raw,if=ide,snapshot=on", *words]  # fmt: skip
    process = subprocess.Popen(
        ["nice", "-n", "10", *argv], stdin=subprocess.DEVNULL, cwd=folder,
        pass_fds=[out_write],
    )  # fmt: skip
    os.close(out_write)
    over = threading.Event()
    pump = threading.Thread(target=_pump, args=(out_read, theirs, over, cut_at))
    pump.start()
    line = PlayedLine(ours)
    try:
        yield line
    finally:
        over.set()
        ours.close()  # a pump that waits for a reader goes on
        process.kill()
        process.wait()
        pump.join()
        os.close(out_read)
        theirs.close()


def _pump(machine: int, desk: socket.socket, over: threading.Event, cut_at: int | None) -> None:
    """Carry bytes as quickly as a UART does; the machine waits, as it does for one."""
    began, sent = time.monotonic(), 0
    while not over.is_set():
        allowed = int((time.monotonic() - began + _STEP_S) * BYTES_PER_S) - sent
        if allowed <= 0:
            over.wait(_STEP_S)
            continue
        if not select.select([machine], [], [], _STEP_S)[0]:
            # what a UART has not carried it does not catch up with
            began, sent = time.monotonic(), 0
            continue
        data = os.read(machine, min(allowed, 256))
        if not data:
            over.wait()
            break
        if cut_at is not None:
            data, cut_at = data[:cut_at], cut_at - len(data)
        sent += len(data)
        try:
            desk.sendall(data)
        except OSError:
            break
        if cut_at is not None and cut_at <= 0:
            break
    with suppress(OSError):
        desk.shutdown(socket.SHUT_RDWR)


def recorded(disk: DiskImage, form: str, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """Put a recorder in front of a disk, in the MBR of a copy or as a boot program by the network.

    Return what the machine boots, and what QEMU needs to be told for that.
    """
    if form == "mbr":
        copy = folder / "recorded.img"
        subprocess.run(["cp", "--sparse=always", disk.path, copy], check=True)
        overwrite(copy, 0, installed(disk.path.read_bytes()[:gap_needed]))
        return copy, ()
    if form == "none":
        return disk.path, ()
    tree = folder / "tftp"
    tree.mkdir()
    (tree / "rec.0").write_bytes(boot_program())
    return disk.path, (
        *("-boot", "n", "-netdev", f"user,id=n,tftp={tree},bootfile=rec.0,restrict=on"),
        *("-device", "e1000,netdev=n"),
    )
