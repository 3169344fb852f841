"""What an initramfs and a command on a kernel cost: `make bench-shell`.

An initramfs is made of the same kernel's modules and cryptsetup as dracut and mkinitramfs make
theirs of in a chroot, by CPU time, which says more than the clock on a host that others use; theirs
have udev and systemd's tools besides, and dracut packs with zstd -15. A command is run to its exit
status, by the clock and in pairs, beside a bare QEMU that boots the same kernel and archive to the
same line; in the CPU time of both a busy host has less part.

The harness runs as it does where it was installed: compiled once.
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
_TIMEOUT_S, _OTHERS_S = 300.0, 900.0
_OTHERS = {
    "mkinitramfs": "mkinitramfs -o /tmp/out.img $release",
    "dracut": "dracut --force --no-hostonly --zstd --add-drivers '$drivers' /tmp/out.img $release",
}


def _seconds(action: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of an action by the clock, and its CPU seconds, those of programs that it
    waits for with them."""

    def used() -> float:
        both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(each.ru_utime + each.ru_stime for each in both)

    began, before = time.monotonic(), used()
    action()
    return time.monotonic() - began, used() - before


def _initramfs(*, packed: bool) -> None:
    archive = archive_of(fetch(_KERNEL), _GUEST)
    if packed:
        subprocess.run(["zstd", "-1", "-T0", "-q", "-c"], input=archive, capture_output=True,
                       check=True)  # fmt: skip


def _of_others(chroot: Path, command: str) -> None:
    [release] = [each.name for each in (chroot / "lib/modules").iterdir()]
    command = command.replace("$release", release).replace("$drivers", " ".join(_MODULES))
    argv = ["chroot", str(chroot), "/bin/sh", "-c", command]
    # its compressor has our pipe, too, and ends with the workspace
    with Workspace() as workspace:
        process = workspace.start(
            argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": "/tmp"},
        )  # fmt: skip
        try:
            _, said = process.communicate(timeout=_OTHERS_S)
        except subprocess.TimeoutExpired:
            raise LaunchFailed(f"{command}: not done in {_OTHERS_S:.0f} s") from None
    if process.returncode:
        raise LaunchFailed(f"{command}: {said[-500:]!r}")


def _command() -> None:
    words = ("shell", _COMMAND_KERNEL, "--timeout", f"{_TIMEOUT_S:.0f}", "--", "exit 7")
    compiled = {**os.environ}
    compiled.pop("PYTHONDONTWRITEBYTECODE", None)
    argv = [sys.executable, "-m", "bootharness", *words]
    done = subprocess.run(argv, check=False, env=compiled)
    if done.returncode != 7:
        raise LaunchFailed(f"{words} ended with {done.returncode}")


def _bare(archive: Path, sign: bytes) -> None:
    config = chosen_machine(MachineConfig())
    device = kernel_device(fetch(_COMMAND_KERNEL).path, archive, DEFAULT_CMDLINE)
    argv = [
        *(config.qemu, *machine_args(config), *isolation_args(), *device.words),
        *("-serial", "stdio", "-no-reboot"),
    ]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as qemu:
        assert qemu.stdout
        said = read_until(qemu.stdout.fileno(), sign, Deadline.after(_TIMEOUT_S))
        qemu.kill()
    if sign not in said:
        raise LaunchFailed(f"bare QEMU did not come to {sign!r}: {said[-500:]!r}")


def _say(what: str, figure: str, goal: float | None = None, value: float = 0.0) -> bool:
    met = goal is None or value <= goal
    wanted = "" if goal is None else f"  at most {goal:g}: {'yes' if met else 'NO'}"
    print(f"{what:44} {figure}{wanted}", flush=True)
    return met


def main(pairs: int, chroot: Path | None) -> int:
    """Measure so many pairs; the status is 1 where a goal is missed."""
    met = []
    for packed, goal in ((False, _PLAIN_GOAL), (True, _ZSTD_GOAL)):
        samples = [_seconds(lambda packed=packed: _initramfs(packed=packed)) for _ in range(pairs)]  # type: ignore[misc]
        what = "initramfs, with zstd" if packed else "initramfs"
        clock, cpu = min(each for each, _ in samples), median(each for _, each in samples)
        figure = f"{cpu:.3f} s of CPU, {clock:.3f} s by the clock at best"
        met.append(_say(what, figure, goal, cpu))
    for name, command in _OTHERS.items() if chroot else ():
        assert chroot
        _, seconds = _seconds(lambda command=command: _of_others(chroot, command))  # type: ignore[misc]
        size = (chroot / "tmp/out.img").stat().st_size
        _say(f"{name}, {size / 1e6:.1f} MB", f"{seconds:.3f} s of CPU")
    token = "0" * 16
    own = {"command": b"exit 7\n", "token": token.encode()}
    with Workspace() as workspace:
        archive = workspace.path / "guest.img"
        archive.write_bytes(archive_of(fetch(_COMMAND_KERNEL), GuestPlan(), own))
        sign = f"bootharness: exit {token} 7".encode()
        both = [
            (_seconds(_command), _seconds(lambda: _bare(archive, sign))) for _ in range(pairs + 1)
        ][1:]
    for what, at in (("the clock", 0), ("CPU time", 1)):
        ours, bare = (median(pair[who][at] for pair in both) for who in (0, 1))
        ratio = median(pair[0][at] / pair[1][at] for pair in both)
        figure = f"{ours:.2f} s, bare {bare:.2f} s, ratio {ratio:.3f}"
        wanted = None if at else _COMMAND_GOAL
        met.append(_say(f"command to exit status, by {what}", figure, wanted, ratio))
    return 0 if all(met) else 1


if __name__ == "__main__":
    given = os.environ.get("BENCH_CHROOT", "")
    wanted = [each for each in sys.argv[1:] if re.fullmatch(r"\d+", each)]
    sys.exit(main(int(wanted[0]) if wanted else 5, Path(given) if given else None))
