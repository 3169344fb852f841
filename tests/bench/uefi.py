"""What recording costs a boot by a UEFI, and what a saved machine saves: `make bench-uefi`.

The same under Secure Boot: of a kernel that is signed with a key of one's own, which the firmware
checks, and by shim and GRUB, of which shim checks the kernel. There more is left of a boot, for
each signature is checked anew.

Pairs are booted one after the other, so that a busy host is busy for both. What the recorder costs
is counted in CPU time of QEMU, to the kernel's first line, which says more than the clock on a host
that others use; what is saved by the clock.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bootharness.diagnosis import judge
from bootharness.errors import LaunchFailed
from bootharness.host.deadline import Deadline
from bootharness.host.workspace import Workspace
from bootharness.kernels.source import fetch
from bootharness.machine.argv import isolation_args, machine_args, recorder_args
from bootharness.machine.choice import chosen_machine
from bootharness.machine.rom import write_uefi_rom
from bootharness.one_boot import boot
from bootharness.plan import UEFI_SECURE, BootPlan, choose
from bootharness.routes.table import route_of
from bootharness.trace.boot_trace import BootTrace
from tests.bench.bare import read_until
from tests.support.signing import own_key, signed

__all__ = ["main"]

_KERNEL = "deb:linux-image-cloud-amd64/bookworm"
_SIGN = b"Linux version"
_TIMEOUT_S = 180.0
_RECORDER_GOAL, _SAVED_GOAL, _SECURE_GOAL = 1.08, 0.3, 0.6


class _Boot(NamedTuple):
    kernel: str
    choices: Mapping[str, object]


_PLAIN = _Boot(_KERNEL, {"route": "uefi-systemd-boot"})
_BY_SHIM = _Boot(_KERNEL, {"route": "uefi-shim", "firmware": UEFI_SECURE})


def _by_own_key(folder: Path) -> _Boot:
    """Return a boot of the kernel with our own signature, in place of Debian's."""
    bare = folder / "bare"
    bare.write_bytes(fetch(_KERNEL).path.read_bytes())
    subprocess.run(["sbattach", "--remove", bare], check=True)
    kernel = signed(bare, folder / "vmlinuz", folder)
    enrolled = (str(own_key(folder)[1]),)
    choices = {"route": "uefi-stub", "firmware": UEFI_SECURE, "enrolled": enrolled}
    return _Boot(str(kernel), choices)


def _bare(bench: _Boot, *, recorder: bool) -> tuple[float, float]:
    """Return the seconds, and QEMU's CPU seconds, from its start to the kernel's first line."""
    plan = choose(BootPlan(), bench.choices)
    route = route_of(plan)
    plan = route.ready(plan)
    with Workspace() as workspace, route.prepare(fetch(bench.kernel), plan, workspace) as medium:
        config = chosen_machine(plan.machine)
        rom = write_uefi_rom(workspace.path) if recorder else None
        argv = [
            config.qemu,
            *machine_args(config),
            *isolation_args(),
            *medium.device.words,
            *("-serial", "stdio", "-no-reboot"),
            # nobody is there to let the guest go on when the recorder stops it
            *(recorder_args(rom, "uefi", "recorder.log") if rom else ()),
        ]
        before, began = _children_s(), time.monotonic()
        with subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=workspace.path, env={**os.environ, "TMPDIR": str(workspace.path)},
            process_group=workspace.process_group,
        ) as qemu:  # fmt: skip
            assert qemu.stdout
            said = read_until(qemu.stdout.fileno(), _SIGN, Deadline.after(_TIMEOUT_S))
            seconds = time.monotonic() - began
            qemu.kill()
            qemu.wait()
        if _SIGN not in said:
            raise LaunchFailed(f"bare QEMU did not come to {_SIGN!r}: {said[-500:]!r}")
        return seconds, _children_s() - before


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _product(bench: _Boot) -> float:
    """Return the seconds from QEMU's start to the banner of a boot that is recorded and proven."""
    trace = _to_banner(bench)
    banner, restored = trace.milestone("banner"), trace.machine and trace.machine.restored
    if banner is None or not restored:
        raise LaunchFailed(f"no restored boot to the banner: {judge(trace).summary}")
    return banner.seconds - restored.saved_s


def _to_banner(bench: _Boot) -> BootTrace:
    plan = choose(BootPlan(), {**bench.choices, "until": "banner", "timeout_s": 180.0})
    return boot(bench.kernel, plan)


def main(pairs: int) -> int:
    """Print the medians of pairs; return 1 where a goal is missed."""
    with Workspace() as workspace:
        return _measured(pairs, _by_own_key(workspace.path))


def _measured(pairs: int, by_own_key: _Boot) -> int:
    for bench in (_PLAIN, by_own_key, _BY_SHIM):  # so that a machine is saved, and all is in memory
        _to_banner(bench)
        _bare(bench, recorder=True)
    costs, shares = [], []
    own: list[float] = []
    shim: list[float] = []
    for number in range(pairs):
        first = bool(number % 2)
        one, other = _bare(_PLAIN, recorder=first), _bare(_PLAIN, recorder=not first)
        on, off = (one, other) if first else (other, one)
        costs.append(on[1] / off[1])
        shares.append(_product(_PLAIN) / off[0])
        said = []
        for bench, found in ((by_own_key, own), (_BY_SHIM, shim)):
            cold, _ = _bare(bench, recorder=False)
            found.append(_product(bench) / cold)
            said.append(f"{cold:.2f} s, {found[-1] * cold:.2f} s")
        print(
            f"CPU to the first line: recorder {on[1]:.2f} s, without {off[1]:.2f} s; bare cold "
            f"{off[0]:.2f} s, restored, recorded and proven {shares[-1] * off[0]:.2f} s; Secure "
            f"Boot by a key of our own {said[0]}, by shim {said[1]}",
            flush=True,
        )
    met = True
    for what, found, goal in (
        ("recorder, of the CPU time without", costs, _RECORDER_GOAL),
        ("to the first line, of a cold bare QEMU's", shares, _SAVED_GOAL),
        ("the same under Secure Boot, by a key of our own", own, _SECURE_GOAL),
        ("the same, by shim and GRUB", shim, _SECURE_GOAL),
    ):
        print(f"{what}: {median(found):.3f} (goal {goal})")
        met = met and median(found) <= goal
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
