"""What a person sets up in a UEFI before a boot: keys of Secure Boot, boot entries."""

from datetime import datetime
from pathlib import Path
from typing import Any

from bootharness.errors import FormatError, UsageError
from bootharness.formats.authenticode import authenticode_hash
from bootharness.host.regular import read_regular
from bootharness.plan import MachineConfig

__all__ = ["set_up"]

_OWNER = "b00748a5-0000-4000-8000-000000000001"
_MOST_BYTES = 1 << 28
_PROGRAM = b"MZ"
# the same in every boot, so that a machine which was saved can be found
_SET_AT = datetime(2026, 1, 1)


def set_up(variables: Path, machine: MachineConfig) -> None:
    """Write into a flash of variables what a person asks for.

    Raises UsageError for a file that is no certificate and no program, and for what has no room.
    """
    if not machine.sets_up:
        return
    from virt.firmware.varstore.edk2 import Edk2VarStore  # cryptography, which takes its time

    try:
        store = Edk2VarStore(str(variables))
        found = store.get_varlist()
        _keys(found, machine)
        _entries(found, machine.boot_entries)
        for each in found.values():
            each.time = _SET_AT if each.time else each.time
        store.write_varstore(str(variables), found)
    except SystemExit:  # as the library gives up
        raise UsageError(
            "the keys and boot entries that are asked for have no room among the UEFI's variables"
        ) from None


def _keys(found: Any, machine: MachineConfig) -> None:
    if machine.enrolled and "PK" not in found:
        first = _certificate(machine.enrolled[0], "--enrol")
        for name in ("PK", "KEK"):
            _add_certificate(found, name, first)
        found.enable_secureboot()
    for each in machine.enrolled:
        _add_certificate(found, "db", _certificate(each, "--enrol"))
    for each in machine.revoked:
        content = read_regular(Path(each), most=_MOST_BYTES)
        if content.startswith(_PROGRAM):
            found.add_hash("dbx", _OWNER, _digest(each, content).hex())
        else:
            _add_certificate(found, "dbx", _certificate(each, "--revoke"))
    if machine.sbat_level:
        level = read_regular(Path(machine.sbat_level), most=_MOST_BYTES)
        if not level.startswith(b"sbat,"):
            raise UsageError(
                f"--sbat-level {machine.sbat_level}: an SBAT level begins with a line sbat,1,DATE"
            )
        (found.get("SbatLevel") or found.create("SbatLevel")).data = level


def _entries(found: Any, entries: tuple[str, ...]) -> None:
    from virt.firmware.efi.devpath import DevicePath

    for number, each in enumerate(entries):
        path, _, options = each.partition(" ")
        found.set_boot_entry(number, path, DevicePath.filepath(path),
                             f"{options}\0".encode("utf-16le") if options else None)  # fmt: skip
    if entries:
        found.pop("BootOrder", None)
        for number in range(len(entries)):
            found.append_boot_order(number)


def _digest(name: str, content: bytes) -> bytes:
    try:
        return authenticode_hash(content)
    except FormatError as error:
        raise UsageError(f"--revoke {name}: {error}") from error


def _certificate(name: str, option: str) -> bytes:
    from cryptography import x509

    content = read_regular(Path(name), most=_MOST_BYTES)
    try:
        if b"-----BEGIN" in content:
            x509.load_pem_x509_certificate(content)
        else:
            x509.load_der_x509_certificate(content)
    except ValueError:
        also = "" if option == "--enrol" else ", and no program of a UEFI"
        raise UsageError(f"{option} {name}: no certificate in PEM or DER{also}") from None
    return content


def _add_certificate(found: Any, name: str, content: bytes) -> None:
    from virt.firmware.efi import guids

    variable = found.add_cert_prepare(name)
    variable.sigdb_add_cert_data(guids.parse_str(_OWNER), content)
