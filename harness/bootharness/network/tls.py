"""TLS with a certificate of somebody's own."""

from pathlib import Path
from typing import TYPE_CHECKING

from bootharness.errors import UsageError

if TYPE_CHECKING:
    import ssl

__all__ = ["tls_context"]

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
