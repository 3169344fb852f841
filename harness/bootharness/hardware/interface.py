"""A network interface of this computer as the wire of one machine: frames between it and a plug of
the harness's own network.

The kernel has a part in it no more than a cable: a packet socket (packet(7)) takes every frame of
the one card and sends what the network answers. Others on the same wire are not heard.
"""

import os
import select
import socket
import struct
import threading
from pathlib import Path
from typing import Any

from bootharness.errors import LaunchFailed, WireLost
from bootharness.formats.ethernet import mac_bytes
from bootharness.host.closing import Closing
from bootharness.network.link import FrameStream

__all__ = ["Interface", "why_no_packets"]

_ALL = 0x0003
_OUTGOING = 4
_SOL_PACKET, _ADD_MEMBERSHIP, _PROMISCUOUS = 263, 1, 1
_FRAME_BYTES = 1 << 16
_BURST = 64


def why_no_packets() -> str | None:
    """Say why no packet socket can be had here, None where one can."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        return "frames of an interface are root's, or of who has CAP_NET_RAW"
    except (OSError, AttributeError) as error:
        return f"no packet socket can be had here: {error}"
    return None


class Interface(Closing):
    """Carries frames between an interface and ``end``, the guest's end of a plug, for the card
    ``mac`` alone.

    Raises LaunchFailed for an interface that cannot be had; `check` raises WireLost for one that is
    gone.
    """

    def __init__(self, name: str, mac: str, end: socket.socket) -> None:
        if why := why_no_packets():
            raise LaunchFailed(f"wire {name}: {why}: run it as root")
        self.name, self._mac = name, mac_bytes(mac.lower().replace("-", ":"))
        self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        try:
            self._raw.bind((name, _ALL))
            if not _is_up(name):
                raise OSError(0, f"it is down: `ip link set {name} up`")
            # the network's own address is none of this card's
            request = struct.pack("iHH8s", socket.if_nametoindex(name), _PROMISCUOUS, 0, bytes(8))
            self._raw.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, request)
        except OSError as error:
            self._raw.close()
            raise LaunchFailed(f"wire {name}: {error.strerror}") from error
        self._raw.setblocking(False)
        self._plug = FrameStream(end)
        self._failed = ""
        self.frames = 0
        """How many came from the card."""
        self._stop = os.eventfd(0)
        self._thread = threading.Thread(target=self._run, name="bootharness-interface", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise WireLost where the interface is gone."""
        if self._failed:
            raise WireLost(f"wire {self.name}: {self._failed}")

    def close(self) -> None:
        """Leave the interface as it was."""
        os.eventfd_write(self._stop, 1)
        self._thread.join()
        self._raw.close()
        self._plug.close()
        os.close(self._stop)

    def _run(self) -> None:
        while not self._failed:
            watched: list[Any] = [self._raw, self._plug, self._stop]
            ready = select.select(watched, [], [])[0]
            if self._stop in ready:
                return
            if self._raw in ready:
                self._from_card()
            if self._plug in ready and not self._to_card():
                return

    def _from_card(self) -> None:
        for _ in range(_BURST):
            try:
                frame, about = self._raw.recvfrom(_FRAME_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                self._failed = str(error.strerror)
                return
            if about[2] != _OUTGOING and frame[6:12] == self._mac:
                self.frames += 1
                self._plug.put(frame)
        self._plug.flush()

    def _to_card(self) -> bool:
        """Send what the network has for the card; return whether there is a network any more."""
        came = False
        for frame in self._plug.receive():
            came = True
            try:
                self._raw.send(frame)
            except BlockingIOError:
                continue  # as on a cable that is full
            except OSError as error:
                self._failed = str(error.strerror)
        return came or self._plug_is_open()

    def _plug_is_open(self) -> bool:
        end = socket.socket(fileno=os.dup(self._plug.fileno()))
        try:
            return end.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            end.close()


def _is_up(name: str) -> bool:
    try:
        return bool(int(Path("/sys/class/net", name, "flags").read_text(), 16) & 1)
    except (OSError, ValueError):
        return True
