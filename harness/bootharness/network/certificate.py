"""A certificate with which something is wrong: a machine's clock is before or after its dates, it
is for another name, or nobody has signed it whom the machine trusts."""

import re
import ssl
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

from bootharness.errors import FormatError, UsageError
from bootharness.formats.certificate import validity
from bootharness.host.tool import Tool
from bootharness.plan.fault import Faults

__all__ = ["clock_for", "shown_certificate"]

_OPENSSL = Tool("openssl", "openssl", version=("version",))
_OTHER_NAME = "other.example"
_DAYS = "36500"
_NEW_KEY = ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)
_A_DAY = timedelta(days=1)
_YEARS = range(1998, 2098)
"""What a UEFI takes for a year."""


def clock_for(certificate: Path, faults: Faults) -> datetime | None:
    """Return what a machine's clock says at first where faults are about the dates of a
    certificate, None where they are not.

    Raises UsageError for a certificate that is none, or one of dates that no clock has.
    """
    for fault in faults.of("cert-expired", "cert-not-yet"):
        found = _PEM.search(certificate.read_text(errors="replace"))
        try:
            begins, ends = validity(ssl.PEM_cert_to_DER_cert(found[0] if found else ""))
            clock = begins - _A_DAY if fault.kind == "cert-not-yet" else ends + _A_DAY
        except (FormatError, ValueError, OverflowError) as error:
            raise UsageError(f"--https-cert {certificate}: {error}") from error
        if clock.year not in _YEARS:
            raise UsageError(
                f"network fault {fault}: {certificate} is valid from {begins:%Y-%m-%d} until "
                f"{ends:%Y-%m-%d}, and a machine's clock goes from {_YEARS[0]} to {_YEARS[-1]}"
            )
        return clock
    return None


def shown_certificate(certificate: Path, faults: Faults, folder: Path) -> Path:
    """Return the file of the certificate that a server shows: this one, or one that is made in a
    folder, of the same key for another name, or of another key for the same names.

    Raises ToolMissing without openssl, UsageError for a certificate or a key that it does not take.
    """
    made = folder / "certificate.pem"
    if "cert-other-name" in faults:
        _openssl(
            certificate, "req", "-x509", "-new", "-key", str(certificate), "-days", _DAYS, "-subj",
            f"/CN={_OTHER_NAME}", "-addext", f"subjectAltName=DNS:{_OTHER_NAME}", "-out", str(made),
        )  # fmt: skip
        key = _KEY.search(certificate.read_text())
        made.write_text(f"{made.read_text()}{key[0] if key else ''}\n")
        return made
    if "cert-untrusted" in faults:
        key_file = folder / "key.pem"
        _openssl(certificate, *_NEW_KEY, "-out", str(key_file))
        _openssl(
            certificate, "x509", "-in", str(certificate), "-signkey", str(key_file), "-days", _DAYS,
            "-out", str(made),
        )  # fmt: skip
        made.write_text(made.read_text() + key_file.read_text())
        return made
    return certificate


def _openssl(certificate: Path, *words: str) -> None:
    _OPENSSL.check()
    done = subprocess.run(
        [_OPENSSL.name, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UsageError(f"--https-cert {certificate}: openssl makes no other of it: {said}")
