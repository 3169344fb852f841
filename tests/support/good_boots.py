"""Boots that have to be good, on a host that is busy.

Kernels by every route, with the command lines, cards, disks and initrds that people have.

`python -m tests.support.good_boots [BOOTS [SEED]]` boots so many of them, which chance chooses, or
all; beside busy loops. A BAD or a SKIP is a defect of ours.
"""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.host.rights import command
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.routes.table import ROUTES
from bootharness.trace.boot_trace import Ending

__all__ = ["Row", "rows", "run"]

AT_ONCE = 2
BUSY_LOOPS = 2
LIMIT_S = 300.0
PROGRESS_EVERY = 25
LARGE_INITRD_BYTES = 300 << 20

SYNTHETIC = "selfcheck:3000000"
CLOUD = tuple(f"deb:linux-image-cloud-amd64/{suite}" for suite in ("bookworm", "trixie"))
LARGE = ("deb:linux-image-amd64/bookworm", "deb:linux-image-rt-amd64/bookworm")
NARROW = "deb:linux-image-686-pae:i386/bookworm"
KERNELS = (SYNTHETIC, *CLOUD, *LARGE, NARROW)
# those that bring a kernel that is given, and not what somebody has beside it
WITH_KERNEL = tuple(name for name, route in ROUTES.items() if "cmdline" in route.takes)
UEFI = tuple(name for name in WITH_KERNEL if ROUTES[name].firmware == "uefi")
BY_BIOS = tuple(name for name in WITH_KERNEL if name not in UEFI)
CMDLINES = (
    "console=ttyS0,115200 quiet",
    "console=tty0 no_timer_check",
    "console=ttyS0 loglevel=3 no_timer_check",
    "console=ttyS0 panic=-1",
)


class Row(Struct, frozen=True):
    """A boot that has to be good."""

    kernel: str
    options: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.kernel} {' '.join(f'{name}={self.options[name]}' for name in self.options)}"


def rows(large_initrd: Path) -> Iterator[Row]:
    """Yield all boots."""
    for kernel in KERNELS:
        linux, wide = kernel != SYNTHETIC, kernel not in (SYNTHETIC, NARROW)
        for route in (*BY_BIOS, *(UEFI if wide else ())):
            yield Row(kernel, {"route": route})
            for cmdline in CMDLINES if linux else ():
                yield Row(kernel, {"route": route, "cmdline": cmdline})
        for interface in ("ide", "virtio", "nvme"):
            yield Row(kernel, {"route": "mbr", "disk_interface": interface})
        for nic in ("e1000", "rtl8139"):
            for route in ("pxelinux", "ipxe", "undionly"):
                yield Row(kernel, {"route": route, "nic": nic})
        for route in ("mbr", "grub", "direct"):
            yield Row(kernel, {"route": route, "memory_mib": 2048})
            if wide:
                large = {"initrd": large_initrd, "memory_mib": 2048, "until": "banner"}
                yield Row(kernel, {"route": route, **large})


def run(row: Row) -> tuple[Judgement, Ending]:
    """Boot a row, and return what was judged of it and how it ended."""
    until = "setup" if row.kernel == SYNTHETIC else "init"
    plan = choose(BootPlan(until=until, timeout_s=LIMIT_S), row.options)
    trace = boot(row.kernel, plan)
    return judge(trace), trace.ending


@contextmanager
def _busy(loops: int) -> Iterator[None]:
    running = [
        subprocess.Popen(command([sys.executable, "-c", "while True: pass"])) for _ in range(loops)
    ]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def main() -> int:
    """Boot and say what is not good."""
    with TemporaryDirectory() as folder, _busy(BUSY_LOOPS):
        initrd = Path(folder) / "large.img"
        with initrd.open("wb") as file:
            file.truncate(LARGE_INITRD_BYTES)
        chosen = list(rows(initrd))
        if len(sys.argv) > 1:
            seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
            chosen = random.Random(seed).sample(chosen, min(int(sys.argv[1]), len(chosen)))
        bad = 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            boots = zip(chosen, pool.map(run, chosen), strict=True)
            for number, (row, (judgement, ending)) in enumerate(boots, 1):
                if not number % PROGRESS_EVERY:
                    print(f"{number} of {len(chosen)} boots done, {bad} not good", flush=True)
                if judgement.verdict is not Verdict.GOOD:
                    bad += 1
                    ended = f"{ending.kind} after {ending.seconds:.1f} s"
                    said = f"{judgement.verdict.name} {row}\n     {judgement.summary}\n     {ended}"
                    print(said, flush=True)
        load = ", ".join(f"{each:.0f}" for each in os.getloadavg())
        print(f"{len(chosen) - bad} of {len(chosen)} good, with a load of {load}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
