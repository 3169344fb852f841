"""Loaders of other styles than stage1's, each with one mistake, and whether its recording names the
instruction that is marked as the guilty one.

Run as a program it boots them all, or those with each word of the command line in their names, and
prints the table; with ``--emulated`` it walks through them in the emulator.
"""

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from bootharness.diagnosis import judge
from bootharness.kernels.image import KernelImage
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.plan import BootPlan
from bootharness.recording.telling import told
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out
from bootharness.trace.backwards import Origin
from tests.support.boots import boot_through
from tests.support.emulated_steps import walked

__all__ = ["MISTAKES", "Mistake", "emulated", "names", "recorded"]

_FOLDER = Path(__file__).parent / "loaders/guilty"
_PAYLOAD, _LARGE = 130_064, 17_000_000
_PLAN = BootPlan(until="setup", idle_s=2.0, timeout_s=600)
_MARK = re.compile(r"^%ifdef (M_\w+)\n(.*?); guilty", re.MULTILINE)


class Mistake(Struct, frozen=True):
    """A loader's file, what is defined to have its mistake, and the line that is guilty then."""

    file: str
    define: str
    line: int

    @property
    def name(self) -> str:
        """Both in one."""
        return f"{self.file}: {self.define}"

    def loader(self, folder: Path) -> Loader:
        """Return the loader with the mistake, written to a folder."""
        path = folder / f"{self.define}.asm"
        path.write_text(f"%define {self.define}\n{(_FOLDER / self.file).read_text()}")
        return Loader.read(path)

    @property
    def kernel(self) -> KernelImage:
        """The kernel that it is to load: some mistakes show in a large one alone."""
        large = self.define == "M_SIGNED"
        return KernelImage.read(selfcheck_kernel(_LARGE if large else _PAYLOAD))


def _mistakes() -> Iterator[Mistake]:
    for path in sorted(_FOLDER.glob("*.asm")):
        text = path.read_text()
        for found in _MARK.finditer(text):
            line = text.count("\n", 0, found.start(2)) + 2  # behind the line that defines it
            yield Mistake(path.name, found[1], line)


MISTAKES = tuple(_mistakes())


def names(origin: Origin | None, mistake: Mistake, loader: Loader) -> bool:
    """Return whether the guilty instruction is on the line that is marked: where it was assembled,
    or where the loader has moved itself to."""
    guilty = origin.guilty if origin else None
    if guilty is None or loader.source is None:
        return False
    return guilty.source.startswith(f"{loader.source.name}:{mistake.line}:")


def recorded(mistake: Mistake, loader: Loader, folder: Path) -> tuple[str | None, Origin | None]:
    """Boot it and keep it; return its cause, and what its recording has told."""
    trace = boot_through(loader, mistake.kernel, _PLAN, keep=folder)
    return judge(trace).cause, trace.recorded.origin if trace.recorded else None


def emulated(mistake: Mistake, loader: Loader) -> tuple[str | None, Origin | None]:
    """Walk through its boot in the emulator; return its cause, and what a recording would tell."""
    boot = walked(lay_out(mistake.kernel, loader, _PLAN))
    cause = judge(boot.trace).cause
    found = boot.searched(cause) if cause else None
    return cause, told(found, loader) if found else None


def main(words: list[str]) -> int:
    """Print for each mistake whether its instruction is named."""
    in_emulator = "--emulated" in words
    words = [word for word in words if word != "--emulated"]
    marks: Counter[str] = Counter()
    for mistake in MISTAKES:
        if not all(word in mistake.name for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as keep:
            loader = mistake.loader(Path(folder))
            if in_emulator:
                cause, origin = emulated(mistake, loader)
            else:
                cause, origin = recorded(mistake, loader, Path(keep))
        told_of = origin is not None and origin.guilty is not None
        mark = "right" if names(origin, mistake, loader) else "OTHER" if told_of else "none"
        marks[mark] += 1
        print(f"{mark:6} {cause}  {mistake.name}", flush=True)
        print(f"       {origin.sentence if origin else 'nothing is found'}", flush=True)
    print(f"{marks['right']} of {marks.total()} named, of {marks['OTHER']} another, of "
          f"{marks['none']} none")  # fmt: skip
    return 1 if marks["OTHER"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
