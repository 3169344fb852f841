"""What is set up in a UEFI before a boot."""

from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.formats.uefi_variables import variable
from bootharness.machine.secure_boot_keys import keys_in
from bootharness.machine.uefi import flash_in
from bootharness.plan import MachineConfig
from tests.support.certificates import certificate
from tests.support.media import needs


@pytest.fixture
def own(tmp_path: Path) -> str:
    needs(Path("/usr/share/OVMF/OVMF_VARS_4M.ms.fd"), "openssl")
    return str(certificate(tmp_path, "own"))


def test_a_certificate_comes_beside_microsofts_or_alone(own: str, tmp_path: Path) -> None:
    beside = flash_in(tmp_path, MachineConfig(firmware="uefi-secure", enrolled=(own,)))
    alone = flash_in(tmp_path, MachineConfig(firmware="uefi", enrolled=(own,)))
    assert len(keys_in(beside.secure).accepted) == 3
    assert len(keys_in(alone.secure).accepted) == 1
    again = flash_in(tmp_path, MachineConfig(firmware="uefi", enrolled=(own,)))
    assert again.secure == alone.secure  # so that a machine which was saved is found


def test_boot_entries_are_in_the_order_in_which_they_are_given(own: str, tmp_path: Path) -> None:
    del own
    entries = ("\\EFI\\a.efi quiet", "\\EFI\\b.efi")
    flash = flash_in(tmp_path, MachineConfig(firmware="uefi", boot_entries=entries))
    content = flash.variables.read_bytes()
    assert flash.own_order
    assert variable(content, "BootOrder") == b"\0\0\1\0"
    assert (variable(content, "Boot0000") or b"").endswith("quiet\0".encode("utf-16le"))


def test_what_is_no_certificate_is_named(own: str, tmp_path: Path) -> None:
    del own
    text = tmp_path / "text"
    text.write_text("nothing\n")
    for options, words in (
        ({"enrolled": (str(text),)}, "--enrol .*: no certificate in PEM or DER$"),
        ({"revoked": (str(text),)}, "--revoke .*, and no program of a UEFI"),
        ({"sbat_level": str(text)}, "an SBAT level begins with a line sbat,1,DATE"),
    ):
        with pytest.raises(UsageError, match=words):
            flash_in(tmp_path, MachineConfig(firmware="uefi-secure", **options))  # type: ignore[arg-type]
