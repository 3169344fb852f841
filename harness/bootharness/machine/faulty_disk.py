"""A disk that fails as it is told to: QEMU reads it over a socket, and a thread of ours answers.

So a fault acts at the very read that it is about, however fast the guest is, and what it did is
known. The image is only read. It speaks NBD (formats/nbd.py), of which QEMU has the other end.
"""

import os
import select
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any

from msgspec import Struct

from bootharness.errors import DiskLost
from bootharness.formats import nbd
from bootharness.host.closing import Closing
from bootharness.kernels.content import Source
from bootharness.plan.disk_fault import DiskFault, DiskFaults
from bootharness.trace.disk_facts import DiskEvent, DiskEventKind, FaultyDiskFacts

__all__ = ["HANGS_S", "FaultyDisk"]

HANGS_S = 15.0
"""For so long the first read of a sector hangs, and then it fails, as all others do at once: a host
that has waited for a drive once does not wait again. QEMU would wait for an answer as its guest
does, and we for QEMU."""
_STOPPING_S = 0.2
"""What a machine takes to stop its CPU; it then waits for its disks."""
_EVENTS = 1000
_MOST_BYTES = 1 << 25
"""NBD: what a server has to take at once, if it says nothing of it."""
_ONLY_FIRST = ("slowed", "flipped", "vanished")


class _Noted(Struct):
    """An event that may still go on."""

    at: float
    kind: DiskEventKind
    lba: int
    sectors: int
    fault: DiskFault
    times: int = 1
    waited_s: float = 0.0


class _Hanging(Struct):
    """A read that is not answered, until it fails."""

    handle: int
    noted: _Noted
    since: float
    until: float


class FaultyDisk(Closing):
    """An image of ``size`` bytes with faults, to be read by one QEMU. Use as a context manager.

    The drive's sectors have ``sector_bytes`` and begin at byte ``base`` of the image. Nothing but
    flipped bits is done to a read before `begin`: QEMU itself looks at a disk before its guest
    does.
    """

    def __init__(
        self, faults: DiskFaults, content: Source, size: int, *, sector_bytes: int, base: int
    ) -> None:
        self.faults = faults
        self._content, self._size = content, size
        self._sector_bytes, self._base = sector_bytes, base
        self._lock = threading.Condition()
        self._begun = self._let_go = self._closing = self._vanished = False
        self._failing = {each: each.times for each in faults if each.kind == "error"}
        self._asks: DiskFault | None = None
        self._noted: deque[_Noted] = deque(maxlen=_EVENTS)
        self._left_out = self._reads = self._bytes = 0
        self._hanging: list[_Hanging] = []
        self._given_up: set[DiskFault] = set()
        self._paced_until = self._launched = 0.0
        self._waits_since: float | None = None
        self._cost_s = 0.0
        self._most_s = faults.slowest_s(size) + len(faults.all) * HANGS_S
        self._failed: BaseException | None = None
        self._ours, self.guest_end = socket.socketpair()
        self._wake, self._news = (os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2))
        self._thread = threading.Thread(target=self._run, name="bootharness-disk", daemon=True)
        self._thread.start()

    def started(self, launched: float) -> None:
        """Note that QEMU has its end, and when it was launched, on the monotonic clock."""
        self._launched = launched
        self.guest_end.close()

    def begin(self) -> None:
        """Take it that whoever reads from now on is the guest."""
        with self._lock:
            self._begun = True

    def fileno(self) -> int:
        """The file descriptor that is readable when somebody has to say whether it vanishes."""
        return self._news

    @property
    def asks(self) -> str:
        """What it has to be told: after what it is to vanish, as the fault has it; empty for
        nothing. As long as it asks, a read waits."""
        return self._asks.after if self._asks else ""

    def answer(self, *, vanishes: bool) -> None:
        """Tell it whether that has come."""
        with self._lock:
            os.eventfd_read(self._news)
            if vanishes:
                self._vanished = True
            self._asks = None
            self._lock.notify_all()

    @property
    def cost_s(self) -> float:
        """For how long the faults have kept the guest so far, in seconds: never longer than it
        takes to read the image once, and to wait for some sectors."""
        with self._lock:
            return min(self._cost_s + self._owed_s(), self._most_s)

    @property
    def is_spent(self) -> bool:
        """Whether the faults cost more than that."""
        with self._lock:
            return self._cost_s + self._owed_s() > self._most_s

    @property
    def owed_s(self) -> float:
        """For how long a read waits for its answer now, in seconds; 0 where none does."""
        with self._lock:
            return self._owed_s()

    @property
    def may_wait(self) -> bool:
        """Whether a read may have to wait for us, or for long: a machine that is stopped then
        waits as well."""
        return any(
            each.kind == "hang" or (each.kind == "vanish" and not each.reads)
            for each in self.faults
        )

    @property
    def hangs(self) -> bool:
        """Whether there is a read that will not be answered."""
        return bool(self._hanging)

    @property
    def bytes_read(self) -> int:
        """How much of it was read."""
        return self._bytes

    def check(self) -> None:
        """Raise DiskLost when it does not work any more: that is no guest's fault."""
        if self._failed is not None:
            what = f"{type(self._failed).__name__}: {self._failed}"
            raise DiskLost(f"the disk that was to be faulty could not be read: {what}")

    def facts(self) -> FaultyDiskFacts:
        """Return what it has done so far."""
        with self._lock:
            self._note_waits()
            return FaultyDiskFacts(
                tuple(map(str, self.faults)),
                self._reads,
                self._bytes,
                tuple(map(self._event, self._noted)),
                self._left_out,
            )

    def _note_waits(self) -> None:
        now = time.monotonic()
        for each in self._hanging if not self._let_go else ():
            each.noted.waited_s = now - each.since

    def let_go(self) -> None:
        """Answer whatever waits, very soon: for a machine that is now told to stop for good."""
        with self._lock:
            self._note_waits()
            self._let_go = True
            soon = time.monotonic() + _STOPPING_S
            for each in self._hanging:
                each.until = soon
            self._paced_until = min(self._paced_until, soon)
            self._asks = None
            self._lock.notify_all()
        os.eventfd_write(self._wake, 1)

    def _event(self, noted: _Noted) -> DiskEvent:
        seconds = round(max(noted.at - self._launched, 0.0), 6)
        return DiskEvent(seconds, noted.kind, noted.lba, noted.sectors, str(noted.fault),
                         noted.times, round(noted.waited_s, 3))  # fmt: skip

    def close(self) -> None:
        """End the thread."""
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        os.eventfd_write(self._wake, 1)
        with suppress(OSError):  # it may have closed it itself
            self._ours.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for each in (self._ours, self.guest_end):
            each.close()
        for fd in (self._wake, self._news):
            os.close(fd)

    def _run(self) -> None:
        try:
            self._negotiate()
            while (request := self._request()) is not None:
                self._serve(*request)
        except (ConnectionError, EOFError):  # QEMU is gone
            pass
        except Exception as error:  # whatever it is, no guest is to blame
            self._failed = error
            self._ours.close()

    def _negotiate(self) -> None:
        """Let QEMU take the one export that there is by its name, and nothing else."""
        self._ours.sendall(nbd.HELLO.pack(nbd.MAGIC, nbd.OPTIONS, nbd.FIXED_NO_ZEROES))
        self._take(4)
        while True:
            _, option, size = nbd.CHOOSE.unpack(self._take(nbd.CHOOSE.size))
            self._take(size)
            if option == nbd.EXPORT_NAME:
                break
            self._ours.sendall(
                nbd.OPTION_REPLY.pack(nbd.OPTION_ANSWERED, option, nbd.UNSUPPORTED, 0)
            )
        self._ours.sendall(nbd.EXPORT.pack(self._size, nbd.READ_ONLY))

    def _request(self) -> tuple[int, int, int] | None:
        """Return the next read: its handle, offset and size; None when there is no more."""
        while self._wait_for_request():
            asked = nbd.REQUEST.unpack(self._take(nbd.REQUEST.size))
            magic, _, command, handle, start, size = asked
            if magic != nbd.ASKED or command == nbd.DISCONNECT:
                return None
            if command == nbd.READ and start + size <= self._size and size <= _MOST_BYTES:
                return handle, start, size
            self._reply(handle, error=nbd.INVALID)
        return None

    def _wait_for_request(self) -> bool:
        while not self._closing:
            due = min((each.until for each in self._hanging), default=None)
            wait_s = None if due is None else max(due - time.monotonic(), 0)
            ready, _, _ = select.select([self._ours.fileno(), self._wake], [], [], wait_s)
            if self._ours.fileno() in ready:
                return True
            if self._wake in ready:
                os.eventfd_read(self._wake)
            self._fail_what_hung()
        return False

    def _fail_what_hung(self) -> None:
        now = time.monotonic()
        for each in [each for each in self._hanging if now >= each.until]:
            with self._lock:
                self._hanging.remove(each)
                self._given_up.add(each.noted.fault)
                if not self._let_go:
                    each.noted.waited_s = now - each.since
                    self._cost_s += now - each.since
            self._reply(each.handle, error=nbd.IO_ERROR)

    def _serve(self, handle: int, start: int, size: int) -> None:
        data = bytearray(self._content.read(start, size))
        first = max(start - self._base, 0) // self._sector_bytes
        span = range(first, -(-(start + size - self._base) // self._sector_bytes))
        flips = [each for each in self.faults if each.kind == "flip" and self._is_in(each, span)]
        for each in flips:
            at = self._base + (each.lba or 0) * self._sector_bytes + each.byte - start
            if 0 <= at < size:
                data[at] ^= 1
        if not self._begun:
            self._reply(handle, bytes(data))
            return
        with self._lock:
            self._reads += 1
            self._bytes += size
            for each in flips:
                self._note("flipped", span, each)
        if self._fails(span):
            self._reply(handle, error=nbd.IO_ERROR)
        elif not self._hangs(handle, span):
            self._pace(span, size)
            self._reply(handle, bytes(data))

    @staticmethod
    def _is_in(fault: DiskFault, span: range) -> bool:
        return fault.lba is not None and fault.lba in span

    def _fails(self, span: range) -> bool:
        """Whether a read fails: of a disk that has vanished, or of a sector that cannot be read."""
        for fault in self.faults:
            if fault.kind == "vanish" and self._has_vanished(fault):
                with self._lock:
                    self._note("vanished", span, fault)
                return True
        for fault, left in self._failing.items():
            if self._is_in(fault, span) and (left or not fault.times):
                self._failing[fault] = left - 1
                with self._lock:
                    self._note("failed", span, fault)
                return True
        return False

    def _has_vanished(self, fault: DiskFault) -> bool:
        if self._vanished:
            return True
        if fault.reads:
            self._vanished = self._reads > fault.reads
            return self._vanished
        began = time.monotonic()
        with self._lock:
            self._asks, self._waits_since = fault, began
            os.eventfd_write(self._news, 1)
            while self._asks and not self._closing:
                self._lock.wait()
            self._cost_s += time.monotonic() - began
            self._waits_since = None
        return self._vanished

    def _hangs(self, handle: int, span: range) -> bool:
        for fault in self.faults:
            if fault.kind == "hang" and self._is_in(fault, span):
                if fault in self._given_up:
                    self._reply(handle, error=nbd.IO_ERROR)
                    return True
                with self._lock:
                    noted = self._note("unanswered", span, fault)
                    now = time.monotonic()
                    self._hanging.append(_Hanging(handle, noted, now, now + HANGS_S))
                return True
        return False

    def _pace(self, span: range, size: int) -> None:
        """Keep an answer back for as long as it takes a disk that is slow."""
        began = time.monotonic()
        for fault in self.faults:
            if fault.kind == "slow":
                seconds = size / fault.rate if fault.rate else 1 / fault.iops
                with self._lock:
                    self._note("slowed", span, fault)
                    self._paced_until = max(self._paced_until, began) + seconds
        with self._lock:
            self._waits_since = began
            while (left := self._paced_until - time.monotonic()) > 0 and not self._closing:
                self._lock.wait(left)
            self._cost_s += time.monotonic() - began
            self._waits_since = None

    def _owed_s(self) -> float:
        waits = [each.since for each in self._hanging]
        waits += [] if self._waits_since is None else [self._waits_since]
        return time.monotonic() - min(waits) if waits else 0.0

    def _note(self, kind: DiskEventKind, span: range, fault: DiskFault) -> _Noted:
        for noted in reversed(self._noted):
            if kind in _ONLY_FIRST and (noted.kind, noted.fault) == (kind, fault):
                return noted
        last = self._noted[-1] if self._noted else None
        if last and (last.kind, last.lba, last.sectors, last.fault) == (
            kind, span.start, len(span), fault
        ):  # fmt: skip
            last.times += 1
            return last
        self._left_out += len(self._noted) == _EVENTS
        noted = _Noted(time.monotonic(), kind, span.start, len(span), fault)
        self._noted.append(noted)
        return noted

    def _reply(self, handle: int, data: bytes = b"", *, error: int = 0) -> None:
        self._ours.sendall(nbd.REPLY.pack(nbd.ANSWERED, error, handle) + data)

    def _take(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._ours.recv(size)
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    @property
    def node(self) -> dict[str, Any]:
        """What QEMU opens in place of the image."""
        server = {"type": "fd", "str": str(self.guest_end.fileno())}
        return {"driver": "raw", "file": {"driver": "nbd", "server": server, "export": "disk"}}
