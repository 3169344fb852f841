"""The firmware of a UEFI machine: its code, and its variables as they are at first."""

import shutil
from pathlib import Path

from bootharness.host.tool import Tool
from bootharness.machine.device import Flash

__all__ = ["UEFI_TOOLS", "flash_in"]

_FOLDER = Path("/usr/share/OVMF")
_UEFI = (_FOLDER / "OVMF_CODE_4M.fd", _FOLDER / "OVMF_VARS_4M.fd")
# with Secure Boot, and Microsoft's keys among the variables
_SECURE = (_FOLDER / "OVMF_CODE_4M.secboot.fd", _FOLDER / "OVMF_VARS_4M.ms.fd")
UEFI_TOOLS = tuple(Tool(str(path), "ovmf") for path in (*_UEFI, *_SECURE))


def flash_in(folder: Path, *, secure: bool) -> Flash:
    """Return a UEFI's code, and a copy of its variables in ``folder``; one that is ``secure``
    starts only what is signed."""
    code, variables = _SECURE if secure else _UEFI
    copy = folder / variables.name
    shutil.copyfile(variables, copy)
    return Flash(code, copy, secure)
