"""What recording costs a boot by a UEFI, and what a saved machine saves: `make bench-uefi`.

The same under Secure Boot, by shim and GRUB, which are signed: there more is left of a boot, for
each program's signature is checked anew.

Pairs are booted one after the other, so that a busy host is busy for both. What the recorder costs
is counted in CPU time of QEMU, to the kernel's first line, which says more than the clock on a host
that others use; what is saved by the clock.
"""

import os
import resource
import subprocess
import sys
import time
from statistics import median

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
from tests.bench.bare import read_until

__all__ = ["main"]

_KERNEL = "deb:linux-image-cloud-amd64/bookworm"
_SIGN = b"Linux version"
_TIMEOUT_S = 180.0
_RECORDER_GOAL, _SAVED_GOAL, _SECURE_GOAL = 1.08, 0.3, 0.6
_PLAIN = {"route": "uefi-systemd-boot"}
_SECURE = {"route": "uefi-shim", "firmware": UEFI_SECURE}


def _bare(choices: dict[str, str], *, recorder: bool) -> tuple[float, float]:
    """Return the seconds, and QEMU's CPU seconds, from its start to the kernel's first line."""
    plan = choose(BootPlan(), choices)
    route = route_of(plan)
    plan = route.ready(plan)
    with Workspace() as workspace, route.prepare(fetch(_KERNEL), plan, workspace) as medium:
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


def _product(choices: dict[str, str]) -> float:
    """Return the seconds from QEMU's start to the banner of a boot that is recorded and proven."""
    trace = boot(_KERNEL, _to_banner(choices))
    banner, restored = trace.milestone("banner"), trace.machine and trace.machine.restored
    if banner is None or not restored:
        raise LaunchFailed(f"no restored boot to the banner: {judge(trace).summary}")
    return banner.seconds - restored.saved_s


def _to_banner(choices: dict[str, str]) -> BootPlan:
    return choose(BootPlan(), {**choices, "until": "banner", "timeout_s": 180.0})


def main(pairs: int) -> int:
    """Print the medians of pairs; return 1 where a goal is missed."""
    for choices in (_PLAIN, _SECURE):  # so that a machine is saved, and all is in memory
        boot(_KERNEL, _to_banner(choices))
        _bare(choices, recorder=True)
    costs, shares, secure = [], [], []
    for number in range(pairs):
        first = bool(number % 2)
        one, other = _bare(_PLAIN, recorder=first), _bare(_PLAIN, recorder=not first)
        on, off = (one, other) if first else (other, one)
        costs.append(on[1] / off[1])
        shares.append(_product(_PLAIN) / off[0])
        cold, _ = _bare(_SECURE, recorder=False)
        secure.append(_product(_SECURE) / cold)
        print(
            f"CPU to the first line: recorder {on[1]:.2f} s, without {off[1]:.2f} s; bare cold "
            f"{off[0]:.2f} s, restored, recorded and proven {shares[-1] * off[0]:.2f} s; "
            f"Secure Boot {cold:.2f} s, {secure[-1] * cold:.2f} s",
            flush=True,
        )
    cost, share, secured = median(costs), median(shares), median(secure)
    print(f"recorder: {cost:.3f} of the CPU time without (goal {_RECORDER_GOAL})")
    print(f"to the first line: {share:.2f} of a cold bare QEMU's (goal {_SAVED_GOAL})")
    print(f"the same under Secure Boot: {secured:.2f} (goal {_SECURE_GOAL})")
    met = cost <= _RECORDER_GOAL and share <= _SAVED_GOAL and secured <= _SECURE_GOAL
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
