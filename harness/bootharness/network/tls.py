"""TLS with a certificate of somebody's own."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bootharness.errors import UsageError
from bootharness.network.channel import Connection

if TYPE_CHECKING:
    import ssl

__all__ = ["TlsEnd", "tls_context"]

_T = TypeVar("_T")

_READ_BYTES = 1 << 14

# EDK2 of 2022 knows none of those that are the usual ones today
_OF_ALL_AGES = "ALL:@SECLEVEL=0"


def tls_context(certificate: Path) -> "ssl.SSLContext":
    """Return how HTTPS is spoken with a certificate and its key in a file. Raises UsageError."""
    import ssl  # most do without

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(_OF_ALL_AGES)
    try:
        context.load_cert_chain(certificate)
    except OSError as error:
        raise UsageError(
            f"--https-cert {certificate}: a certificate and its key are wanted in it, in PEM: "
            f"{getattr(error, 'reason', None) or error.strerror}"
        ) from error
    return context


class TlsEnd:
    """A server's end of a connection, over TLS. Raises OSError where the two do not come to
    terms."""

    def __init__(self, connection: Connection, context: "ssl.SSLContext") -> None:
        import ssl  # most do without

        self._connection = connection
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._goes, server_side=True)
        self._wants_more = ssl.SSLWantReadError
        self._ends = (ssl.SSLZeroReturnError, ssl.SSLEOFError)
        self._through(self._tls.do_handshake)

    def recv(self, most: int, /) -> bytes:
        """Wait for what the guest says, no bytes at its end."""
        try:
            return self._through(partial(self._tls.read, most))
        except self._ends:
            return b""

    def sendall(self, data: bytes | memoryview, /) -> None:
        """Say something, and wait until there is room for it."""
        left = memoryview(data)
        while left:
            left = left[self._through(partial(self._tls.write, left)) :]

    def shutdown(self, how: int, /) -> None:
        """Have all who wait know that it is over."""
        self._connection.shutdown(how)

    def close(self) -> None:
        """Say no more."""
        self._connection.close()

    def _through(self, step: Callable[[], _T]) -> _T:
        """Take a step, as often as it needs to hear more for it."""
        while True:
            try:
                done = step()
            except OSError as error:
                with suppress(OSError):  # who hears nothing is not there, which the step knows
                    self._say()
                if not isinstance(error, self._wants_more):
                    raise
            else:
                self._say()
                return done
            if came := self._connection.recv(_READ_BYTES):
                self._came.write(came)
            else:
                self._came.write_eof()

    def _say(self) -> None:
        if said := self._goes.read():  # an alert too
            self._connection.sendall(said)
