"""Every disk fault on every interface, and on media of other sectors, with the one cause that it
must give.

Run as a program it boots them all, RUNS times each, and prints the table.
"""

import os
import sys
from collections.abc import Iterator

from msgspec import Struct

from bootharness.diagnosis import Judgement, judge
from bootharness.one_boot import boot
from bootharness.plan import OPTIONS, BootPlan, choose
from bootharness.trace.boot_trace import BootTrace

__all__ = ["Case", "cases", "run", "wrong"]

INTERFACES = OPTIONS["disk_interface"].choices
SOURCE = "selfcheck:1000000"
"""On its disk the kernel lies in LBA 2,052 to 4,014."""

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
# what is on a medium of somebody's is found by its boot manager: sectors are of 2,048 and 4,096 bytes
_MEDIA_ROWS: tuple[tuple[str, str, str | None, str], ...] = (
    ("isolinux", "error:lba=300", "disk-read-failed", ""),
)


class Case(Struct, frozen=True):
    """One fault of one medium."""

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


def run(case: Case) -> BootTrace:
    """Boot a case."""
    plan = choose(BootPlan(until="init"), {"disk_faults": [case.fault],
                                           "disk_interface": case.medium})  # fmt: skip
    return boot(SOURCE, plan)


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
    failed = 0
    for case in wanted:
        said, seconds = [], []
        for _ in range(runs):
            trace = run(case)
            said += filter(None, [wrong(case, judge(trace))])
            seconds.append(trace.ending.seconds)
        failed += bool(said)
        print(
            f"{'FAIL' if said else 'ok  '} {case.medium:10} {case.fault:30} "
            f"{case.cause or 'boots':17} {runs - len(said)} of {runs}, "
            f"{min(seconds):.2f} to {max(seconds):.2f} s",
            flush=True,
        )
        for each in dict.fromkeys(said):
            print(f"     {each}", flush=True)
    print(f"{len(wanted) - failed} of {len(wanted)} as they must be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
