"""The programs that the harness calls: which are here, and which package brings them."""

import re
import shutil
import subprocess

from msgspec import Struct

from bootharness.host.accelerator import kvm
from bootharness.host.rights import why_no_own_user

__all__ = ["Tool", "accelerator", "isolation", "tools"]

_NEEDED = (
    ("qemu-system-x86_64", "qemu-system-x86", "boots 64-bit kernels", True),
    ("qemu-system-i386", "qemu-system-x86", "boots 32-bit kernels", True),
    ("nasm", "nasm", "assembles the loader and the recorder", True),
    ("ld", "binutils", "links the loader, with symbols", True),
    ("setpriv", "util-linux", "fewer rights for QEMU, and its end with ours", False),
    ("gdb", "gdb", "the gdb tracer and debugging", True),
    ("dpkg-deb", "dpkg", "kernels out of deb: packages", False),
    ("apt-get", "apt", "kernels out of deb: packages", False),
    ("git", "git", "bisect git", False),
    ("mmdebstrap", "mmdebstrap", "toolchain add", False),
    ("bwrap", "bubblewrap", "builds by a toolchain of its own", False),
    ("grub-mkimage", "grub-common", "--route grub, with grub-pc-bin", False),
    ("chromium", "chromium", "the project's own tests", False),
    ("dnsmasq", "dnsmasq-base", "make bench-net, and the project's own tests", False),
    ("ip", "iproute2", "make bench-net, and the project's own tests", False),
    ("sfdisk", "fdisk", "the project's own tests", False),
    ("qemu-img", "qemu-utils", "the project's own tests", False),
)


class Tool(Struct, frozen=True):
    """A program; ``version`` is None when it is not installed."""

    name: str
    package: str
    purpose: str
    required: bool
    version: str | None


def tools() -> list[Tool]:
    """Return every program that the harness calls."""
    return [
        Tool(name, package, purpose, required, _version(name))
        for name, package, purpose, required in _NEEDED
    ]


def accelerator() -> str:
    """Say which accelerator a boot gets here, and why."""
    if not shutil.which("qemu-system-x86_64"):
        return "unknown without QEMU"
    found = kvm("qemu-system-x86_64")
    model = f"kvm with -cpu {found.cpu}"
    if found.speed == "full":
        return f"{model} ({found.why})" if found.why else model
    if found.speed == "slow":
        return f"tcg (too slow is {model}: {found.why})"
    return f"tcg (no KVM: {found.why})"


def isolation() -> str:
    """Say who QEMU runs as here."""
    why = why_no_own_user()
    return f"QEMU: {why}" if why else "QEMU runs as a user of its own, who writes nothing of yours"


def _version(name: str) -> str | None:
    if not shutil.which(name):
        return None
    option = "-v" if name == "nasm" else "--version"
    try:
        said = subprocess.run(
            [name, option], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+\.\d[\w.~+-]*", said.partition("\n")[0])
    return found[0] if found else "installed"
