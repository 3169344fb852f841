"""What KVM is worth here: not whether there is a /dev/kvm, but whether a boot gets on with it."""

import hashlib
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from bootharness.errors import LaunchFailed
from bootharness.host.assembler import assemble_flat, shipped
from bootharness.host.cache import cache_dir
from bootharness.host.kept import seal, sealed
from bootharness.host.workspace import Workspace

__all__ = ["KVM_DEVICE", "Kvm", "kvm"]

_PROBE_S = 2.0
_BEGUN, _COUNTED = b"B", 85
KVM_DEVICE = Path("/dev/kvm")
# Under KVM in a VM, QEMU may not be able to give a guest what the host's CPU is said to have.
_CPUS = ("host", "host,-arch-capabilities", "kvm64", "qemu64")


class Kvm(Struct, frozen=True):
    """What KVM is worth to a QEMU.

    ``cpu`` is the first model that it starts with, None where there is none. ``why`` says in a
    sentence why it is slow, why there is no KVM, or why the model is not ``host``.
    """

    speed: Literal["full", "slow", "none"]
    cpu: str | None = None
    why: str = ""


def kvm(qemu: str) -> Kvm:
    """Return what KVM is worth to this QEMU.

    A probe boots for at most two seconds; the answer is kept until the host reboots.
    """
    if not KVM_DEVICE.exists():
        return Kvm("none", why=f"there is no {KVM_DEVICE}")
    if not os.access(KVM_DEVICE, os.R_OK | os.W_OK):
        return Kvm("none", why=f"{KVM_DEVICE} may not be opened by this user")
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    name = hashlib.sha256(f"{boot_id} {qemu} {_CPUS}".encode()).hexdigest()[:20]
    kept = cache_dir("kvm") / name
    answer = sealed(kept)
    if answer is not None:
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(answer, type=Kvm)
    found = _probe(qemu)
    with suppress(LaunchFailed):
        seal(kept, msgspec.json.encode(found))
    return found


def _probe(qemu: str) -> Kvm:
    why = ""
    with Workspace() as workspace:
        firmware = workspace.path / "firmware"
        firmware.write_bytes(assemble_flat(shipped("mbr/kvm_probe.asm")))
        for cpu in _CPUS:
            try:
                done = _boot(qemu, cpu, firmware, workspace)
            except subprocess.TimeoutExpired as error:
                if error.stdout != _BEGUN:
                    return Kvm("none", cpu, f"its guest had not begun in {_PROBE_S:.0f} s")
                slow = f"its guest had not counted to 20 million in {_PROBE_S:.0f} s"
                return Kvm("slow", cpu, f"{slow}; {why}" if why else slow)
            except OSError as error:
                return Kvm("none", why=f"{qemu} cannot be run: {error.strerror}")
            if done.returncode == _COUNTED:
                return Kvm("full", cpu, why)
            why = why or f"-cpu {cpu} does not start: {_said(done.stderr) or 'QEMU ended'}"
    return Kvm("none", why=why)


def _boot(
    qemu: str, cpu: str, firmware: Path, workspace: Workspace
) -> subprocess.CompletedProcess[bytes]:
    argv = [
        *(qemu, "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none"),
        *("-accel", "kvm", "-cpu", cpu, "-m", "16", "-bios", firmware.name),
        *("-debugcon", "stdio", "-device", "isa-debug-exit,iobase=0xf4"),
    ]
    with workspace.start_untrusted(
        argv,
        devices=[KVM_DEVICE],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=workspace.path,
    ) as process:
        try:
            said, errors = process.communicate(timeout=_PROBE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(argv, process.returncode, said, errors)


def _said(stderr: bytes) -> str:
    """Return the first line of what QEMU said, without its name."""
    line = stderr.decode("utf-8", "replace").strip().partition("\n")[0]
    return (line.partition(": ")[2] or line).removeprefix("error: ")
