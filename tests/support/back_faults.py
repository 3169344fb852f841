"""The faults of loaders, recorded and gone back in: whether the instruction is named that was put
in.

Run as a program it boots them all, or those with each word of the command line in their names, and
prints the table.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from bootharness.diagnosis import judge
from bootharness.trace.backwards import Origin
from bootharness.trace.boot_trace import BootTrace
from tests.support.faults import (
    ENDING_FAULTS,
    LOADER_FAULTS,
    MBR_FAULTS,
    PLAIN_FAULTS,
    Fault,
    patient,
    run,
)

__all__ = ["BACK_FAULTS", "UNRECORDED", "back_in", "mark_of"]

BACK_FAULTS = tuple(
    fault
    for fault in (*MBR_FAULTS, *LOADER_FAULTS, *PLAIN_FAULTS, *ENDING_FAULTS)
    if fault.cause is not None
)
UNRECORDED = ("ACPI suspend",)
"""QEMU does not play a machine that sleeps."""
_LEAST = 25


def back_in(fault: Fault, folder: Path) -> BootTrace:
    """Boot a fault, and keep it."""
    keep = folder / "kept"
    keep.mkdir()
    return run(patient(fault), folder, keep=keep)


def mark_of(fault: Fault, origin: Origin | None) -> str:
    """Return how an answer is: ``right``, ``OTHER`` for an innocent instruction, ``none`` where one
    of them is guilty, ``nobody`` where there is none to be named, or ``unrecorded``."""
    guilty = origin.guilty if origin else None
    if guilty is None:
        unrecorded = fault.name in UNRECORDED
        return "unrecorded" if unrecorded else "none" if fault.guilty else "nobody"
    named = guilty.instruction, guilty.source.partition(": ")[2]
    right = any(each.startswith(piece) for each in named for piece in fault.guilty)
    return "right" if right else "OTHER"


def main(words: list[str]) -> int:
    """Print for each fault whether its instruction is named."""
    marks: Counter[str] = Counter()
    for fault in BACK_FAULTS:
        if not all(word in fault.name for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            trace = back_in(fault, Path(folder))
        origin = trace.recorded.origin if trace.recorded else None
        mark = mark_of(fault, origin)
        marks[mark] += 1
        missing = trace.post_mortem.missing if trace.post_mortem else ()
        told = origin.sentence if origin else "; ".join(missing) or "nothing is found"
        print(f"{mark:10} {judge(trace).cause}  {fault.name}", flush=True)
        print(f"           {told}", flush=True)
    print(
        f"{marks['right']} of {marks.total()} named, of {marks['OTHER']} another, of "
        f"{marks['none']} none, of {marks['nobody']} there is none to be named, "
        f"{marks['unrecorded']} cannot be recorded"
    )
    return 1 if marks["OTHER"] or marks["none"] or (marks["right"] < _LEAST and not words) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
