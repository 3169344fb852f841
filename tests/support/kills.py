"""Kill the harness and its janitors together, at moments that chance chooses: nothing is left.

`python -m tests.support.kills TIMES SEED` does it and says of each what was running.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bootharness.host.workspace import Workspace
from tests.support.processes import COMMAND, environment, eventually, processes_with

__all__ = ["kill_once"]

PROGRAMS = (
    ("boot", "selfcheck:9000000"),
    ("boot", "selfcheck:9000000", "--tracer", "both"),
    ("boot", "selfcheck:200000", "--route", "ipxe-http"),
    ("boot", "selfcheck:200000", "--route", "direct"),
    ("gate", "selfcheck:3000000", "selfcheck:3000016", "--no-cache", "--jobs", "2"),
)
_EARLIEST_S, _LATEST_S = 0.1, 1.5


def kill_once(chance: random.Random, folder: Path) -> str:
    """Start a program of ours, kill it with its janitors, and return what was killed.

    ``folder`` is for temporary files. Fails when a process is left, or a file after the next
    workspace was made.
    """
    arguments = chance.choice(PROGRAMS)
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment(TMPDIR=str(folder)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as harness:
        time.sleep(chance.uniform(_EARLIEST_S, _LATEST_S))  # the moment is what is tried
        running = [each for each in processes_with(str(folder)) if f"{harness.pid} " not in each]
        janitors = [int(each.split()[0]) for each in running if "bootharness-janitor" in each]
        for pid in (*janitors, harness.pid):
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: processes_with(str(folder)))
    tempfile.tempdir = str(folder)
    try:
        with Workspace() as workspace:
            left = [path for path in folder.glob("bootharness-*") if path != workspace.path]
            assert not left, left
    finally:
        tempfile.tempdir = None
    names = re.findall(r"qemu-system-\w+|gdb(?= )|bootharness-janitor|runs\.worker", str(running))
    return f"{' '.join(arguments)}: with {', '.join(names) or 'nothing'}"


def main(times: int, seed: int) -> None:
    """Do it so many times."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        for each in range(times):
            print(f"{each + 1:3}  {kill_once(chance, Path(folder))}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
