"""What a recording tells beyond the machine that gdb has: asked of bootharness, which plays it in a
machine of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

import gdb

from .facts import FACTS
from .guest import monitor

RECORDED: dict[str, Any] | None = FACTS["recorded"]
BEGINS_HERE = "The recording begins here"
ENDS_HERE = "The recording ends here. Go back: reverse-stepi, reverse-continue, back-to"
_ANSWER_S = 120


def position() -> int:
    """Return how many instructions have been executed."""
    found = re.search(r"instruction count = (\d+)", monitor("info replay"))
    if found is None:
        raise gdb.GdbError("QEMU does not say where in the recording it is.")
    return int(found[1])


def at_end() -> bool:
    """Whether the machine is before a recording's last instruction, where it stops."""
    return RECORDED is not None and position() >= RECORDED["end"] - 1


def edge() -> str:
    """Say that the machine is at an end of a recording; empty elsewhere."""
    if RECORDED is None:
        return ""
    return BEGINS_HERE if not position() else ENDS_HERE if at_end() else ""


def ask(*words: str) -> dict[str, Any]:
    """Ask a word, and return the answer."""
    if RECORDED is None:
        raise gdb.GdbError(
            "This boot was not recorded: `bootharness boot --keep` records a bad one."
        )
    try:
        done = subprocess.run(
            [*RECORDED["asks"], str(os.getpid()), *words], capture_output=True, text=True,
            timeout=_ANSWER_S, check=False, cwd=RECORDED["asked_in"], stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise gdb.GdbError(f"There is no answer within {_ANSWER_S} s.") from None
    if done.returncode:
        raise gdb.GdbError(done.stderr.strip()[-400:] or "There is no answer.")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
