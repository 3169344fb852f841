"""Kill what plays a recording, at a moment that is chosen: nothing is left of it.

`python -m tests.support.kills_back TIMES SEED [BY_UEFI]` does it at moments that chance chooses.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pexpect
from msgspec import Struct

from bootharness.host.deadline import Deadline
from bootharness.host.workspace import Workspace
from tests.support.builders import no_carry
from tests.support.processes import COMMAND, environment, eventually, processes_with
from tests.support.uefi_programs import FALLBACK, disk, program

__all__ = ["BY_BIOS", "BY_UEFI", "WAYS", "WHILE", "OnTape", "kept_boot", "kill_debug",
           "kill_recording"]  # fmt: skip

WAYS = ("harness", "harness and janitors", "gdb", "terminal")
WHILE = ("asked", "asking")
"""At gdb's prompt, and while a question is answered by a machine of its own."""
_RETURNS = bytes.fromhex("c60425007c000042") + bytes.fromhex("31c0c3")
"""mov byte [0x7c00], 0x42; xor eax, eax; ret"""
_LATEST_S = 2.5


class OnTape(Struct, frozen=True):
    """A bad boot that is recorded: the words for it, with a folder for its files, and what is asked
    of it in gdb. A UEFI's is played for long."""

    words: Callable[[Path], list[str]]
    question: str
    limit_s: float


def _too_large(folder: Path) -> list[str]:
    return ["selfcheck:17000000", "--loader", str(no_carry(folder))]


def _gives_up(folder: Path) -> list[str]:
    image = disk(folder, {FALLBACK: program(_RETURNS)})
    return ["--disk", str(image), "--firmware", "uefi", "--catch", "1", "--timeout", "300"]


BY_BIOS = OnTape(_too_large, "last-write gdt.destination+7", 60.0)
BY_UEFI = OnTape(_gives_up, "last-write 0x7c00", 300.0)


def kept_boot(folder: Path, tape: OnTape = BY_BIOS) -> Path:
    """Have a bad boot recorded, and return the folder where that is kept."""
    keep = folder / "kept"
    subprocess.run(_boot(tape, folder, keep), env=environment(), check=False, capture_output=True)
    assert (keep / "recording/manifest.json").exists()
    return keep


def _boot(tape: OnTape, folder: Path, keep: Path) -> list[str]:
    return [*COMMAND, "boot", *tape.words(folder), "--keep", str(keep)]


def kill_debug(
    kept: Path, folder: Path, way: str, when: str, after_s: float = 0.0, tape: OnTape = BY_BIOS
) -> str:
    """Open a recording in gdb on a terminal, and kill one of those who are then at work, so many
    seconds later; return who was. ``folder`` is for temporary files. Fails with what is left."""
    temporary = _temporary(folder)
    terminal = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], "debug", str(kept)], cwd=str(folder), timeout=tape.limit_s,
        env=environment(TERM="xterm", TMPDIR=str(temporary)), encoding="utf-8",
    )  # fmt: skip
    try:
        terminal.expect(r"\(gdb\) ")
        if when == "asking":
            terminal.sendline(tape.question)
            deadline = Deadline.after(tape.limit_s)
            while sum("rr=replay" in each for each in processes_with(str(temporary))) < 2:
                assert not deadline.expired, processes_with(str(temporary))
        time.sleep(after_s)  # the moment is what is tried
        running = processes_with(str(temporary))
        if way == "terminal":
            with suppress(pexpect.ExceptionPexpect):  # a busy host takes longer than it waits
                terminal.close(force=False)
        else:
            _kill(terminal.pid, running, way)
        _nothing_left(temporary)
    finally:
        terminal.close(force=True)
    return _names(running)


def kill_recording(
    folder: Path, word: str, *, janitors: bool, after_s: float = 0.0, tape: OnTape = BY_BIOS
) -> str:
    """Boot and keep what is bad, and kill that when a QEMU runs with a word; return who was."""
    temporary = _temporary(folder)
    with subprocess.Popen(
        _boot(tape, folder, folder / "kept"), env=environment(TMPDIR=str(temporary)),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as harness:  # fmt: skip
        deadline = Deadline.after(tape.limit_s)
        while not any(word in each for each in processes_with(str(temporary))):
            assert not deadline.expired
            assert harness.poll() is None, "it has ended"
        time.sleep(after_s)
        running = processes_with(str(temporary))
        _kill(harness.pid, running, "harness and janitors" if janitors else "harness")
    _nothing_left(temporary)
    return _names(running)


def _kill(harness: int, running: list[str], way: str) -> None:
    by_word = {"gdb": " -nx -q -x debug.gdb", "harness and janitors": "bootharness-janitor"}
    pids = [int(each.split()[0]) for each in running if by_word.get(way, "\0") in each]
    for pid in pids if way == "gdb" else [*pids, harness]:
        os.kill(pid, signal.SIGKILL)


def _temporary(folder: Path) -> Path:
    path = folder / "t"
    path.mkdir()
    return path


def _nothing_left(temporary: Path) -> None:
    """Fail with the processes that go on, and with what the next workspace does not remove."""
    eventually(lambda: processes_with(str(temporary)))
    tempfile.tempdir = str(temporary)
    try:
        with Workspace() as workspace:
            left = [path for path in temporary.iterdir() if path != workspace.path]
            assert not left, left
    finally:
        tempfile.tempdir = None


def _names(running: list[str]) -> str:
    found = re.findall(r"qemu-system-\w+|\bgdb(?= -nx)|bootharness-janitor|debug\.backwards",
                       "\n".join(running))  # fmt: skip
    return ", ".join(found) or "nothing"


def main(times: int, seed: int, by: str = "") -> None:
    """Do it so many times."""
    tape = BY_UEFI if by == "BY_UEFI" else BY_BIOS
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        kept = kept_boot(Path(place), tape)
        for number in range(1, times + 1):
            with tempfile.TemporaryDirectory(dir="/tmp") as folder:
                after_s = chance.uniform(0, _LATEST_S)
                if chance.random() < 0.3:
                    word = chance.choice(("rr=record", "rr=replay"))
                    janitors = chance.random() < 0.5
                    what = f"boot --keep, {word}"
                    had = kill_recording(
                        Path(folder), word, janitors=janitors, after_s=after_s / 5, tape=tape
                    )
                else:
                    way, when = chance.choice(WAYS), chance.choice(WHILE)
                    what = f"debug, {way}, {when}"
                    had = kill_debug(kept, Path(folder), way, when, after_s, tape)
                print(f"{number:3}  {what}: with {had}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
