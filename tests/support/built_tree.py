"""A kernel that was built from its source, and commands on it, by the tree alone.

`python -m tests.support.built_tree SOURCE FOLDER` builds SOURCE, the sources of a Linux, in FOLDER,
which is made, or gone on in; then a command is run on what make has left by several routes: its
exit status, its output, and a module that nobody but make has touched. The exit status is 1 where
something is not as it must be.
"""

import subprocess
import sys
from pathlib import Path

from tests.support.kernel_history import config_of
from tests.support.processes import COMMAND, environment

__all__ = ["main"]

_CONFIG = (
    "MODULES", "PRINTK_TIME", "BINFMT_SCRIPT", "DEVTMPFS", "PROC_FS", "SYSFS", "MULTIUSER", "FUTEX",
    "EPOLL", "SIGNALFD", "TIMERFD", "EVENTFD", "POSIX_TIMERS", "SHMEM", "TMPFS", "UNIX98_PTYS",
    "PCI", "NET", "UNIX", "INET", "NETDEVICES", "ACPI", "EFI", "EFI_STUB",
)  # fmt: skip
"""What a guest with a shell, modules and a UEFI needs more than one that only comes to /init."""
_MODULE = "dummy"
_ROUTES = ("direct", "mbr", "ipxe", "uefi-stub")
_SCRIPT = f"grep -o ^{_MODULE} /proc/modules; exit 7"
_TIMEOUT_S = 300


def _built(source: Path, folder: Path) -> Path:
    """Return the folder that make has built in."""
    clean, tree = folder / "linux", folder / "built"
    if not clean.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # others have configured in the sources, which make refuses to build from
        subprocess.run(["cp", "-al", source, clean], check=True)
        subprocess.run(["make", "-s", "-C", clean, "mrproper"], check=True)
    if not (tree / ".config").exists():
        lines = (*(f"CONFIG_{name}=y" for name in _CONFIG), f"CONFIG_{_MODULE.upper()}=m")
        config_of(clean, tree.absolute(), *lines)
    subprocess.run(["make", "-s", "-C", tree, "-j2", "bzImage", "modules"], check=True)
    return tree


def _wrong(tree: Path, route: str) -> str:
    """Say what is not as it must be of a command by a route, empty where all is."""
    words = (tree, "--route", route, "--module", _MODULE, "--", _SCRIPT)
    done = subprocess.run(
        [*COMMAND, "shell", *map(str, words)], capture_output=True, timeout=_TIMEOUT_S, check=False,
        env=environment(),
    )  # fmt: skip
    got, wanted = (done.returncode, done.stdout), (7, f"{_MODULE}\n".encode())
    return "" if got == wanted else f"{got} instead of {wanted}: {done.stderr.decode()}"


def main(source: Path, folder: Path) -> int:
    """Build, and run the command by each route."""
    tree = _built(source, folder)
    said = {route: _wrong(tree, route) for route in _ROUTES}
    for route, wrong in said.items():
        print(f"{route:12} {wrong or 'exit status 7, module loaded'}", flush=True)
    return 1 if any(said.values()) else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
