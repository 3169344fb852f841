"""What an initramfs and a command on a kernel cost: `make bench-shell`.

An initramfs is made of the same kernel's modules and cryptsetup as dracut and mkinitramfs make
theirs of in a chroot, by CPU time, which says more than the clock on a host that others use; theirs
have udev and systemd's tools besides. A command is run to its exit status, by the clock and in
pairs, beside a bare QEMU that boots the same kernel and archive to the same line.
"""

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bootharness.errors import LaunchFailed
from bootharness.host.deadline import Deadline
from bootharness.host.workspace import Workspace
from bootharness.initramfs.guest import archive_of
from bootharness.kernels.source import fetch
from bootharness.machine.argv import isolation_args, machine_args
from bootharness.machine.choice import chosen_machine
from bootharness.machine.device import kernel_device
from bootharness.plan import DEFAULT_CMDLINE, GuestPlan, MachineConfig
from tests.bench.bare import read_until

__all__ = ["main"]

_KERNEL = "deb:linux-image-amd64/bookworm"
_COMMAND_KERNEL = "deb:linux-image-cloud-amd64/bookworm"
_MODULES = ("dm-crypt", "xts", "aesni-intel", "sha256-ssse3", "virtio_pci", "virtio_blk",
            "virtio_net")  # fmt: skip
_GUEST = GuestPlan(modules=_MODULES, programs=("cryptsetup",))
_PLAIN_GOAL, _ZSTD_GOAL, _COMMAND_GOAL = 0.15, 0.4, 1.2
_TIMEOUT_S = 300.0
_OTHERS = {
    "mkinitramfs": "mkinitramfs -o /tmp/out.img $release",
    "dracut": "dracut --force --no-hostonly --zstd --add-drivers '$drivers' /tmp/out.img $release",
}


def _cpu_s(action: Callable[[], object]) -> float:
    """Return the CPU seconds of an action, those of programs that it waits for with them."""

    def used() -> float:
        both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(each.ru_utime + each.ru_stime for each in both)

    before = used()
    action()
    return used() - before


def _initramfs(*, packed: bool) -> None:
    archive = archive_of(fetch(_KERNEL), _GUEST)
    if packed:
        subprocess.run(["zstd", "-1", "-T0", "-q", "-c"], input=archive, capture_output=True,
                       check=True)  # fmt: skip


def _of_others(chroot: Path, command: str) -> None:
    [release] = [each.name for each in (chroot / "lib/modules").iterdir()]
    command = command.replace("$release", release).replace("$drivers", " ".join(_MODULES))
    done = subprocess.run(
        ["chroot", chroot, "/bin/sh", "-c", command], capture_output=True, text=True,
        timeout=_TIMEOUT_S, check=False, env={**os.environ, "TMPDIR": "/tmp"},
    )  # fmt: skip
    if done.returncode:
        raise LaunchFailed(f"{command}: {done.stderr[-500:]}")


def _command() -> float:
    began = time.monotonic()
    words = ("shell", _COMMAND_KERNEL, "--", "exit 7")
    done = subprocess.run([sys.executable, "-m", "bootharness", *words], check=False)
    if done.returncode != 7:
        raise LaunchFailed(f"{words} ended with {done.returncode}")
    return time.monotonic() - began


def _bare(archive: Path, sign: bytes) -> float:
    config = chosen_machine(MachineConfig())
    device = kernel_device(fetch(_COMMAND_KERNEL).path, archive, DEFAULT_CMDLINE)
    argv = [
        *(config.qemu, *machine_args(config), *isolation_args(), *device.words),
        *("-serial", "stdio", "-no-reboot"),
    ]
    began = time.monotonic()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as qemu:
        assert qemu.stdout
        said = read_until(qemu.stdout.fileno(), sign, Deadline.after(_TIMEOUT_S))
        qemu.kill()
    if sign not in said:
        raise LaunchFailed(f"bare QEMU did not come to {sign!r}: {said[-500:]!r}")
    return time.monotonic() - began


def _say(what: str, figure: str, goal: float | None = None, value: float = 0.0) -> bool:
    met = goal is None or value <= goal
    wanted = "" if goal is None else f"  at most {goal:g}: {'yes' if met else 'NO'}"
    print(f"{what:44} {figure}{wanted}", flush=True)
    return met


def main(pairs: int, chroot: Path | None) -> int:
    """Measure so many pairs; the status is 1 where a goal is missed."""
    met = []
    for packed, goal in ((False, _PLAIN_GOAL), (True, _ZSTD_GOAL)):
        samples = [_cpu_s(lambda packed=packed: _initramfs(packed=packed)) for _ in range(pairs)]  # type: ignore[misc]
        value, what = median(samples), "initramfs, with zstd" if packed else "initramfs"
        met.append(_say(what, f"{value:.3f} s of CPU", goal, value))
    for name, command in _OTHERS.items() if chroot else ():
        assert chroot
        seconds = _cpu_s(lambda command=command: _of_others(chroot, command))  # type: ignore[misc]
        size = (chroot / "tmp/out.img").stat().st_size
        _say(f"{name}, {size / 1e6:.1f} MB", f"{seconds:.3f} s of CPU")
    token = "0" * 16
    own = {"command": b"exit 7\n", "token": token.encode()}
    with Workspace() as workspace:
        archive = workspace.path / "guest.img"
        archive.write_bytes(archive_of(fetch(_COMMAND_KERNEL), GuestPlan(), own))
        sign = f"bootharness: exit {token} 7".encode()
        both = [(_command(), _bare(archive, sign)) for _ in range(pairs + 1)][1:]
    ratio = median(ours / bare for ours, bare in both)
    figure = f"{median(ours for ours, _ in both):.2f} s, bare {median(b for _, b in both):.2f} s"
    met.append(_say("command to exit status", f"{figure}, ratio {ratio:.3f}", _COMMAND_GOAL, ratio))
    return 0 if all(met) else 1


if __name__ == "__main__":
    given = os.environ.get("BENCH_CHROOT", "")
    wanted = [each for each in sys.argv[1:] if re.fullmatch(r"\d+", each)]
    sys.exit(main(int(wanted[0]) if wanted else 5, Path(given) if given else None))
