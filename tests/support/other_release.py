"""A program of another Debian release: unpacked with all that it depends on, and not installed. It
lies in the virtual environment, where the user can read it whom QEMU runs as.

`python -m tests.support.other_release trixie qemu` prints its path, for `make bench-back QEMU=...`;
gdb is the other one.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from msgspec import Struct

from bootharness.errors import LaunchFailed, ToolMissing
from bootharness.host.cache import alone_in
from bootharness.host.tool import DEBIAN_KEYRING

__all__ = ["gdb_of", "qemu_of"]

_MAKE_S = 600
_LIBRARIES = ("lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu/pulseaudio")
_LINKER = "lib64/ld-linux-x86-64.so.2"


class _Program(Struct, frozen=True):
    """A program, the package that brings it, and the words that tell it where its files are: below
    ``{usr}``."""

    name: str
    package: str
    words: str


_PROGRAMS = {
    "qemu": _Program(
        "qemu-system-i386",
        "qemu-system-x86",
        "-L {usr}/share/qemu -L {usr}/share/seabios -L {usr}/lib/ipxe/qemu",
    ),
    "gdb": _Program("gdb", "gdb", "--data-directory={usr}/share/gdb"),
}


def qemu_of(suite: str) -> str:
    """Return the program that starts a release's QEMU, as `_program_of` does."""
    return _program_of(suite, "qemu")


def gdb_of(suite: str) -> str:
    """Return the program that starts a release's gdb, as `_program_of` does."""
    return _program_of(suite, "gdb")


def _program_of(suite: str, what: str) -> str:
    """Return what starts a release's program, kept or made now.

    It is run by that release's own dynamic linker: this one's C library may be older. Raises
    ToolMissing without mmdebstrap, and LaunchFailed where it cannot be made.
    """
    wanted = _PROGRAMS[what]
    folder = Path(sys.prefix) / f"other-{what}" / suite
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / wanted.name
    with alone_in(folder, _MAKE_S):
        if not program.exists():
            usr = folder / "root/usr"
            if not (usr / "bin" / wanted.name).exists():
                _unpack(folder / "root", suite, wanted)
            libraries = ":".join(str(usr / each) for each in _LIBRARIES)
            program.write_text(
                f"#!/bin/sh\nexec {usr / _LINKER} --library-path {libraries} "
                f'{usr / "bin" / wanted.name} {wanted.words.format(usr=usr)} "$@"\n'
            )
            program.chmod(0o755)
    return str(program)


def _unpack(root: Path, suite: str, wanted: _Program) -> None:
    """Unpack the package and all that it depends on; none of their programs is run."""
    DEBIAN_KEYRING.check()
    shutil.rmtree(root, ignore_errors=True)
    words = [
        "mmdebstrap", "--variant=extract", f"--include={wanted.package}",
        f"--keyring={DEBIAN_KEYRING.name}", "--dpkgopt=path-exclude=/usr/share/doc/*", suite,
        str(root),
    ]  # fmt: skip
    what = f"{wanted.name} of {suite}"
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=_MAKE_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        raise ToolMissing(f"mmdebstrap is not here, which unpacks {what}") from None
    except subprocess.TimeoutExpired:
        raise LaunchFailed(f"{what}: not unpacked within {_MAKE_S} s") from None
    if done.returncode:
        raise LaunchFailed(f"{what} cannot be unpacked: {done.stderr.strip()[-300:]}")


if __name__ == "__main__":
    print(_program_of(sys.argv[1], sys.argv[2]))
