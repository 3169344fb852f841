"""Faults of stage1 made at one instruction, and whether the recording's answer names that one.

Run as a program it boots them all, or those with each word of the command line in their names, and
prints the table; with ``--emulated`` it walks through them in the emulator, which takes a minute.
Instructions that were left out are no part of it: none is there to be named.
"""

import sys
import tempfile
from collections import Counter
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
from bootharness.recording.telling import told
from bootharness.routes.loader import ORIGIN, Loader
from bootharness.routes.mbr import lay_out
from bootharness.trace.backwards import Origin
from tests.mutants.mutate import Mutant, mutants
from tests.support.boots import boot_through
from tests.support.emulated_steps import Walked, walked

__all__ = ["KNOWN", "back", "cases", "emulated", "names", "none_to_name"]

_SOURCE, _CODE_END = "mbr/stage1.asm", "message"
_PAYLOAD = 130_064
_LEAST = 80
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


def none_to_name(mutant: Mutant, boot: Walked) -> str:
    """Return why no boot can show that this instruction is guilty, empty where one may.

    What is executed may be named: by what it writes, by what it compares, by where it goes. So
    there is one reason alone. Of a store too few nothing is here, for nothing was left out.
    """
    executed = {step.cpu.linear for step in boot.steps}
    before, after = Loader.stage1().binary, mutant.loader.binary
    end = ORIGIN + max(at for at in range(len(before)) if before[at] != after[at])
    return "" if executed & set(range(mutant.address, end + 1)) else "it was never executed"


def emulated(mutant: Mutant) -> tuple[str | None, Origin | None, str]:
    """Walk through a mutant's boot in the emulator; return its cause, what its recording would
    tell, and why nobody can be named."""
    kernel = KernelImage.read(selfcheck_kernel(_PAYLOAD))
    boot = walked(lay_out(kernel, mutant.loader, _PLAN))
    cause = judge(boot.trace).cause
    found = boot.searched(cause) if cause else None
    origin = told(found, mutant.loader) if found else None
    return cause, origin, none_to_name(mutant, boot)


def main(words: list[str]) -> int:
    """Print for each case whether the changed instruction is named."""
    in_emulator = "--emulated" in words
    words = [word for word in words if word != "--emulated"]
    marks: Counter[str] = Counter()
    for mutant in cases():
        if not all(word in mutant.name for word in words):
            continue
        cause, origin, nobody = emulated(mutant)
        if not in_emulator:
            with tempfile.TemporaryDirectory() as folder:
                cause, origin = back(mutant, Path(folder))
        told_of = origin is not None and origin.guilty is not None
        mark = "right" if names(origin, mutant) else "OTHER" if told_of else "none"
        if mark == "none" and nobody:
            mark = "nobody"
        marks[mark] += 1
        print(f"{mark:6} {cause}  {mutant.name}", flush=True)
        print(f"       {origin.sentence if origin else nobody or 'nothing is found'}", flush=True)
    print(
        f"{marks['right']} of {marks.total()} named, of {marks['OTHER']} another, of "
        f"{marks['none']} none, of {marks['nobody']} there is none to be named"
    )
    return 1 if marks["OTHER"] or (marks["right"] < _LEAST and not words) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
