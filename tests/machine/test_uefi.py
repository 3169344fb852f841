"""The firmware of a UEFI: files that are one, and the variables that belong to it."""

import re
from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.formats.firmware_volume import firmware_build
from bootharness.machine.uefi import flash_in, needs_smm
from bootharness.plan import MachineConfig
from tests.support.media import needs

OVMF = Path("/usr/share/OVMF")
CODE, VARIABLES = OVMF / "OVMF_CODE_4M.fd", OVMF / "OVMF_VARS_4M.fd"
SECURE, ENROLLED = OVMF / "OVMF_CODE_4M.secboot.fd", OVMF / "OVMF_VARS_4M.ms.fd"


@pytest.fixture(autouse=True)
def _ovmf() -> None:
    needs(CODE, VARIABLES, SECURE, ENROLLED)


def machine(firmware: Path | str, variables: Path | None = None) -> MachineConfig:
    own = str(variables) if variables else None
    return MachineConfig(firmware=str(firmware), firmware_vars=own)


def test_code_and_variables_in_one_file_are_taken_apart(tmp_path: Path) -> None:
    both = tmp_path / "OVMF.fd"
    both.write_bytes(VARIABLES.read_bytes() + CODE.read_bytes())
    flash = flash_in(tmp_path, machine(both))
    assert flash.code.read_bytes() == CODE.read_bytes()
    assert flash.variables.read_bytes() == VARIABLES.read_bytes()
    assert (flash.smm, flash.secure) == (False, b"")


def test_the_users_own_variables_are_copied(tmp_path: Path) -> None:
    flash = flash_in(tmp_path, machine(SECURE, ENROLLED))
    assert (flash.code, flash.smm, flash.secure) == (SECURE, True, ENROLLED.read_bytes())
    assert flash.variables.parent == tmp_path
    assert flash.variables.read_bytes() == ENROLLED.read_bytes()


def test_variables_of_the_right_size_are_taken_where_there_are_none(tmp_path: Path) -> None:
    own = tmp_path / "build" / "MY_CODE.fd"
    own.parent.mkdir()
    own.write_bytes(CODE.read_bytes())
    assert flash_in(tmp_path, machine(own)).variables.read_bytes() == VARIABLES.read_bytes()
    beside = own.with_name("MY_VARS.fd")
    beside.write_bytes(ENROLLED.read_bytes())
    assert flash_in(tmp_path, machine(own)).variables.read_bytes() == ENROLLED.read_bytes()


def test_what_a_build_can_do_is_known_by_its_drivers() -> None:
    one, other = (firmware_build(path.read_bytes()) for path in (CODE, SECURE))
    assert (one.smm, other.smm) == (False, True)
    assert one.variables_bytes == len(VARIABLES.read_bytes())
    assert needs_smm(machine(SECURE))
    assert not needs_smm(machine(CODE))


def test_what_is_no_firmware_is_named(tmp_path: Path) -> None:
    cut, spoilt, small = (tmp_path / name for name in ("cut.fd", "spoilt.fd", "small.fd"))
    cut.write_bytes(CODE.read_bytes()[:1_000_000])
    content = bytearray(CODE.read_bytes())
    content[300_000:300_012] = b"x" * 12
    spoilt.write_bytes(content)
    small.write_bytes(b"\0" * 1000)
    for path, words in (
        (VARIABLES, "the variables of a UEFI, without its code: give the code by --firmware, and"),
        (cut, "no firmware of a UEFI: it ends in a firmware volume"),
        (spoilt, "a damaged firmware of a UEFI"),
        (small, "no firmware of a UEFI: it has another size"),
        (tmp_path, "not a regular file"),
        (tmp_path / "none", "known are auto, bios, uefi and uefi-secure, and there is no such"),
    ):
        with pytest.raises(UsageError, match=f"^{re.escape(f'--firmware {path}: {words}')}"):
            flash_in(tmp_path, machine(path))


def test_variables_that_are_not_its_own_are_named(tmp_path: Path) -> None:
    for path, words in (
        (OVMF / "OVMF_VARS.fd", "131,072 bytes, and .* has room for 540,672: they are the"),
        (CODE, "not the variables of a UEFI"),
    ):
        with pytest.raises(UsageError, match=f"^--firmware-vars {path}: {words}"):
            flash_in(tmp_path, machine("uefi", path))
