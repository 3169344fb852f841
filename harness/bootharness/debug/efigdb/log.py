"""The recorder's log as it grows, read by bootharness in a process of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import gdb

FOLDER = Path(__file__).resolve().parent.parent
FACTS: dict[str, Any] = json.loads((FOLDER / "facts.json").read_text())
_READS_S = 60

Call = dict[str, Any]


def calls() -> list[Call]:
    """Return all that was asked of the UEFI so far."""
    done = subprocess.run(
        FACTS["reader"], capture_output=True, text=True, timeout=_READS_S, check=False, cwd=FOLDER
    )
    if done.returncode:
        raise gdb.GdbError(f"The recorder's log cannot be read: {done.stderr.strip()[-200:]}")
    found: list[Call] = json.loads(done.stdout)
    return found


def images(of: list[Call]) -> list[Call]:
    """Return the images that were loaded, and lie somewhere."""
    return [call for call in of if call["service"] == "LoadImage" and not call["error"]]


def name_of(image: Call) -> str:
    """Return the file of an image, or its whole device path."""
    path: str = image["path"]
    return path[path.index("\\") :] if "\\" in path else path or "(from memory)"


def lies_at(of: list[Call], address: int) -> str:
    """Say in which image an address is, empty where it is in none."""
    for image in reversed(images(of)):
        if image["address"] <= address < image["address"] + image["bytes"]:
            return f"{name_of(image)}+{address - image['address']:#x}"
    return ""
