"""QEMU without the harness: the same machine and disk image, and nobody who looks in."""

import os
import re
import select
import subprocess
import time
from pathlib import Path

from bootharness.errors import LaunchFailed, ToolMissing
from bootharness.host.deadline import Deadline
from bootharness.host.workspace import Workspace
from bootharness.machine.argv import isolation_args, machine_args, recorder_args
from bootharness.machine.device import Drive, drive_device
from bootharness.plan import MachineConfig

__all__ = ["boot_bare", "peak_bytes", "read_until"]

_TIMEOUT_S = 120.0


def boot_bare(
    config: MachineConfig, disk: Path, *, sign: bytes | None = None, rom: Path | None = None
) -> float:
    """Return the seconds from the launch of QEMU until the guest has written ``sign``, and
    QEMU has been ended.

    Without a sign it ends by itself, when the guest is reset. ``rom`` is the recorder's
    option ROM, for a QEMU that is bare but for the recorder and the console that it writes
    to. Raises LaunchFailed when what is waited for does not come.
    """
    argv = [
        config.qemu,
        *machine_args(config),
        *isolation_args(),
        *drive_device(Drive(disk.absolute(), config.disk_interface)).words,
        *("-serial", "stdio", "-no-reboot"),
        # nobody is there to let the guest go on when the recorder stops it
        *((*recorder_args(rom, "bios"), "-action", "panic=none") if rom else ()),
    ]
    with Workspace() as workspace:
        began = time.monotonic()
        try:
            qemu = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=workspace.path,
                env={**os.environ, "TMPDIR": str(workspace.path)},
                process_group=workspace.process_group,
            )
        except FileNotFoundError:
            raise ToolMissing(f"{config.qemu} is not installed") from None
        with qemu:
            assert qemu.stdout
            try:
                said = read_until(qemu.stdout.fileno(), sign, Deadline.after(_TIMEOUT_S))
            finally:
                qemu.kill()
                qemu.wait()
        seconds = time.monotonic() - began
    if sign and sign not in said:
        raise LaunchFailed(f"bare QEMU ended without {sign!r}, it said: {said[-500:]!r}")
    if sign is None and qemu.returncode < 0:
        raise LaunchFailed(f"bare QEMU was not reset, it said: {said[-500:]!r}")
    return seconds


def read_until(file: int, sign: bytes | None, deadline: Deadline) -> bytes:
    """Read a file to the sign, to the end, or to the deadline."""
    said = b""
    while not (sign and sign in said) and select.select([file], [], [], deadline.remaining)[0]:
        piece = os.read(file, 1 << 16)
        if not piece:
            break
        said += piece
    return said


def peak_bytes() -> int:
    """Return the most memory that this process has had resident, in bytes.

    Unlike that of getrusage it begins anew with each exec.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0
