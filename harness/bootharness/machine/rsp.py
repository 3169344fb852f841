"""QEMU's GDB stub without gdb: the few packets with which a program goes forwards and backwards.

(GDB manual, "Remote Serial Protocol".) gdb takes the instruction pointer for a linear address,
which in real mode it is not; the stub itself means linear addresses throughout.
"""

import socket
from contextlib import suppress
from pathlib import Path

from bootharness.errors import MachineLost
from bootharness.host.closing import Closing
from bootharness.host.deadline import Deadline

__all__ = ["Stub"]

_CONNECT_S = 10.0
_REPLY_S = 20.0
_CHUNK = 1 << 16
_PACKET_BYTES = 1 << 20
_MEMORY_AT_ONCE = 0x400
_SWITCHED_OFF = "03"
"""The signal, SIGQUIT, by which QEMU tells of a guest that is off: it goes no further."""


class _Silent(MachineLost):
    """The stub says nothing in time."""

    def __init__(self) -> None:
        super().__init__("QEMU's GDB stub does not answer in time")


class Stub(Closing):
    """A connection to the stub of a machine that stands still. Raises MachineLost without it, and
    for what it does not answer in time or refuses."""

    def __init__(self, path: Path) -> None:
        self._received = b""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_CONNECT_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise MachineLost(f"QEMU's GDB stub is not there: {error.strerror}") from error
        self._points: set[tuple[str, int]] = set()
        self.off = False
        """Whether the guest has switched itself off: whoever has it go on then waits for ever."""
        self._asked("?")  # which deletes all breakpoints

    def __contains__(self, point: tuple[str, int]) -> bool:
        return point in self._points

    def stop_at(self, linear: int) -> None:
        """Stop before the instruction at a linear address."""
        self._point("1", linear)

    def watch(self, linear: int, size: int = 1) -> None:
        """Stop behind an instruction that writes into so many bytes."""
        self._point("2", linear, size)

    def _point(self, kind: str, linear: int, size: int = 1) -> None:
        if self._asked(f"Z{kind},{linear:x},{size:x}") != "OK":
            raise MachineLost(f"QEMU takes no breakpoint or watchpoint at {linear:#x}")
        self._points.add((f"{kind},{size:x}", linear))

    def clear(self) -> None:
        """Take away all that it stops at."""
        for point in sorted(self._points):
            kind, size = point[0].split(",")
            self._asked(f"z{kind},{point[1]:x},{size}")
        self._points.clear()

    def take_over(self, other: "Stub") -> None:
        """Stop at all that another connection, which is closed by now, stopped at."""
        for point, linear in sorted(other._points):
            kind, size = point.split(",")
            self._point(kind, linear, int(size, 16))

    def go(self, within_s: float) -> bool:
        """Let the machine run to its next stop; return whether that is for a watchpoint."""
        self._check_on()
        self.resume()
        said = self._answer(Deadline.after(within_s))
        self._check_stop("c", said)
        return "watch:" in said

    def stops(self, within_s: float) -> bool:
        """Return whether a machine that was resumed stops in that time."""
        try:
            self._check_stop("c", self._answer(Deadline.after(within_s)))
        except _Silent:
            return False
        return True

    def fileno(self) -> int:
        """The file descriptor that is readable when the machine has stopped."""
        return self._socket.fileno()

    def resume(self) -> None:
        """Let the machine run, and wait for nothing; `forget_stops` is due when it stands still."""
        self._send("c")

    def step(self) -> None:
        """Execute one instruction, also where a breakpoint is."""
        self._check_on()
        self._check_stop("s", self._asked("s"))

    def forget_stops(self) -> None:
        """Take what has been said of stops that were asked for elsewhere."""
        self.stopped()

    def stopped(self) -> bool:
        """Return whether a stop has been told that nobody has waited for, and take that."""
        self._socket.settimeout(0)
        with suppress(BlockingIOError):
            while data := self._socket.recv(_CHUNK):
                self._received += data
        self._socket.settimeout(_REPLY_S)
        stops = self._received.count(b"$")
        for _ in range(stops):
            self._acknowledge()
        self._received = b""
        return stops > 0

    def registers(self) -> bytes:
        """Read the registers, in the order that the stub has them."""
        said = self._asked("g")
        try:
            return bytes.fromhex(said.replace("x", "0"))
        except ValueError:
            raise MachineLost(f"QEMU does not tell the registers: {said[:40]}") from None

    def memory(self, linear: int, count: int) -> bytes:
        """Read memory as the CPU sees it."""
        parts = []
        for at in range(linear, linear + count, _MEMORY_AT_ONCE):
            size = min(linear + count - at, _MEMORY_AT_ONCE)
            said = self._asked(f"m{at:x},{size:x}")
            try:
                parts.append(bytes.fromhex(said))
            except ValueError:
                raise MachineLost(f"QEMU does not read memory at {at:#x}: {said}") from None
        return b"".join(parts)

    def _check_on(self) -> None:
        if self.off:
            raise MachineLost("the guest has switched itself off")

    def _check_stop(self, packet: str, said: str) -> None:
        if said[:1] not in ("T", "S"):
            raise MachineLost(f"QEMU's GDB stub answers {packet} with {said or 'nothing'!r}")
        self.off = said[1:3] == _SWITCHED_OFF

    def _asked(self, packet: str) -> str:
        self._send(packet)
        return self._answer(Deadline.after(_REPLY_S))

    def _send(self, packet: str) -> None:
        raw = packet.encode()
        try:
            self._socket.sendall(b"$%s#%02x" % (raw, sum(raw) & 0xFF))
        except OSError as error:
            raise MachineLost("QEMU's GDB stub went away") from error

    def _answer(self, deadline: Deadline) -> str:
        while True:
            begin = self._received.find(b"$")
            end = self._received.find(b"#", begin)
            if 0 <= begin < end and len(self._received) >= end + 3:
                said = self._received[begin + 1 : end]
                self._received = self._received[end + 3 :]
                self._acknowledge()
                return said.decode("ascii", "replace")
            if deadline.expired or len(self._received) > _PACKET_BYTES:
                raise _Silent
            self._socket.settimeout(deadline.remaining)
            self._take()

    def _acknowledge(self) -> None:
        try:
            self._socket.sendall(b"+")
        except OSError as error:
            raise MachineLost("QEMU's GDB stub went away") from error

    def _take(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except TimeoutError:
            raise _Silent from None
        except OSError as error:
            raise MachineLost("QEMU's GDB stub went away") from error
        if not data:
            raise MachineLost("QEMU's GDB stub went away")
        self._received += data

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
