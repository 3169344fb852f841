"""How UEFI programs are signed."""

from pathlib import Path

import pytest

from bootharness.errors import FormatError
from bootharness.formats.authenticode import (
    authenticode_hash,
    bytes_with_signatures,
    signatures_in,
)
from bootharness.formats.signature_list import SHA256, X509, signatures_listed
from bootharness.formats.uefi_variables import variable
from tests.support.media import needs
from tests.support.signing import signed

STUB = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
SHIM = Path("/usr/lib/shim/shimx64.efi.signed")


def test_the_digest_is_that_which_was_signed(tmp_path: Path) -> None:
    needs(STUB, "sbsign", "openssl")
    made = signed(STUB, tmp_path / "made", tmp_path)
    assert [*signatures_in(STUB.read_bytes())] == []
    assert bytes_with_signatures(STUB.read_bytes()[:4096]) == 0
    assert bytes_with_signatures(made.read_bytes()[:4096]) == made.stat().st_size
    [signature] = signatures_in(made.read_bytes())
    assert authenticode_hash(made.read_bytes()) in signature
    changed = bytearray(made.read_bytes())
    changed[0x2000] ^= 1
    assert authenticode_hash(bytes(changed)) not in signature


def test_a_program_may_have_several_signatures() -> None:
    needs(SHIM)
    found = [*signatures_in(SHIM.read_bytes())]
    assert found
    assert all(each.startswith(b"\x30\x82") for each in found)
    assert authenticode_hash(SHIM.read_bytes()) in found[0]


@pytest.mark.parametrize("content", [b"", b"MZ" + bytes(100), b"MZ".ljust(0x3C) + b"\xff" * 4])
def test_what_is_no_program_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError):
        authenticode_hash(content)


def test_the_lists_of_a_firmware_are_read() -> None:
    enrolled = Path("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
    needs(enrolled)
    flash = enrolled.read_bytes()
    db = [*signatures_listed(variable(flash, "db") or b"")]
    assert {kind for kind, _ in db} == {X509}
    assert len(db) == 2
    assert [kind for kind, _ in signatures_listed(variable(flash, "dbx") or b"")] == [SHA256]
    assert variable(flash, "none") is None


@pytest.mark.parametrize("sizes", [(0, 0, 0), (28, 0, 0), (60, 0, 16), (1 << 31, 0, 48)])
def test_a_damaged_list_ends(sizes: tuple[int, int, int]) -> None:
    head = X509 + b"".join(each.to_bytes(4, "little") for each in sizes)
    with pytest.raises(FormatError):
        list(signatures_listed(head + bytes(32)))
