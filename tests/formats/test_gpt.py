"""A GPT of ours, as fdisk reads it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bootharness.formats.gpt import ESP, FIRST_LBA, gpt_of


def test_fdisk_finds_the_partition_and_nothing_wrong(tmp_path: Path) -> None:
    sfdisk = shutil.which("sfdisk", path="/usr/sbin:/sbin:/usr/bin")
    if not sfdisk:
        pytest.skip("sfdisk is not installed")
    disk = tmp_path / "disk.img"
    total, table = gpt_of(10_000, ESP, "EFI System")
    with disk.open("wb") as file:
        file.truncate(total * 512)
        for lba, piece in table.items():
            file.seek(lba * 512)
            file.write(piece)
    told = subprocess.run([sfdisk, "-J", disk], capture_output=True, text=True, check=True)
    found = json.loads(told.stdout)["partitiontable"]
    assert found["label"] == "gpt"
    (partition,) = found["partitions"]
    assert (partition["start"], partition["size"]) == (FIRST_LBA, 10_000)
    assert (partition["type"], partition["name"]) == (str(ESP).upper(), "EFI System")
    verified = subprocess.run(
        [sfdisk, "--verify", disk], capture_output=True, text=True, check=True
    )
    assert "No errors detected" in verified.stdout + verified.stderr
