"""The command as a process of its own, and what it leaves behind."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bootharness.host.deadline import Deadline

__all__ = ["COMMAND", "KERNELS", "REPOSITORY", "environment", "eventually", "processes_with", "run"]

REPOSITORY = Path(__file__).parents[2]
KERNELS = REPOSITORY / "images/kernels.toml"
"""The kernels that the project tests with."""
COMMAND = (sys.executable, "-m", "bootharness")
"""`bootharness`, as this Python has it."""

_LIMIT_S = 120


def environment(**more: str) -> dict[str, str]:
    """Return an environment for the command; this checkout's package is the one it runs."""
    path = os.pathsep.join([str(REPOSITORY / "harness"), str(REPOSITORY)])
    return {**os.environ, "PYTHONPATH": path, **more}


def run(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end; ``more`` goes into its environment."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )


def processes_with(text: str) -> list[str]:
    """Return the command lines of all processes with a text in their arguments or environment."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            arguments = (process / "cmdline").read_bytes()
            everything = arguments + (process / "environ").read_bytes()
        except OSError:  # it has just ended, or is somebody else's
            continue
        if text.encode() in everything:
            found.append(f"{process.name} {arguments.replace(bytes(1), b' ').decode()}")
    return found


def eventually(left: Callable[[], Iterable[object]], seconds: float = 15) -> None:
    """Wait until nothing is left, and fail with what is."""
    deadline = Deadline.after(seconds)
    while remaining := list(left()):
        assert not deadline.expired, remaining
        time.sleep(0.01)  # what others' processes leave tells nobody that it is gone
