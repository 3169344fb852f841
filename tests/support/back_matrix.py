"""Faults of stage1 made at one instruction, and whether the recording's answer names that one.

Run as a program it boots them all, or those with each word of the command line in their names, and
prints the table. Instructions that were left out are no part of it: none is there to be named.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.host.assembler import shipped
from bootharness.kernels.image import KernelImage
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.plan import BootPlan
from bootharness.predictor.predict import predict_disk
from bootharness.recording.fields import FOLLOWED
from bootharness.routes.loader import ORIGIN, Loader
from bootharness.routes.mbr import lay_out
from bootharness.trace.backwards import Origin
from tests.mutants.mutate import Mutant, mutants
from tests.support.boots import boot_through

__all__ = ["KNOWN", "back", "cases", "names"]

_SOURCE, _CODE_END = "mbr/stage1.asm", "message"
_PAYLOAD = 130_064
_LEAST = 25
_PLAN = BootPlan(until="setup", idle_s=2.0, timeout_s=600)

KNOWN = (
    "mov edi, HIGH_MEMORY: 0x100000 becomes 0x100001",
    "add edi, ecx: 16 bits instead of 32",
    "mov sp, HEAP_END: 0xe000 becomes 0x0",
)
"""Of each kind one that `make test` boots: a constant, an operation, a register."""


def cases() -> Iterator[Mutant]:
    """Yield the changes of an instruction by which a boot is bad for a cause that is followed."""
    kernel = KernelImage.read(selfcheck_kernel(_PAYLOAD))
    for mutant in mutants(Loader.stage1(), shipped(_SOURCE), end=_CODE_END):
        if mutant.change == "dropped":
            continue
        if judge(predict_disk(lay_out(kernel, mutant.loader, _PLAN))).cause in FOLLOWED:
            yield mutant


def back(mutant: Mutant, folder: Path) -> tuple[str | None, Origin | None]:
    """Boot a mutant and keep it; return its cause, and what its recording has told."""
    kernel = KernelImage.read(selfcheck_kernel(_PAYLOAD))
    trace = boot_through(replace(mutant.loader, name="mutant"), kernel, _PLAN, keep=folder)
    return judge(trace).cause, trace.recorded.origin if trace.recorded else None


def names(origin: Origin | None, mutant: Mutant) -> bool:
    """Return whether the guilty instruction is the changed one, which may begin with a NOP now."""
    before, after = Loader.stage1().binary, mutant.loader.binary
    changed = [
        at for at, (one, other) in enumerate(zip(before, after, strict=True)) if one != other
    ]
    guilty = origin.guilty if origin else None
    return guilty is not None and mutant.address <= guilty.address <= ORIGIN + changed[-1] + 1


def main(words: list[str]) -> int:
    """Print for each case whether the changed instruction is named."""
    right = total = other = 0
    for mutant in cases():
        if not all(word in mutant.name for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            cause, origin = back(mutant, Path(folder))
        total += 1
        told = origin is not None and origin.guilty is not None
        named = names(origin, mutant)
        right += named
        other += told and not named
        mark = "ok   " if named else "OTHER" if told else "none "
        print(f"{mark} {cause}  {mutant.name}", flush=True)
        print(f"     {origin.sentence if origin else 'nothing is followed'}", flush=True)
    print(f"{right} of {total} named, of {other} another, of {total - right - other} none")
    return 1 if right < _LEAST and not words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
