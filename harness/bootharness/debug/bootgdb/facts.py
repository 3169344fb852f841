"""What bootharness knew of the boot when it wrote facts.json, and where the files are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent
FACTS: dict[str, Any] = json.loads((FOLDER / "facts.json").read_text())


def disk_bytes(lba: int, count: int) -> bytes:
    """Return bytes of the drive that is booted from, from a sector on."""
    with (FOLDER / FACTS["disk"]).open("rb") as disk:
        disk.seek(FACTS["disk_base"] + lba * FACTS["sector_bytes"])
        content: bytes = disk.read(count)
        return content
