"""Every disk fault on every interface, and on media of other sectors, with the one cause that it
must give.

Run as a program it boots them all, RUNS times each, and prints the table.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from bootharness.diagnosis import Judgement, judge
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import OPTIONS, BootPlan, choose
from bootharness.trace.boot_trace import BootTrace
from tests.support.media import floppy, grub_cd, iso, large_sectors, run, stick, syslinux_config

__all__ = ["MEDIA", "Case", "boot_case", "cases", "wrong"]

INTERFACES = OPTIONS["disk_interface"].choices
SOURCE = "selfcheck:1000000"
"""On its disk the kernel lies in LBA 2,052 to 4,014."""
GRUB_CONFIG = "linux16 /vmlinuz console=ttyS0,115200\nboot\n"
KERNEL_BYTES = 200_000


def _qcow2(path: Path, kernel: Path) -> Path:
    table = "start=2048, type=c, bootable\n"
    raw = stick(path.with_suffix(".raw"), kernel, syslinux_config(), table=table)
    run("qemu-img", "convert", "-O", "qcow2", raw, path)
    return path


MEDIA: dict[str, tuple[int, Callable[[Path, Path], Path]]] = {
    "isolinux": (2048, lambda path, kernel: iso(path, kernel, syslinux_config())),
    "grub-cd": (2048, lambda path, kernel: grub_cd(path, kernel, GRUB_CONFIG)),
    "floppy": (512, lambda path, kernel: floppy(path, kernel, syslinux_config())),
    "qcow2": (512, _qcow2),
    "4kn": (4096, lambda path, _: large_sectors(path, 5)),
}
"""Media that people make, with the size of their sectors; each with a kernel, but the last."""

# fault, its cause (None is a boot that gets over it), and what a warning says
_ROWS: tuple[tuple[str, str | None, str], ...] = (
    ("error:lba=0", "disk-read-failed", ""),
    ("error:lba=3000", "disk-read-failed", ""),
    ("error:lba=3000,times=5", "disk-read-failed", ""),
    ("error:lba=3000,times=2", None, "127 sectors at LBA 2,950, drive 0x80, failed with AH=0ch"),
    ("error:lba=2,times=1", None, "did nothing: sector 2 was not read"),
    ("slow:rate=500000", None, ""),
    ("slow:iops=200", None, ""),
    ("vanish:after=read:5", "disk-vanished", ""),
    ("vanish:after=move:3", "disk-vanished", ""),
    ("vanish:after=setup-entered", None, "did nothing: it was not read any more after that"),
    ("cut:bytes=1500000", "disk-cut-short", ""),
    ("hang:lba=3000", "disk-no-answer", ""),
    ("hang:lba=0", "disk-no-answer", ""),
    ("flip:lba=3000,byte=7", "payload-corrupt", ""),
    ("flip:lba=2053,byte=100", "setup-corrupt", ""),
)
# {} is a sector of the kernel on that medium
_MEDIA_ROWS: tuple[tuple[str, str, str | None, str], ...] = (
    ("isolinux", "error:lba={}", "disk-read-failed", ""),
    ("isolinux", "error:lba={},times=1", None, "drive 0xe0, failed with AH=0ch"),
    ("isolinux", "vanish:after=read:10", "disk-vanished", ""),
    ("isolinux", "cut:bytes=262144", "disk-cut-short", ""),
    ("isolinux", "hang:lba={}", "disk-no-answer", ""),
    ("isolinux", "flip:lba={},byte=9", "payload-corrupt", ""),
    ("grub-cd", "error:lba={}", "disk-read-failed", ""),
    ("grub-cd", "cut:bytes=300000", "disk-cut-short", ""),
    ("floppy", "hang:lba={}", "disk-no-answer", ""),
    ("floppy", "flip:lba={},byte=9", "payload-corrupt", ""),
    ("qcow2", "error:lba={}", "disk-read-failed", ""),
    ("qcow2", "vanish:after=read:15", "disk-vanished", ""),
    ("qcow2", "cut:bytes=1700000", "disk-cut-short", ""),
    ("qcow2", "hang:lba={}", "disk-no-answer", ""),
    ("qcow2", "flip:lba={},byte=9", "payload-corrupt", ""),
    ("4kn", "error:lba=5", "disk-read-failed", ""),
    ("4kn", "vanish:after=read:1", "disk-vanished", ""),
    ("4kn", "hang:lba=5", "disk-no-answer", ""),
)


class Case(Struct, frozen=True):
    """One fault of one medium, or of our own disk on one interface."""

    fault: str
    medium: str
    cause: str | None
    warning: str

    def __str__(self) -> str:
        return f"{self.medium}-{self.fault}"


def cases() -> Iterator[Case]:
    """Yield every case."""
    for fault, cause, warning in _ROWS:
        for interface in INTERFACES:
            yield Case(fault, interface, cause, warning)
    for medium, fault, cause, warning in _MEDIA_ROWS:
        yield Case(fault, medium, cause, warning)


def boot_case(case: Case, folder: Path) -> BootTrace:
    """Boot a case; its medium is made in a folder, where it is not there yet."""
    if case.medium in INTERFACES:
        choices = {"disk_faults": [case.fault], "disk_interface": case.medium}
        return boot(SOURCE, choose(BootPlan(until="init"), choices))
    sector_bytes, make = MEDIA[case.medium]
    path = folder / case.medium
    kernel = fetch(f"selfcheck:{KERNEL_BYTES}").path
    if not path.exists():
        make(path, kernel)
    fault = case.fault.format(_in_kernel(path, kernel, sector_bytes))
    plan = BootPlan(route="disk", until="banner", idle_s=3)
    return boot(str(path), choose(plan, {"disk_faults": [fault]}))


def _in_kernel(path: Path, kernel: Path, sector_bytes: int) -> int:
    """Return a sector in the middle of the kernel on a medium, 0 where there is none."""
    raw = path.with_suffix(".raw")
    at = (raw if raw.exists() else path).read_bytes().find(kernel.read_bytes()[:4096])
    return (at + KERNEL_BYTES // 2) // sector_bytes if at >= 0 else 0


def wrong(case: Case, judgement: Judgement) -> str:
    """Say what is not as it must be, empty where all is."""
    if judgement.cause != case.cause:
        return f"wanted {case.cause or 'good'}: {judgement.summary}"
    if case.warning and not any(case.warning in each for each in judgement.warnings):
        return f"no warning says {case.warning!r}: {judgement.warnings}"
    if not case.warning and judgement.warnings and case.cause is None:
        return f"a warning: {judgement.warnings}"
    return ""


def main() -> int:
    """Boot all cases, or those whose name contains each word that is given, and print the table."""
    runs = int(os.environ.get("RUNS", "1"))
    wanted = [case for case in cases() if all(word in str(case) for word in sys.argv[1:])]
    folder = Path(tempfile.mkdtemp())
    failed = 0
    for case in wanted:
        said, seconds = [], []
        for _ in range(runs):
            trace = boot_case(case, folder)
            said += filter(None, [wrong(case, judge(trace))])
            seconds.append(trace.ending.seconds)
        failed += bool(said)
        print(
            f"{'FAIL' if said else 'ok  '} {case.medium:9} {case.fault:27} "
            f"{case.cause or 'boots':17} {runs - len(said)} of {runs}, "
            f"{min(seconds):.2f} to {max(seconds):.2f} s",
            flush=True,
        )
        for each in dict.fromkeys(said):
            print(f"     {each}", flush=True)
    shutil.rmtree(folder)
    print(f"{len(wanted) - failed} of {len(wanted)} as they must be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
