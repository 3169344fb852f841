"""Which build of QEMU it is that a name stands for here, with the firmware that it brings."""

import hashlib
import shutil
from pathlib import Path

from bootharness.errors import ToolMissing
from bootharness.host.kept import digest_of
from bootharness.machine.saved import firmware_of, started_by

__all__ = ["build_of"]


def build_of(qemu: str) -> str:
    """Return the SHA-256, in hex, of a QEMU's program and of all the firmware that it may load.

    Another build makes other devices, and one boot is not to be played by two. Raises ToolMissing
    without it.
    """
    program = Path(shutil.which(qemu) or qemu).resolve()
    try:
        programs = [digest_of(path) for path in (program, *started_by(program))]
        firmware = [f"{path.name} {digest_of(path)}" for path in firmware_of(qemu, programs)]
    except OSError as error:
        raise ToolMissing(f"{qemu} cannot be read: {error.strerror}") from error
    return hashlib.sha256("\n".join([*programs, *firmware]).encode()).hexdigest()
