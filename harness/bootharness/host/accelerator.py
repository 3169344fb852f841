"""Whether KVM works here: not whether there is a /dev/kvm, but whether a boot gets on with it."""

import hashlib
import os
import subprocess
from contextlib import suppress
from pathlib import Path

from bootharness.errors import LaunchFailed
from bootharness.host.assembler import assemble_flat, shipped
from bootharness.host.cache import cache_dir
from bootharness.host.kept import seal, sealed
from bootharness.host.workspace import Workspace

__all__ = ["kvm_works"]

_PROBE_S = 2.0
_COUNTED = 85
_WORKS = b"works"
_DEVICE = Path("/dev/kvm")


def kvm_works(qemu: str) -> bool:
    """Return whether this QEMU boots at a bearable speed with KVM.

    A probe boots for at most two seconds; the answer is kept until the host reboots.
    """
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return False
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    name = hashlib.sha256(f"{boot_id} {qemu}".encode()).hexdigest()[:20]
    kept = cache_dir("kvm") / name
    answer = sealed(kept)
    if answer is None:
        answer = _WORKS if _probe(qemu) else b"does not work"
        with suppress(LaunchFailed):
            seal(kept, answer)
    return answer == _WORKS


def _probe(qemu: str) -> bool:
    with Workspace() as workspace:
        sector = workspace.path / "sector"
        sector.write_bytes(assemble_flat(shipped("mbr/kvm_probe.asm")))
        argv = [
            *(qemu, "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none"),
            *("-accel", "kvm", "-cpu", "host", "-m", "16"),
            *("-drive", f"file={sector.name},format=raw,if=floppy,readonly=on"),
            *("-device", "isa-debug-exit,iobase=0xf4"),
        ]
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=workspace.path,
                process_group=workspace.process_group,
                timeout=_PROBE_S,
                check=False,
            )
        except (subprocess.TimeoutExpired, OSError):
            return False
        return done.returncode == _COUNTED
