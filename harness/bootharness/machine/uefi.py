"""The firmware of a UEFI machine: its code, and its variables as they are at first."""

import shutil
from pathlib import Path

from bootharness.host.tool import Tool

__all__ = ["UEFI", "UEFI_TOOLS", "flash_in"]

UEFI = (Path("/usr/share/OVMF/OVMF_CODE_4M.fd"), Path("/usr/share/OVMF/OVMF_VARS_4M.fd"))
"""A UEFI's code and its variables as they are at first."""
UEFI_TOOLS = tuple(Tool(str(path), "ovmf") for path in UEFI)


def flash_in(folder: Path) -> tuple[Path, Path]:
    """Return a UEFI's code, and a copy of its variables in ``folder``."""
    code, variables = UEFI
    copy = folder / variables.name
    shutil.copyfile(variables, copy)
    return code, copy
