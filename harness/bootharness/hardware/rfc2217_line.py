"""A line behind a TCP port whose server lets its baud rate be set (RFC 2217), by pyserial."""

import warnings
from contextlib import suppress
from typing import Any

from bootharness.errors import LineLost, ToolMissing
from bootharness.hardware.addresses import host_and_port
from bootharness.host.closing import Closing
from bootharness.text import printable

__all__ = ["Rfc2217Line"]

_READ_BYTES = 1 << 16
_CONNECT_S = 10.0
_REFUSAL_BYTES = 200


class Rfc2217Line(Closing):
    """``HOST:PORT``. Raises UsageError for what is none, ToolMissing without pyserial, LineLost for
    who does not answer."""

    def __init__(self, address: str, name: str, baud: int) -> None:
        host, port = host_and_port(address, name)
        try:
            import serial  # only who names such a line needs it
        except ImportError as error:
            raise ToolMissing(
                f"{name}: pyserial is not installed: `pip install 'bootharness[rfc2217]'` brings it"
            ) from error
        self.name, self._lost = name, (serial.SerialException, OSError, ValueError)
        where = f"[{host}]" if ":" in host else host
        # ser2net does not answer what is said of modem lines
        url = f"rfc2217://{where}:{port}?ign_set_control&timeout={_CONNECT_S:.0f}"
        try:
            with warnings.catch_warnings(action="ignore"):  # its own, and a socket that it leaves
                self._port: Any = serial.serial_for_url(
                    url, do_not_open=True, baudrate=baud, timeout=0
                )
                self._answers_who_is_there()
                self._port.open()
        except self._lost as error:
            raise LineLost(f"{name}: {self._refusal() or error}") from error

    def _answers_who_is_there(self) -> None:
        """Let the port's reader answer the server without an exception in its thread when the
        server, or the port, has gone."""
        answer = self._port._internal_raw_write

        def answer_if_there(data: bytes) -> None:
            with suppress(*self._lost):
                answer(data)

        self._port._internal_raw_write = answer_if_there

    def _refusal(self) -> str:
        """Return what came instead of an answer, such as that the port is in use; or nothing."""
        kept = getattr(getattr(self, "_port", None), "_read_buffer", None)
        said = b""
        while kept is not None and not kept.empty() and len(said) < _REFUSAL_BYTES:
            said += kept.get_nowait() or b""
        words = printable(said.decode("latin-1").strip())
        return f"no answer to the serial settings, only the words {words}" if words else ""

    def read(self, timeout_s: float) -> bytes:
        """Return what came, nothing after the time. Raises LineLost when the other side is gone."""
        try:
            # its `timeout` is a property that negotiates the whole port anew when it is set
            self._port._timeout = timeout_s
            first = bytes(self._port.read(1))
            if not first:
                return b""
            self._port._timeout = 0
            return first + bytes(self._port.read(min(self._port.in_waiting, _READ_BYTES)))
        except self._lost as error:
            raise LineLost(f"{self.name}: {error}") from error

    def write(self, data: bytes) -> None:
        """Send bytes to the machine. Raises LineLost when the other side is gone."""
        try:
            self._port.write(data)
        except self._lost as error:
            raise LineLost(f"{self.name}: {error}") from error

    def close(self) -> None:
        """Give it back."""
        kept = self._port._socket
        self._port.close()
        if kept:  # pyserial leaves it where the server has gone
            kept.close()
