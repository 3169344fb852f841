"""QEMU of another Debian release: unpacked with its firmware and the libraries that it needs, and
not installed. It lies in the virtual environment, where the user can read it whom QEMU runs as.

`python -m tests.support.other_qemu trixie` prints its path, for `make bench-back QEMU=...`.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from bootharness.errors import LaunchFailed, ToolMissing
from bootharness.host.cache import alone_in
from bootharness.host.tool import DEBIAN_KEYRING

__all__ = ["qemu_of"]

_PACKAGE, _NAME = "qemu-system-x86", "qemu-system-i386"
_MAKE_S = 600
_FIRMWARE = ("share/qemu", "share/seabios", "lib/ipxe/qemu")
_LIBRARIES = ("lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu/pulseaudio")
_LINKER = "lib64/ld-linux-x86-64.so.2"


def qemu_of(suite: str) -> str:
    """Return the program that starts a release's QEMU, kept or made now.

    It is run by that release's own dynamic linker: this one's C library may be older. Raises
    ToolMissing without mmdebstrap, and LaunchFailed where it cannot be made.
    """
    folder = Path(sys.prefix) / "other-qemu" / suite
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / _NAME
    with alone_in(folder, _MAKE_S):
        if not program.exists():
            usr = folder / "root/usr"
            if not (usr / "bin" / _NAME).exists():
                _unpack(folder / "root", suite)
            libraries = ":".join(str(usr / each) for each in _LIBRARIES)
            firmware = " ".join(f"-L {usr / each}" for each in _FIRMWARE)
            program.write_text(
                f"#!/bin/sh\nexec {usr / _LINKER} --library-path {libraries} "
                f'{usr / "bin" / _NAME} {firmware} "$@"\n'
            )
            program.chmod(0o755)
    return str(program)


def _unpack(root: Path, suite: str) -> None:
    """Unpack the package and all that it depends on; none of their programs is run."""
    DEBIAN_KEYRING.check()
    shutil.rmtree(root, ignore_errors=True)
    words = [
        "mmdebstrap", "--variant=extract", f"--include={_PACKAGE}",
        f"--keyring={DEBIAN_KEYRING.name}", "--dpkgopt=path-exclude=/usr/share/doc/*", suite,
        str(root),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=_MAKE_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        raise ToolMissing("mmdebstrap is not here, which unpacks another release's QEMU") from None
    except subprocess.TimeoutExpired:
        raise LaunchFailed(f"QEMU of {suite}: not unpacked within {_MAKE_S} s") from None
    if done.returncode:
        raise LaunchFailed(f"QEMU of {suite} cannot be unpacked: {done.stderr.strip()[-300:]}")


if __name__ == "__main__":
    print(qemu_of(sys.argv[1]))
