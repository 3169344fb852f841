"""HTTPS: with a certificate of a test's own, to clients that trust it and to those that do not."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.formats.signature_list import signature_lists
from bootharness.network.certificate import clock_for, shown_certificate
from bootharness.network.files import FileTable
from bootharness.network.http_server import HttpServer
from bootharness.network.tls import tls_context
from bootharness.plan.fault import Faults
from tests.support.certificates import certificate

NAME = "boot.example.org"
PATIENCE_S = 30.0


class Served:
    """A server with a certificate, and what it noted."""

    def __init__(self, folder: Path, faults: Faults | None = None) -> None:
        faults = faults or Faults()
        self.certificate = shown_certificate(certificate(folder, NAME), faults, folder)
        self.noted: list[tuple[str, str]] = []
        self.told = threading.Event()
        self._server = HttpServer(
            FileTable({"a": b"content"}), faults, {}, self._note, lambda: 0.0,
            lambda _error: None, tls_context(self.certificate),
        )  # fmt: skip

    def _note(self, kind: str, *_said: object, text: str = "", **_more: object) -> None:
        self.noted.append((str(kind), text))
        self.told.set()

    def connect(self, *, over_tls: bool = True) -> socket.socket:
        """Hand one end of a connection over, as the wire does, and return the other."""
        ours, theirs = socket.socketpair()
        self._server.serve(theirs, 1, over_tls=over_tls)
        ours.settimeout(PATIENCE_S)
        return ours

    def ask(self, connection: socket.socket) -> bytes:
        with connection:
            connection.sendall(b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n")
            said = b""
            while more := connection.recv(1 << 16):
                said += more
        return said

    def close(self) -> None:
        self._server.stop()


@pytest.fixture
def served(tmp_path: Path):  # type: ignore[no-untyped-def]
    made = Served(tmp_path)
    yield made
    made.close()


def test_file_comes_over_tls_to_who_trusts_the_certificate(served: Served) -> None:
    trusting = ssl.create_default_context(cafile=str(served.certificate))
    connection = trusting.wrap_socket(served.connect(), server_hostname=NAME)
    assert served.ask(connection).endswith(b"content")
    assert served.ask(served.connect(over_tls=False)).endswith(b"content")


def test_client_that_does_not_trust_it_is_told_of(served: Served) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(served.connect(), server_hostname=NAME)
    assert served.told.wait(PATIENCE_S)
    assert served.noted[0] == ("certificate-refused", "unknown ca")


def test_client_with_which_there_is_no_common_way_is_told_of_too(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert served.told.wait(PATIENCE_S)
    kind, text = served.noted[0]
    assert kind == "tls-failed"
    assert text.startswith("TLS was not agreed on: ")


def test_faults_have_the_clock_outside_of_the_dates_or_another_name(tmp_path: Path) -> None:
    given = certificate(tmp_path, NAME)
    now, day = datetime.now(UTC), timedelta(days=1)
    expired = clock_for(given, Faults.parse(["cert-expired"]))
    early = clock_for(given, Faults.parse(["cert-not-yet"]))
    assert expired
    assert early
    assert abs(expired - now - 3651 * day) < day / 2
    assert abs(now - early - day) < day / 2
    assert clock_for(given, Faults()) is None
    other = Faults.parse(["cert-other-name"])
    assert shown_certificate(given, Faults(), tmp_path) == given
    served = Served(tmp_path, other)
    trusting = ssl.create_default_context(cafile=str(served.certificate))
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
        trusting.wrap_socket(served.connect(), server_hostname=NAME)
    assert served.told.wait(PATIENCE_S)
    assert served.noted[0][0] == "certificate-refused"
    served.close()


def test_fault_has_a_certificate_of_the_same_names_that_nobody_trusts(tmp_path: Path) -> None:
    served = Served(tmp_path, Faults.parse(["cert-untrusted"]))
    for trusted, words in ((tmp_path / "both.pem", "self-signed"), (served.certificate, None)):
        trusting = ssl.create_default_context(cafile=str(trusted))
        if words is None:
            assert served.ask(trusting.wrap_socket(served.connect(), server_hostname=NAME))
            continue
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            trusting.wrap_socket(served.connect(), server_hostname=NAME)
        assert served.told.wait(PATIENCE_S)
        assert served.noted == [("certificate-refused", "unknown ca")]
    served.close()


def test_client_that_breaks_off_in_silence_did_so_for_what_is_wrong(tmp_path: Path) -> None:
    served = Served(tmp_path, Faults.parse(["cert-expired"]))
    served.connect().close()
    assert served.told.wait(PATIENCE_S)
    assert served.noted == [("certificate-refused", "")]
    served.close()


def test_dates_that_no_clock_has_are_told(tmp_path: Path) -> None:
    given = certificate(tmp_path, NAME, days=40_000)
    with pytest.raises(UsageError, match="a machine's clock goes from 1998 to 2097"):
        clock_for(given, Faults.parse(["cert-expired"]))
    given.write_text("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")
    with pytest.raises(UsageError, match="no certificate in DER"):
        clock_for(given, Faults.parse(["cert-not-yet"]))


def test_client_that_is_as_old_as_edk2_is_understood(served: Served) -> None:
    old = ssl.create_default_context(cafile=str(served.certificate))
    old.set_ciphers("AES256-SHA:@SECLEVEL=0")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    connection = old.wrap_socket(served.connect(), server_hostname=NAME)
    assert served.ask(connection).endswith(b"content")


def test_what_is_no_certificate_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    for content in (
        None,
        b"",
        b"\x00",
        b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----",
    ):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UsageError, match=f"--https-cert {path}: a certificate and its key"):
            tls_context(path)


def test_firmware_is_given_the_certificate_and_not_the_key(served: Served) -> None:
    pem = served.certificate.read_text()
    assert "PRIVATE KEY" in pem
    lists = signature_lists(pem)
    der = ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----BEGIN PRIVATE")].strip())
    assert lists.endswith(der)
    assert int.from_bytes(lists[16:20], "little") == len(lists)
    assert signature_lists("") == b""
