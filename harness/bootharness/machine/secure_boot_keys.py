"""The keys of a UEFI's Secure Boot, in its variables, and how a program's signatures fit them."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from msgspec import Struct

from bootharness.errors import FormatError
from bootharness.formats.authenticode import authenticode_hash, signatures_in
from bootharness.formats.pe import pe_sections
from bootharness.trace.signed_file import FileSignature, SignedFile

__all__ = ["Keys", "keys_in", "signed_file"]

_SBAT_BYTES = 1 << 12
_X509 = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072"
_SHA256 = "c1c41626-504c-4092-aca9-41f936934328"


class Keys(Struct, frozen=True):
    """What a firmware accepts (db) and refuses (dbx): certificates by their common names, and
    digests."""

    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    refused_digests: frozenset[bytes] = frozenset()


def keys_in(variables: Path) -> Keys:
    """Return the keys in a flash of variables; none where it cannot be read."""
    from virt.firmware.varstore.edk2 import Edk2VarStore  # cryptography, which takes its time

    try:
        found = Edk2VarStore(str(variables)).get_varlist()
    except (OSError, SystemExit, ValueError):  # as the library gives up
        return Keys()
    db, dbx = (_lists(found, name) for name in ("db", "dbx"))
    return Keys(
        tuple(_names(db)),
        tuple(_names(dbx)),
        frozenset(each["data"] for every in dbx if str(every.guid) == _SHA256 for each in every),
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


def _lists(found: Any, name: str) -> list[Any]:
    variable = found.get(name)
    return [*variable.sigdb] if variable is not None and variable.sigdb else []


def _names(lists: list[Any]) -> list[str]:
    return [_name(each.x509.subject) for each in lists if str(each.guid) == _X509 and each.x509]


def _name(name: Any) -> str:
    from cryptography.x509.oid import NameOID

    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else str(name.rfc4514_string())
