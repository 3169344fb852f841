"""Every boot loader and bootable image that Debian packages, booted as the media they are shipped as.

`make zoo`, which is `python -m tests.support.zoo FOLDER [ROW...]`:

    FOLDER/packages   what is not installed here, downloaded by apt and unpacked
    FOLDER/media      what was made of it

A new one is a line of `ROWS`. A row is right when it comes to what it says.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from bootharness.diagnosis import Judgement, judge
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.routes.table import by_what_is_given
from bootharness.trace.boot_trace import BootTrace
from tests.support.media import run

__all__ = ["ROWS", "Packages", "Row", "booted", "main"]

_LIMIT_S = 120.0


class Packages(Struct, frozen=True):
    """What Debian's packages have; those that are not installed are kept in a folder."""

    folder: Path

    def file(self, package: str, path: str) -> Path:
        """Return a file of a package."""
        installed = Path("/", path)
        if installed.exists():
            return installed
        unpacked = self.folder / "packages" / package
        if not unpacked.is_dir():
            made = unpacked.with_suffix(".new")
            made.mkdir(parents=True, exist_ok=True)
            subprocess.run(["apt-get", "download", "-q", package], cwd=made, check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip
            [deb] = made.glob("*.deb")
            run("dpkg-deb", "-x", deb, made)
            deb.unlink()
            made.rename(unpacked)
        return unpacked / path

    def medium(self, name: str) -> Path:
        """Return where a medium is to be made, of which nothing is there."""
        path = self.folder / "media" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        return path


class Row(Struct, frozen=True):
    """What is booted, and what must come of it: a cause, or none for a good boot; words of the
    sentence, and the milestones that it must have reached.

    ``choices`` are a person's, named as a plan's fields.
    """

    name: str
    make: Callable[[Packages], Path]
    cause: str | None = None
    says: str = ""
    reached: tuple[str, ...] = ()
    choices: dict[str, Any] = {}


def shipped(package: str, path: str) -> Callable[[Packages], Path]:
    """Return what gives a package's own file."""
    return lambda packages: packages.file(package, path)


_MEMTEST = {"until_screen": r"Memtest86\+"}

ROWS = (
    Row("memtest86+ CD", shipped("memtest86+", "usr/lib/memtest86+/memtest86+x64.iso"),
        choices=_MEMTEST),
    Row("memtest86+ i386 CD", shipped("memtest86+", "usr/lib/memtest86+/memtest86+ia32.iso"),
        choices=_MEMTEST),
    Row("memtest86+ kernel", shipped("memtest86+", "boot/memtest86+x64.bin"),
        choices=_MEMTEST),
    Row("iPXE CD", shipped("ipxe", "usr/lib/ipxe/ipxe.iso"),
        choices={"until_screen": "iPXE 1"}),
    Row("iPXE kernel", shipped("ipxe", "boot/ipxe.lkrn"),
        choices={"until_screen": "iPXE 1"}),
    Row("GRUB rescue CD", shipped("grub-rescue-pc", "usr/lib/grub-rescue/grub-rescue-cdrom.iso"),
        choices={"until_screen": "grub>"}),
    Row("GRUB rescue floppy", shipped("grub-rescue-pc", "usr/lib/grub-rescue/grub-rescue-floppy.img"),
        choices={"until_screen": "grub>"}),
)  # fmt: skip


def booted(row: Row, packages: Packages) -> tuple[BootTrace, Judgement]:
    """Boot what a row is about, as what it is."""
    source = str(row.make(packages))
    plan = choose(BootPlan(), {"timeout_s": _LIMIT_S, **row.choices})
    trace = boot(source, by_what_is_given(plan, [source]))
    return trace, judge(trace)


def wrong(row: Row, trace: BootTrace, judgement: Judgement) -> str:
    """Return what is not as the row says, empty where all is."""
    said = " ".join((judgement.summary, *judgement.warnings))
    if judgement.cause != row.cause:
        return f"must be {row.cause or 'good'}"
    if row.says not in said:
        return f"must say {row.says!r}"
    missed = [name for name in row.reached if not trace.reached(name)]
    return f"must reach {', '.join(missed)}" if missed else ""


def main(folder: str, *names: str) -> int:
    """Boot the rows, print what came of each, and return the exit status."""
    packages = Packages(Path(folder).absolute())
    chosen = [each for each in ROWS if not names or each.name in names]
    failed = 0
    for row in chosen:
        trace, judgement = booted(row, packages)
        if bad := wrong(row, trace, judgement):
            failed += 1
        points = ", ".join(f"{each.name} {each.seconds:.1f}" for each in trace.milestones)
        line = f"{judgement.cause or 'good'}: {judgement.summary}"
        if judgement.warnings:
            line += f" (warning: {'; '.join(judgement.warnings)})"
        line = re.sub(r"\s+", " ", line)
        print(f"{'WRONG' if bad else 'right'}  {row.name}, {trace.ending.seconds:.1f} s: {line}")
        print(f"       {points}", flush=True)
        if bad:
            print(f"       {bad}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} as they must be")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
