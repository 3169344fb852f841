"""The live network: sockets to the guests, and a thread that carries frames to the wire and back.

A thread, because a client waits for each block before it asks for the next: what the
harness does beside must not be part of that round trip. Nothing waits for a guest that takes no
frames: they wait for it, as many as a switch would keep, and the others are lost.
"""

import os
import select
import socket
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from bootharness.errors import WireLost
from bootharness.host.closing import Closing
from bootharness.network.capture import Capture
from bootharness.network.http_server import HttpServer
from bootharness.network.link import Datagrams, FrameStream, Link
from bootharness.network.socket_stream import SocketStream
from bootharness.network.threshold import Answered, Threshold
from bootharness.network.watched_wire import WatchedWire
from bootharness.network.wire import Wire
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile

__all__ = ["Network", "Plug"]

_TICK_S = 0.05


class Plug:
    """A guest's place on the network: its port, and the end of the socket that QEMU gets."""

    def __init__(self, network: "Network", port: int, guest_end: socket.socket) -> None:
        self._network = network
        self.port = port
        self.guest_end = guest_end
        self.news_fd = os.eventfd(0, os.EFD_NONBLOCK)
        """Readable when something has happened that is not only one more block."""
        self.launched = 0.0
        self.threshold: Threshold | None = None
        """Where it is kept waiting that is to be saved, None where it is not, or not any more."""

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

    @property
    def dropped(self) -> int:
        """How many frames the guest did not take, so that they were lost."""
        return self._network.dropped(self)

    @property
    def events_left_out(self) -> int:
        """How many events were too many to be kept."""
        return self._network.wire.journal(self.port).left_out

    def keep_waiting(self) -> None:
        """Keep the guest waiting as soon as it asks for something."""
        self.threshold = Threshold()

    def claim(self) -> bool:
        """Return whether the guest waits, and have it wait until `let_go_on`."""
        return self._network.claim(self)

    def sent(self) -> Threshold:
        """Return all that the guest has sent by now, which is claimed."""
        return self._network.sent(self)

    def replay(self, early: Iterable[Answered], asking: Iterable[bytes]) -> bool:
        """Take what a guest had sent before it was saved, and return whether it would be answered
        now as it was then."""
        return self._network.replay(self, early, asking)

    def let_go_on(self) -> None:
        """Answer what the guest has asked for."""
        self._network.let_go_on(self)

    def check(self) -> None:
        """Raise WireLost when the network does not work any more."""
        self._network.check()

    def note(self, kind: NetEventKind, file: str = "", text: str = "", at: str = "") -> None:
        """Write down what the wire itself does not see."""
        self._network.note(self, kind, file, text, at)

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

    def __init__(self, wire: Wire | WatchedWire) -> None:
        self.wire = wire
        self._lock = threading.Lock()
        self._links: dict[int, Link] = {}
        self._full: set[int] = set()
        """The ports that have no room for all that waits."""
        self._plugs: dict[int, Plug] = {}
        self._noted: dict[int, int] = {}
        self._poll = select.epoll()
        self._port_by_fd: dict[int, int] = {}
        self._serving: dict[int, int] = {}
        """By the file descriptor of what serves a connection, the port of its guest."""
        self._capture: Capture | None = None
        self._failed: BaseException | None = None
        self._ticked_at = 0.0
        self._clock_began = time.monotonic()
        self._clock_read = self._clock_began
        self._wall = time.time() - self._clock_began
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        self._poll.register(self._wake, select.EPOLLIN)
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

    @property
    def capture_lost(self) -> str:
        """Why frames are not in the file that they were to be written to, empty if they are."""
        return self._capture.lost if self._capture else ""

    def fail(self, error: BaseException) -> None:
        """Note that a server has failed, which is never a guest's fault."""
        self._failed = self._failed or error
        for plug in list(self._plugs.values()):
            os.eventfd_write(plug.news_fd, 1)

    def check(self) -> None:
        """Raise WireLost when the network does not work any more."""
        if self._failed is not None:
            what = f"{type(self._failed).__name__}: {self._failed}"
            raise WireLost(
                f"the harness's own network failed ({what}): this is a defect of bootharness, "
                "please report it with the command"
            ) from self._failed

    def plug(self) -> Plug:
        """Connect another guest."""
        ours, guest_end = socket.socketpair()
        with self._lock:
            port = self.wire.plug()
            plug = Plug(self, port, guest_end)
            self._plugs[port] = plug
            self._noted[port] = 0
            self._attach(port, FrameStream(ours))
        return plug

    def serve_http(self, plug: Plug, server: HttpServer) -> None:
        """Let a server answer a guest's HTTP."""
        assert isinstance(self.wire, Wire)

        def opens(number: int, over_tls: bool) -> SocketStream:
            ours, theirs = socket.socketpair()
            try:
                server.serve(theirs, number, over_tls=over_tls)
            except OSError:
                ours.close()
                raise
            self._serving[ours.fileno()] = plug.port
            # once for whatever the server says, for it may have to wait for the guest
            self._poll.register(ours, select.EPOLLIN | select.EPOLLET)
            return SocketStream(ours, self._unserved)

        with self._lock:
            self.wire.serve_http(plug.port, server.transfers, opens)

    def _unserved(self, fd: int) -> None:
        del self._serving[fd]
        self._poll.unregister(fd)

    def attach(self, port: int, carrier: socket.socket) -> None:
        """Connect what else there is on the wire, by a socket that carries frames."""
        with self._lock:
            self._attach(port, Datagrams(carrier))

    def unplug(self, plug: Plug) -> None:
        """Disconnect a guest."""
        with self._lock:
            if self._plugs.pop(plug.port, None) is None:
                return
            self._detach(plug.port)
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

    def dropped(self, plug: Plug) -> int:
        """Return how many frames for a guest were lost because it took none."""
        link = self._links.get(plug.port)
        return link.dropped if link else 0

    def note(
        self, plug: Plug, kind: NetEventKind, file: str = "", text: str = "", at: str = ""
    ) -> None:
        """Write down in a guest's journal what the wire itself does not see."""
        with self._lock:
            if plug.port in self._plugs:
                self.wire.journal(plug.port).note(self.now(), kind, file, text=text, at=at)
                self._tell()

    def link_wanted(self, plug: Plug) -> bool:
        """Return whether a guest's cable is to be plugged in, as the faults have it."""
        with self._lock:
            return self.wire.link_wanted(plug.port, self.now())

    def claim(self, plug: Plug) -> bool:
        """Return whether a guest waits, and have it wait."""
        with self._lock:
            threshold = plug.threshold
            if threshold is None or threshold.since is None:
                return False
            threshold.claimed = True
            return True

    def sent(self, plug: Plug) -> Threshold:
        """Return all that a guest that is claimed has sent by now."""
        with self._lock:
            assert plug.threshold
            self._receive(plug.port)
            return plug.threshold

    def replay(self, plug: Plug, early: Iterable[Answered], asking: Iterable[bytes]) -> bool:
        """Take what a guest had sent before it was saved, and return whether it would be answered
        now as it was then."""
        with self._lock:
            plug.threshold, as_then = None, True
            for each in early:
                at = plug.launched + each.at
                out = self.wire.receive(plug.port, each.frame, at)
                answers = tuple(answer for to, answer in out if to == plug.port)
                as_then = as_then and answers == each.answers
                self._note_frames((each.frame, *answers), at)
            self._clock_read = time.monotonic()
            for frame in asking:
                self._take(plug.port, frame)
            self._tell()
        return as_then

    def let_go_on(self, plug: Plug) -> None:
        """Answer what a guest has asked for."""
        with self._lock:
            self._clock_read = time.monotonic()
            self._answer_kept(plug)
            self._tell()

    def finish(self, plug: Plug) -> None:
        """Close a guest's books."""
        with self._lock:
            self.wire.finish(plug.port, self.now())
            if self._capture:
                self._capture.flush()

    def close(self) -> None:
        """End the thread and close every socket."""
        if not self._running:
            return
        self._running = False
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        for plug in list(self._plugs.values()):
            self.unplug(plug)
        for port in list(self._links):
            self._detach(port)
        self._poll.close()
        os.close(self._wake)
        if self._capture:
            self._capture.close()

    def _attach(self, port: int, link: Link) -> None:
        self._links[port] = link
        self._port_by_fd[link.fileno()] = port
        self._poll.register(link, select.EPOLLIN)
        os.eventfd_write(self._wake, 1)

    def _detach(self, port: int) -> None:
        link = self._links.pop(port)
        self._full.discard(port)
        self._port_by_fd.pop(link.fileno(), None)
        self._poll.unregister(link)
        link.close()

    def _run(self) -> None:
        try:
            while self._running:
                self._step()
        except Exception as error:  # whatever it is, no guest is to blame
            self.fail(error)

    def _step(self) -> None:
        ready = self._poll.poll(self._wait_s())
        with self._lock:
            self._clock_read = time.monotonic()
            for fd, happened in ready:
                if fd == self._wake:
                    os.eventfd_read(fd)
                elif fd in self._port_by_fd:
                    port = self._port_by_fd[fd]
                    if happened & select.EPOLLOUT:
                        self._flush(port)
                    if happened & ~select.EPOLLOUT:
                        self._receive(port)
                    # of an end there is no need to hear again; to say so is answered once more
                    if happened & select.EPOLLHUP and happened & select.EPOLLIN:
                        self._poll.modify(fd, select.EPOLLET)
                elif fd in self._serving:
                    assert isinstance(self.wire, Wire)
                    self._send(self.wire.say(self._serving[fd], self.now()))
            # one guest's traffic does not keep another waiting
            if self.wire.next_due is not None or self.now() - self._ticked_at >= _TICK_S / 2:
                self._ticked_at = self.now()
                self._send(self.wire.tick(self._ticked_at))
            for plug in self._plugs.values():
                if plug.threshold and plug.threshold.given_up(self.now()):
                    self._answer_kept(plug)
            self._tell()

    def _wait_s(self) -> float:
        due = self.wire.next_due
        return _TICK_S if due is None else min(max(due - self.now(), 0.0), _TICK_S)

    def _receive(self, port: int) -> None:
        plug = self._plugs.get(port)
        for frame in self._links[port].receive():
            self._clock_read = time.monotonic()  # of many that came at once each has its time
            if plug and plug.threshold:
                self._take_before(plug, plug.threshold, frame)
            else:
                self._take(port, frame)

    def _take_before(self, plug: Plug, threshold: Threshold, frame: bytes) -> None:
        """Keep a frame that has to wait, or else note how it is answered."""
        if threshold.keeps(frame, self.now()):
            os.eventfd_write(plug.news_fd, 1)
            return
        self._note_frames((frame,), self.now())
        out = self.wire.receive(plug.port, frame, self.now())
        answers = tuple(answer for to, answer in out if to == plug.port)
        threshold.early.append(Answered(self.now() - plug.launched, frame, answers))
        self._send(out)

    def _answer_kept(self, plug: Plug) -> None:
        threshold, plug.threshold = plug.threshold, None
        for frame in threshold.asking if threshold else ():
            self._take(plug.port, frame)

    def _take(self, port: int, frame: bytes) -> None:
        if self._capture and port > 0:
            self._capture.write(frame, time.monotonic() + self._wall)
        self._send(self.wire.receive(port, frame, self.now()))

    def _note_frames(self, frames: Iterable[bytes], at: float) -> None:
        capture = self._capture
        for frame in frames if capture else ():
            assert capture
            capture.write(frame, at + self._clock_began + self._wall)

    def _send(self, frames: list[tuple[int, bytes]]) -> None:
        fresh = set()
        for number, frame in frames:
            link = self._links.get(number)
            if link is None:
                continue
            if self._capture and number > 0:
                self._capture.write(frame, time.monotonic() + self._wall)
            link.put(frame)
            fresh.add(number)
        for number in fresh - self._full:
            self._flush(number)

    def _flush(self, port: int) -> None:
        """Send what there is room for, and know when there is room for more."""
        link, full = self._links[port], port in self._full
        if link.flush() != full:
            return
        if full:
            self._full.discard(port)
        else:
            self._full.add(port)
        self._poll.modify(link, select.EPOLLIN | (0 if full else select.EPOLLOUT))

    def _tell(self) -> None:
        for port, plug in self._plugs.items():
            noted = self.wire.journal(port).noted
            if noted != self._noted[port]:
                self._noted[port] = noted
                os.eventfd_write(plug.news_fd, 1)
