"""A machine on the desk, played by QEMU: a serial port of 115,200 baud, a plug that really switches
it, and what there is in a lab to reach both."""

import json
import os
import pty
import re
import select
import subprocess
import threading
import tty
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bootharness.host.closing import Closing

__all__ = ["BAUD", "DeskMachine", "tasmota"]

BAUD = 115_200
_TICK_S = 0.01


class DeskMachine(Closing):
    """QEMU that is started by `power` and killed by it, with its serial port on the terminal `tty`.

    A pump carries its bytes, no faster than a UART does; what nobody reads is lost. ``lies`` is a
    plug that says yes and does nothing.
    """

    def __init__(self, folder: Path, disk: Path | None, *more: str, baud: int = BAUD) -> None:
        self.lies = False
        self.unplugged = False
        """Set by who takes its power away: its plug is off from then on, whoever switches it."""
        self.drawn: tuple[float, float] | None = None
        """What its plug measures in watts, of a machine that runs and of one that does not."""
        self.starts = 0
        self._folder, self._baud = folder, baud
        self._words = [
            *("qemu-system-x86_64", "-machine", "pc,graphics=off", "-vga", "none", "-m", "256"),
            *("-cpu", "qemu64,-cx16"),  # see machine/qemu.py
            *("-display", "none", "-no-user-config", "-monitor", "none", "-nodefaults"),
            *(("-drive", f"file={disk},format=raw,if=ide,snapshot=on") if disk else ()),
            *more,
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        for end in (".in", ".out"):
            os.mkfifo(f"{folder}/uart{end}")
        self._port, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._port, False)
        self.tty = os.ttyname(self._slave)
        self.spoil: Callable[[bytes], bytes] = lambda data: data
        """What the line makes of bytes on their way from the machine."""
        self._uart: tuple[int, int] | None = None
        """What QEMU writes to, and reads from: pipes, for through a socket it gives up bytes."""
        self._stop = os.eventfd(0)
        self._pump = threading.Thread(target=self._carry)
        self._pump.start()

    @property
    def is_on(self) -> bool:
        """Whether it has power, though it may have switched itself off."""
        return self._uart is not None and not self.unplugged

    @property
    def runs(self) -> bool:
        """Whether it has power and has not switched itself off."""
        return self.is_on and self._process is not None and self._process.poll() is None

    def power(self, on: bool) -> None:
        """Switch it."""
        with self._lock:
            if self.lies or on == (self._uart is not None):
                return
            if on:
                self.starts += 1
                self._start()
            elif self._process:
                self._process.kill()
                self._process.wait()
                for fd in self._uart or ():
                    os.close(fd)
                self._uart = None

    def close(self) -> None:
        """Switch it off, and take it away."""
        self.lies = False
        self.power(on=False)
        os.eventfd_write(self._stop, 1)
        self._pump.join()
        for fd in (self._port, self._slave, self._stop):
            os.close(fd)

    def _start(self) -> None:
        pipe = f"{self._folder}/uart"
        out, into = (os.open(f"{pipe}{end}", os.O_RDWR | os.O_NONBLOCK) for end in (".out", ".in"))
        words = [*self._words, "-chardev", f"pipe,id=line,path={pipe}", "-serial", "chardev:line"]
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        self._uart = out, into

    def _carry(self) -> None:
        """Carry a tick's bytes at a time, ten bits for each, both ways."""
        most = max(1, int(self._baud / 10 * _TICK_S))
        while not select.select([self._stop], [], [], _TICK_S)[0]:
            with self._lock:
                if self._uart is None:
                    continue
                out, into = self._uart
                with suppress(BlockingIOError):
                    data = os.read(out, most)
                    if data:
                        os.write(self._port, self.spoil(data))
                with suppress(OSError):
                    os.write(into, os.read(self._port, most))


class _Tasmota(Closing):
    """Answers as Tasmota does over HTTP, at `url`; ``password`` is asked for where there is one."""

    def __init__(self, machine: DeskMachine, password: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                self._answer(query)

            def do_POST(self) -> None:
                size = int(self.headers.get("content-length", 0))
                self._answer(urllib.parse.parse_qs(self.rfile.read(size).decode()))

            def _answer(self, query: dict[str, list[str]]) -> None:
                asked = re.fullmatch(r"(?i)power1?(?:\s+(on|off))?", query.get("cmnd", [""])[0])
                said: dict[str, Any] = {"Command": "Unknown"}
                if password and query.get("password") != [password]:
                    said = {"WARNING": "Need user=<username>&password=<password>"}
                elif asked:
                    if asked[1]:
                        machine.power(on=asked[1].lower() == "on")
                    said = {"POWER": "ON" if machine.is_on else "OFF"}
                elif query.get("cmnd") == ["Status 10"]:
                    sensors: dict[str, Any] = {"Time": "2026-11-27T12:00:00"}
                    if machine.drawn:
                        sensors |= {"ENERGY": {"Power": machine.drawn[not machine.runs]}}
                    said = {"StatusSNS": sensors}
                body = json.dumps(said, separators=(",", ":")).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def tasmota(machine: DeskMachine, password: str = "") -> _Tasmota:
    """Give a machine a plug that is switched over HTTP."""
    return _Tasmota(machine, password)
