"""Certificates for one test."""

import subprocess
from pathlib import Path

__all__ = ["certificate"]


def certificate(folder: Path, name: str, days: int = 3650) -> Path:
    """Return a file with a certificate for a host of this name, and its key."""
    key, own, both = (folder / each for each in ("key.pem", "own.pem", "both.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out",
         str(own), "-days", str(days), "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name}"],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_bytes(own.read_bytes() + key.read_bytes())
    return both
