"""Programs of a UEFI that are signed with a key of our own, by sbsign."""

import subprocess
from pathlib import Path

__all__ = ["own_key", "signed"]


def own_key(folder: Path) -> tuple[Path, Path]:
    """Return a key of ``folder`` and its certificate, which are made where they are not there."""
    key, certificate = folder / "own.key", folder / "own.pem"
    if not certificate.exists():
        _run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
             certificate, "-subj", "/CN=Image builder", "-days", "3650")  # fmt: skip
    return key, certificate


def signed(program: Path, made: Path, folder: Path) -> Path:
    """Sign a program with the key of ``folder``, and return it as ``made``."""
    key, certificate = own_key(folder)
    _run("sbsign", "--key", key, "--cert", certificate, "--output", made, program)
    return made


def _run(*argv: str | Path) -> None:
    subprocess.run([*map(str, argv)], check=True, capture_output=True)
