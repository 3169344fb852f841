"""What is left of a boot in a folder, for whoever wants to see why it ended as it did.

While the machine is there: its logs, and a picture of its screen. Afterwards: the trace, and
what it says as texts. Nothing that is in the folder already is written over, and a folder that
cannot take any more changes nothing about the boot.
"""

import os
import shlex
import shutil
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct, field
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.errors import MachineLost
from bootharness.formats.picture import Picture, png_of
from bootharness.machine.argv import GDB_LOG, QEMU_LOG, SERIAL_LOG, by_hand
from bootharness.machine.device import Drive, drive_device
from bootharness.machine.machine import Machine
from bootharness.machine.postmortem import screenshot
from bootharness.machine.uefi import FLASH_FILES, flash_left_in
from bootharness.plan import BootPlan
from bootharness.trace.boot_trace import BootTrace

__all__ = ["CLOSEST", "RECORDER_LOG", "Folder", "keep_account", "keep_evidence", "keep_made"]

_LOGS = (SERIAL_LOG, QEMU_LOG, GDB_LOG)
RECORDER_LOG = "recorder.log"
CLOSEST = "closest.png"


class Folder(Struct):
    """A folder that files are added to; what could not be written is noted, with the reason."""

    path: Path
    _failed: dict[str, list[str]] = field(default_factory=dict)

    def write(self, name: str, content: bytes) -> None:
        """Write a file that is not there yet."""
        self._write(name, BytesIO(content))

    def copy(self, source: Path, name: str = "") -> bool:
        """Copy a file, if there is one, under a name or its own; return whether it is there now."""
        if not source.exists():
            return False
        with source.open("rb") as content:
            return self._write(name or source.name, content)

    def take(self, source: Path) -> bool:
        """Move a file here, if there is one; return whether it is there now."""
        path = self.path / source.name
        try:
            if source.exists() and not path.exists():
                os.chown(source, os.getuid(), os.getgid())  # it was QEMU's, which is another user
                source.rename(path)
                return True
        except OSError:  # another file system, or a folder that takes no more
            pass
        return self.copy(source)

    def _write(self, name: str, content: BinaryIO) -> bool:
        path = self.path / name
        try:
            with path.open("xb") as file:
                try:
                    shutil.copyfileobj(content, file)
                    file.flush()
                except OSError:
                    path.unlink()  # half of a file looks like all of it
                    raise
        except OSError as error:
            self._failed.setdefault(error.strerror or str(error), []).append(name)
            return False
        return True

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each reason for which something could not be written."""
        return tuple(
            f"{self.path}: {', '.join(names)} could not be written: {reason}"
            for reason, names in self._failed.items()
        )


def keep_evidence(
    machine: Machine,
    recorded: bytes,
    path: Path,
    *,
    alive: bool,
    closest: Picture | None = None,
) -> tuple[str, ...]:
    """Copy the logs of a machine, and what is on its screen while QEMU is ``alive``.

    ``recorded`` is the recorder's log, ``closest`` the screen that came closest to what was looked
    for. Returns sentences on what could not be kept.
    """
    folder, workspace = Folder(path), machine.qemu.workspace.path
    for log in _LOGS:
        folder.copy(workspace / log)
    if recorded:
        folder.write(RECORDER_LOG, recorded)
    if closest:
        folder.write(CLOSEST, png_of(closest))
    try:
        if alive:
            folder.copy(screenshot(machine, workspace))
    except MachineLost as error:
        return (*folder.problems, f"there is no picture of the screen: {error}")
    return folder.problems


def keep_made(
    trace: BootTrace, made_in: Path, path: Path, logs: Mapping[str, Path] | None = None
) -> BootTrace:
    """Move what was made for a boot from the folder ``made_in``: its disk image, its packets, a
    UEFI's variables; and copy the ``logs`` of its servers under their names.

    Returns the trace, which says where the disk image is now and what could not be kept.
    """
    folder = Folder(path)
    for made in (*made_in.glob("*.pcap"), *(made_in / name for name in FLASH_FILES)):
        folder.take(made)
    for name, log in (logs or {}).items():
        folder.copy(log, name)
    disk = Path(trace.disk.path) if trace.disk else None
    if trace.disk and disk and disk.parent == made_in and folder.take(disk):
        trace = replace(trace, disk=replace(trace.disk, path=str(path / disk.name)))
    return trace.with_missing(*folder.problems)


def keep_account(trace: BootTrace, plan: BootPlan, path: Path) -> tuple[str, ...]:
    """Write the trace as JSON and what it says as texts.

    Returns sentences on what could not be kept.
    """
    # nothing of this is needed to watch a boot
    from bootharness.report.disassembly import disassembly
    from bootharness.report.document import document, encode
    from bootharness.report.postmortem import bios_calls, exceptions, registers
    from bootharness.report.uefi_calls import uefi_calls

    folder = Folder(path)
    folder.write("trace.json", encode(document(trace, judge(trace))))
    texts: dict[str, Callable[[BootTrace], str]] = {
        "registers.txt": registers,
        "disassembly.txt": disassembly,
        "exceptions.txt": exceptions,
        "screen.txt": lambda trace: trace.post_mortem.screen if trace.post_mortem else "",
        "screen-ocr.txt": lambda trace: trace.post_mortem.ocr if trace.post_mortem else "",
        "bios-calls.txt": lambda trace: "" if trace.uefi_calls else bios_calls(trace),
        "uefi-calls.txt": uefi_calls,
        "bios.txt": lambda trace: trace.bios_log,
        "command.txt": lambda trace: _commands(trace, plan, path),
    }
    for name, text in texts.items():
        if content := text(trace):
            folder.write(name, f"{content}\n".encode(errors="backslashreplace"))
    return folder.problems


def _commands(trace: BootTrace, plan: BootPlan, folder: Path) -> str:
    from bootharness.report.again import again

    lines = ["# the same boot, watched and judged", again(trace, plan, "--verbose")]
    if trace.disk:
        lines += ["", "# the same boot in gdb, in this folder", "bootharness debug trace.json"]
    disk = Path(trace.disk.path) if trace.disk else None
    if trace.machine and trace.disk and disk and disk.exists():
        config = trace.machine.config
        drive = Drive.of(trace.disk, config.disk_interface, disk.absolute())
        by_uefi = trace.machine.firmware == "uefi"
        flash = flash_left_in(folder.absolute(), plan.machine) if by_uefi else None
        lines += [
            "",
            "# its disk image in QEMU alone, the serial line on the terminal; Ctrl-A X ends it",
            shlex.join(by_hand(config, drive_device(drive, flash=flash))),
        ]
    return "\n".join(lines)
