"""How a file is signed that a UEFI with Secure Boot, or shim, was to start."""

from msgspec import Struct

__all__ = ["FileSignature", "SignedFile"]


class FileSignature(Struct, frozen=True):
    """One signature of a file."""

    signer: str
    """Whose certificate it was made with, by its common name."""
    issuer: str
    """Who has issued that."""
    intact: bool
    """Whether it is of what the file has."""


class SignedFile(Struct, frozen=True):
    """A file that was to be started, and what Secure Boot may look at of it."""

    path: str
    """Its name on the disk, or the kernel's source."""
    sha256: str
    """The digest that is signed, and that a firmware may refuse or accept by itself."""
    signatures: tuple[FileSignature, ...] = ()
    """Those that it has."""
    trusted: tuple[str, ...] = ()
    """The certificates that the firmware accepts (db), by their common names."""
    revoked: str = ""
    """By what the firmware refuses it (dbx): ``digest`` or the name of a certificate; empty where
    by nothing."""
    sbat: tuple[str, ...] = ()
    """Its generations by which shim may revoke it, as ``grub,4``."""
    is_kernel: bool = False
    """Whether it is the kernel that was booted."""
