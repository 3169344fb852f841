"""The live network: sockets to the guests, and a thread that carries frames to the wire and back.

A thread, because a client waits for each block before it asks for the next: what the
harness does beside must not be part of that round trip.
"""

import os
import select
import socket
import struct
import threading
import time
from pathlib import Path

from msgspec.structs import replace

from bootharness.host.closing import Closing
from bootharness.network.capture import Capture
from bootharness.network.http_server import HttpTransfer
from bootharness.network.wire import Wire
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile

__all__ = ["Network", "Plug"]

_TICK_S = 0.05
_BURST = 32
_FRAME_BYTES = 65536
# how long a guest may take nothing until a frame for it is lost: 0.5 s
_SEND_TIMEVAL = struct.pack("ll", 0, 500_000)
_NOTHING_LEFT = (BlockingIOError, InterruptedError)


class Plug:
    """A guest's place on the network: its port, and the end of the socket that QEMU gets."""

    def __init__(self, network: "Network", port: int, guest_end: socket.socket) -> None:
        self._network = network
        self.port = port
        self.guest_end = guest_end
        self.news_fd = os.eventfd(0, os.EFD_NONBLOCK)
        """Readable when something has happened that is not only one more block."""
        self.launched = 0.0

    def started(self, launched: float) -> None:
        """Note that QEMU has its end, and when it was launched, on the monotonic clock."""
        self.launched = self._network.clock(launched)
        self.guest_end.close()

    def events(self) -> tuple[NetEvent, ...]:
        """Return what has happened so far, in seconds since launch."""
        return self._network.events(self)

    def files(self) -> tuple[NetFile, ...]:
        """Return the files asked for so far, in seconds since launch."""
        return self._network.files(self)

    def note(self, kind: NetEventKind, file: str = "", text: str = "") -> None:
        """Write down what the wire itself does not see."""
        self._network.note(self, kind, file, text)

    def take_news(self) -> bool:
        """Return whether something has happened since the last call."""
        try:
            os.eventfd_read(self.news_fd)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Pull the plug."""
        self._network.unplug(self)


class Network(Closing):
    """A wire with guests. Use as a context manager."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._lock = threading.Lock()
        self._sockets: dict[int, socket.socket] = {}
        self._plugs: dict[int, Plug] = {}
        self._noted: dict[int, int] = {}
        self._poll = select.poll()
        self._port_by_fd: dict[int, int] = {}
        self._capture: Capture | None = None
        self._clock_began = time.monotonic()
        self._clock_read = self._clock_began
        self._wall = time.time() - self._clock_began
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        self._poll.register(self._wake, select.POLLIN)
        self._running = True
        self._thread = threading.Thread(target=self._run, name="bootharness-wire", daemon=True)
        self._thread.start()

    def now(self) -> float:
        """Seconds on the wire's clock."""
        return self.clock(self._clock_read)

    def clock(self, monotonic: float) -> float:
        """Turn the monotonic clock into the wire's."""
        return monotonic - self._clock_began

    def capture(self, path: Path) -> None:
        """Write every frame to a pcap file from now on."""
        with self._lock:
            self._capture = Capture(path)

    def plug(self) -> Plug:
        """Connect another guest."""
        ours, guest_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with self._lock:
            port = self.wire.plug()
            plug = Plug(self, port, guest_end)
            self._plugs[port] = plug
            self._noted[port] = 0
            self._attach(port, ours)
        return plug

    def connect_uplink(self, plug: Plug, transfers: list[HttpTransfer]) -> socket.socket:
        """Connect what a guest's HTTP comes from, and return its end of the socket."""
        ours, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with self._lock:
            self._attach(self.wire.connect_uplink(plug.port, transfers), ours)
        return other

    def unplug(self, plug: Plug) -> None:
        """Disconnect a guest."""
        with self._lock:
            if self._plugs.pop(plug.port, None) is None:
                return
            for port in (plug.port, -plug.port):
                if port in self._sockets:
                    self._detach(port)
            self.wire.unplug(plug.port)
        plug.guest_end.close()
        os.close(plug.news_fd)

    def events(self, plug: Plug) -> tuple[NetEvent, ...]:
        """Return a guest's events, in seconds since its launch."""
        with self._lock:
            events = self.wire.events(plug.port)
        return tuple(
            replace(event, seconds=round(event.seconds - plug.launched, 6)) for event in events
        )

    def files(self, plug: Plug) -> tuple[NetFile, ...]:
        """Return a guest's files, in seconds since its launch."""
        with self._lock:
            files = self.wire.transferred(plug.port)
        return tuple(
            replace(
                file,
                requested_at=round(file.requested_at - plug.launched, 6),
                last_at=round(file.last_at - plug.launched, 6),
            )
            for file in files
        )

    def note(self, plug: Plug, kind: NetEventKind, file: str = "", text: str = "") -> None:
        """Write down in a guest's journal what the wire itself does not see."""
        with self._lock:
            if plug.port in self._plugs:
                self.wire.journal(plug.port).note(self.now(), kind, file, text=text)
                self._tell()

    def link_wanted(self, plug: Plug) -> bool:
        """Return whether a guest's cable is to be plugged in, as the faults have it."""
        with self._lock:
            return self.wire.link_wanted(plug.port, self.now())

    def finish(self, plug: Plug) -> None:
        """Close a guest's books."""
        with self._lock:
            self.wire.finish(plug.port, self.now())

    def close(self) -> None:
        """End the thread and close every socket."""
        if not self._running:
            return
        self._running = False
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        for plug in list(self._plugs.values()):
            self.unplug(plug)
        for port in list(self._sockets):
            self._detach(port)
        os.close(self._wake)
        if self._capture:
            self._capture.close()

    def _attach(self, port: int, ours: socket.socket) -> None:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_TIMEVAL)
        self._sockets[port] = ours
        self._port_by_fd[ours.fileno()] = port
        self._poll.register(ours, select.POLLIN)
        os.eventfd_write(self._wake, 1)

    def _detach(self, port: int) -> None:
        ours = self._sockets.pop(port)
        self._port_by_fd.pop(ours.fileno(), None)
        self._poll.unregister(ours)
        ours.close()

    def _run(self) -> None:
        ticked_at = 0.0
        while self._running:
            ready = self._poll.poll(self._wait_ms())
            with self._lock:
                self._clock_read = time.monotonic()
                for fd, _ in ready:
                    if fd == self._wake:
                        os.eventfd_read(fd)
                    elif fd in self._port_by_fd:
                        self._receive(self._port_by_fd[fd])
                # one guest's traffic does not keep another waiting
                if self.wire.next_due is not None or self.now() - ticked_at >= _TICK_S / 2:
                    ticked_at = self.now()
                    self._send(self.wire.tick(ticked_at))
                self._tell()

    def _wait_ms(self) -> float:
        due = self.wire.next_due
        wait = _TICK_S if due is None else min(max(due - self.now(), 0.0), _TICK_S)
        return wait * 1000

    def _receive(self, port: int) -> None:
        ours = self._sockets[port]
        for _ in range(_BURST):
            try:
                frame = ours.recv(_FRAME_BYTES, socket.MSG_DONTWAIT)
            except _NOTHING_LEFT:
                return
            except OSError:  # the guest is gone
                return
            if not frame:
                return
            if self._capture and port > 0:
                self._capture.write(frame, time.monotonic() + self._wall)
            self._send(self.wire.receive(port, frame, self.now()))

    def _send(self, frames: list[tuple[int, bytes]]) -> None:
        for port, frame in frames:
            ours = self._sockets.get(port)
            if ours is None:
                continue
            if self._capture and port > 0:
                self._capture.write(frame, time.monotonic() + self._wall)
            try:
                ours.send(frame)
            except OSError:  # the guest is gone, or takes nothing: as on a wire, it is lost
                continue

    def _tell(self) -> None:
        for port, plug in self._plugs.items():
            count = len(self.wire.journal(port).events)
            if count != self._noted[port]:
                self._noted[port] = count
                os.eventfd_write(plug.news_fd, 1)
