"""The keys of a UEFI's Secure Boot, in its variables, and how a program's signatures fit them."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any

from msgspec import Struct

from bootharness.errors import FormatError
from bootharness.formats.authenticode import authenticode_hash, signatures_in
from bootharness.formats.pe import pe_sections
from bootharness.formats.signature_list import SHA256, X509, signatures_listed
from bootharness.formats.uefi_variables import variable
from bootharness.trace.signed_file import FileSignature, SignedFile

__all__ = ["Keys", "keys_in", "signed_file"]

_SBAT_BYTES = 1 << 12


class Keys(Struct, frozen=True):
    """What a firmware accepts (db) and refuses (dbx): certificates by their common names, and
    digests."""

    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    refused_digests: frozenset[bytes] = frozenset()


def keys_in(variables: bytes) -> Keys:
    """Return the keys in a flash of variables. Raises FormatError where they cannot be read."""
    db, dbx = ([*signatures_listed(variable(variables, name) or b"")] for name in ("db", "dbx"))
    return Keys(
        tuple(_names(db)),
        tuple(_names(dbx)),
        frozenset(value for kind, value in dbx if kind == SHA256),
    )


def signed_file(path: str, content: bytes, keys: Keys, *, is_kernel: bool = False) -> SignedFile:
    """Return how a program is signed. Raises FormatError for what is no program."""
    digest = authenticode_hash(content)
    signatures = tuple(
        found for blob in signatures_in(content) if (found := _signature(blob, digest))
    )
    revoked = "digest" if digest in keys.refused_digests else ""
    for each in signatures:
        for name in (each.signer, each.issuer):
            revoked = revoked or (name if name in keys.refused else "")
    return SignedFile(
        path, digest.hex(), signatures, keys.accepted, revoked, _sbat(content), is_kernel
    )


def _sbat(content: bytes) -> tuple[str, ...]:
    """Return the components of a program and their generations, of SBAT's section."""
    for section in pe_sections(BytesIO(content)):
        if section.name == ".sbat":
            text = content[section.offset :][: min(section.size, _SBAT_BYTES)].decode(
                "ascii", "replace"
            )
            rows = (line.split(",") for line in text.rstrip("\0\n").splitlines())
            return tuple(",".join(row[:2]) for row in rows if len(row) > 1)
    return ()


def _signature(blob: bytes, digest: bytes) -> FileSignature | None:
    from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

    with suppress(ValueError, FormatError):
        certificates = load_der_pkcs7_certificates(blob)
        issuers = {each.issuer for each in certificates if each.issuer != each.subject}
        leaves = [each for each in certificates if each.subject not in issuers]
        for leaf in leaves or certificates:
            return FileSignature(_name(leaf.subject), _name(leaf.issuer), digest in blob)
    return None


def _names(signatures: Iterable[tuple[bytes, bytes]]) -> Iterator[str]:
    from cryptography.x509 import load_der_x509_certificate

    for kind, value in signatures:
        with suppress(ValueError):
            if kind == X509:
                yield _name(load_der_x509_certificate(value).subject)


def _name(name: Any) -> str:
    from cryptography.x509.oid import NameOID

    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else str(name.rfc4514_string())
