"""A disk with an EFI system partition, made without root: FAT by mtools, in a GPT of our own."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from bootharness.errors import LaunchFailed, UsageError
from bootharness.formats.gpt import ESP, FIRST_LBA, gpt_of
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.host.tool import Tool

__all__ = ["MTOOLS", "write_esp"]

MTOOLS = tuple(Tool(name, "mtools") for name in ("mformat", "mmd", "mcopy"))
_LEAST_BYTES = 40 << 20
"""FAT32 has at least 65,525 clusters, here of 512 bytes."""
_MORE_BYTES = 8 << 20
_MOST_BYTES = 0xFFFFFFFF
"""A file's size on a FAT has 32 bits."""
_TOOL_S = 60


def write_esp(path: Path, files: Mapping[str, Path]) -> None:
    """Write a disk image whose only partition has files, by their names in it.

    Raises ToolMissing without mtools, LaunchFailed where the image cannot be written, UsageError
    for a file that a FAT cannot hold.
    """
    for name, file in files.items():
        if (bytes_ := file.stat().st_size) > _MOST_BYTES:
            raise UsageError(
                f"{name}, of {bytes_:,} bytes, cannot be on an EFI system partition: a FAT holds "
                "files of less than 4 GiB"
            )
    content = sum(file.stat().st_size for file in files.values())
    size = max(_LEAST_BYTES, content + content // 16 + _MORE_BYTES)
    sectors = -(-size // SECTOR_BYTES)
    total, table = gpt_of(sectors, ESP, "EFI System")
    try:
        with path.open("wb") as disk:
            disk.truncate(total * SECTOR_BYTES)
            for lba, piece in table.items():
                os.pwrite(disk.fileno(), piece, lba * SECTOR_BYTES)
    except OSError as error:
        raise LaunchFailed(f"{path}: the disk image cannot be written: {error.strerror}") from error
    drive = ["-i", f"{path}@@{FIRST_LBA * SECTOR_BYTES}"]
    _run("mformat", *drive, "-F", "-T", str(sectors), "-h", "16", "-s", "63", "::")
    folders = dict.fromkeys(
        str(folder) for name in files for folder in reversed(PurePosixPath(name).parents[:-1])
    )
    if folders:
        _run("mmd", *drive, *(f"::/{folder}" for folder in folders))
    for name, file in files.items():
        _run("mcopy", *drive, str(file), f"::/{name}")


def _run(tool: str, *words: str) -> None:
    env = {**os.environ, "MTOOLS_SKIP_CHECK": "1"}
    try:
        done = subprocess.run(
            [tool, *words], capture_output=True, text=True, timeout=_TOOL_S, check=False, env=env
        )
    except FileNotFoundError:
        raise next(each for each in MTOOLS if each.name == tool).missing() from None
    except subprocess.TimeoutExpired:
        raise LaunchFailed(f"{tool} took longer than {_TOOL_S} s") from None
    if done.returncode:
        raise LaunchFailed(f"{tool} refuses: {done.stderr.strip()}")
