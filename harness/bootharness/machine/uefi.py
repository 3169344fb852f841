"""The firmware of a UEFI machine: its code, and its variables as they are at first."""

from collections import deque
from functools import lru_cache
from pathlib import Path

from bootharness.errors import FormatError, UsageError
from bootharness.formats.firmware_volume import FirmwareBuild, firmware_build, is_variables
from bootharness.formats.signature_list import signatures_listed
from bootharness.formats.uefi_variables import variable
from bootharness.host.regular import is_regular
from bootharness.host.tool import Tool
from bootharness.machine.device import Flash
from bootharness.plan import AUTO, BIOS, UEFI, UEFI_SECURE, MachineConfig

__all__ = [
    "FLASH_FILES", "UEFI_TOOLS", "VARIABLES_FILE", "code_files", "flash_in", "flash_left_in",
    "needs_smm",
]  # fmt: skip

_FOLDER = Path("/usr/share/OVMF")
_UEFI = (_FOLDER / "OVMF_CODE_4M.fd", _FOLDER / "OVMF_VARS_4M.fd")
# with Secure Boot, and Microsoft's keys among the variables
_SECURE = (_FOLDER / "OVMF_CODE_4M.secboot.fd", _FOLDER / "OVMF_VARS_4M.ms.fd")
UEFI_TOOLS = tuple(Tool(str(path), "ovmf") for path in (*_UEFI, *_SECURE))
FLASH_FILES = _CODE_FILE, VARIABLES_FILE = "code.fd", "variables.fd"
"""What is made for a boot: the code only where the variables were in one file with it."""
# what is not in the code's own file is beside it, or Debian's of that size
_EMPTY = (*_UEFI[1:], _FOLDER / "OVMF_VARS.fd")
_BUILDS = 8
_FILE_BYTES = 1 << 27


def needs_smm(machine: MachineConfig) -> bool:
    """Return whether a UEFI can only run where it keeps its memory from the system. Raises
    UsageError for a file that is no firmware."""
    if machine.own_firmware is None:
        return machine.firmware == UEFI_SECURE
    return _build(Path(machine.own_firmware)).smm


def flash_in(folder: Path, machine: MachineConfig) -> Flash:
    """Return a UEFI's code, and a copy of its variables in ``folder``.

    Raises UsageError for a file that is no firmware, and for variables that are not its own.
    """
    code, content = _code_and_variables(folder, machine)
    variables = folder / VARIABLES_FILE
    variables.write_bytes(content)
    if machine.sets_up:
        from bootharness.machine.uefi_set_up import set_up  # cryptography: most boots do without

        set_up(variables, machine)
        content = variables.read_bytes()
    return Flash(
        code, variables, needs_smm(machine), content, bool(variable(content, "PK")),
        bool(machine.boot_entries),
    )  # fmt: skip


def flash_left_in(folder: Path, machine: MachineConfig) -> Flash:
    """Return a UEFI's code, and the variables that a boot has left in ``folder``."""
    left, asked = code_files(folder, machine)
    code = left if left.exists() else asked
    own_order = bool(machine.boot_entries)
    return Flash(code, folder / VARIABLES_FILE, needs_smm(machine), own_order=own_order)


def code_files(folder: Path, machine: MachineConfig) -> tuple[Path, Path]:
    """Return where a UEFI's code is: the first that is there of one that a boot has left in
    ``folder``, and what it was asked to be."""
    usual = (_SECURE if machine.firmware == UEFI_SECURE else _UEFI)[0]
    own = machine.own_firmware
    return folder / _CODE_FILE, Path(own).absolute() if own else usual


def _code_and_variables(folder: Path, machine: MachineConfig) -> tuple[Path, bytes]:
    own = machine.firmware_vars
    if machine.own_firmware is None:
        code, usual = _SECURE if machine.firmware == UEFI_SECURE else _UEFI
        content = usual.read_bytes()
        return code, _own_variables(Path(own), len(content), code) if own else content
    path = Path(machine.own_firmware)
    build = _build(path)
    code = path.absolute()
    if build.variables is not None:
        code = folder / _CODE_FILE
        code.write_bytes(build.code)
    if own:
        return code, _own_variables(Path(own), build.variables_bytes, path)
    return code, build.variables or _fitting(path, build.variables_bytes)


def _own_variables(path: Path, wanted: int, firmware: Path) -> bytes:
    content = _read(path, "--firmware-vars")
    if not is_variables(content):
        raise UsageError(f"--firmware-vars {path}: not the variables of a UEFI, as OVMF_VARS is")
    if len(content) != wanted:
        raise UsageError(
            f"--firmware-vars {path}: {len(content):,} bytes, and {firmware} has room for "
            f"{wanted:,}: they are the variables of another build"
        )
    _check_store(content, f"--firmware-vars {path}")
    return content


def _check_store(content: bytes, given: str) -> None:
    try:
        for name in ("PK", "KEK", "db", "dbx"):
            deque(signatures_listed(variable(content, name) or b""), maxlen=0)
    except FormatError as error:
        raise UsageError(f"{given}: {error}") from error


def _fitting(path: Path, wanted: int) -> bytes:
    """Return the variables that lie beside a code, or else empty ones of the same size."""
    name = path.name
    beside = [name.replace("CODE", "VARS"), name.replace("code", "vars")]
    beside += [f"{each.partition('.')[0]}{path.suffix}" for each in beside]
    for each in (*(path.with_name(other) for other in beside if other != name), *_EMPTY):
        if each.is_file() and each.stat().st_size == wanted:
            content = each.read_bytes()
            if is_variables(content):
                _check_store(content, str(each))
                return content
    raise UsageError(
        f"--firmware {path}: the variables are not in it, and none of {wanted:,} bytes lie beside "
        "it: say by --firmware-vars which they are"
    )


def _build(path: Path) -> FirmwareBuild:
    content = _read(path, "--firmware")
    try:
        build = _of_content(content)
        if build.narrow:
            raise FormatError(
                "a UEFI of 32 bits, for i386: it runs neither our recorder nor a program for x64, "
                "and one for x64 is wanted, as of the package ovmf"
            )
        return build
    except FormatError as error:
        hint = ": give the code by --firmware, and these by --firmware-vars"
        raise UsageError(
            f"--firmware {path}: {error}{hint if is_variables(content) else ''}"
        ) from error


@lru_cache(maxsize=_BUILDS)
def _of_content(content: bytes) -> FirmwareBuild:
    return firmware_build(content)


def _read(path: Path, option: str) -> bytes:
    if not is_regular(path, most=_FILE_BYTES):
        known = f"known are {AUTO}, {BIOS}, {UEFI} and {UEFI_SECURE}, and there is no such file"
        if path.exists():
            raise UsageError(f"{option} {path}: not a regular file")
        raise UsageError(f"{option} {path}: {known if option == '--firmware' else 'no such file'}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}") from error
