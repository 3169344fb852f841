"""A disk that a UEFI boots, on tape: with the UEFI's code, and its variables as they were at
first."""

from pathlib import Path
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from bootharness.formats.qcow2 import empty_overlay
from bootharness.host.kept import digest_of
from bootharness.machine.device import Device, Drive, Flash, drive_device
from bootharness.machine.tape import UEFI_SHIFT
from bootharness.machine.uefi import VARIABLES_FILE

__all__ = ["VARIABLES_FILE", "VARIABLES_OVERLAY", "TapedUefi", "write_variables"]

VARIABLES_OVERLAY = "variables.qcow2"
"""What takes what is written to the variables: QEMU keeps no snapshot in a raw image."""


class TapedUefi(Struct, frozen=True):
    """A disk and the code of the UEFI that boots it; ``own_order`` is as that of `Flash`."""

    frames: ClassVar[bool] = False
    """Whether what came to a network card is on the tape."""
    shift: ClassVar[int] = UEFI_SHIFT
    drive: Drive
    code: Path
    own_order: bool

    @property
    def facts(self) -> dict[str, object]:
        """What a recording's manifest says of it."""
        own = {"code_sha256": digest_of(self.code), "own_order": self.own_order}
        return {**self.drive.facts, **own}

    def played(self, overlay: Path) -> Device:
        """Return it as what a machine boots from that is on tape; its variables lie beside the
        disk's ``overlay``."""
        flash = Flash(
            self.code,
            overlay.with_name(VARIABLES_FILE),
            own_order=self.own_order,
            overlay=overlay.with_name(VARIABLES_OVERLAY),
        )
        return drive_device(replace(self.drive, overlay=overlay), flash=flash)


def write_variables(folder: Path, content: bytes) -> None:
    """Write into a folder the variables as they are at first, and the image that is laid over
    them."""
    (folder / VARIABLES_FILE).write_bytes(content)
    (folder / VARIABLES_OVERLAY).write_bytes(empty_overlay(len(content)))
