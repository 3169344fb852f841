"""The recorder's two forms as bytes: what is taken of a disk, given back, and refused."""

from pathlib import Path

import pytest

from bootharness.errors import UsageError
from bootharness.hardware.recorder_forms import boot_program, gap_needed, installed, removed
from tests.support.processes import run

SECTOR = 512
PARTITION = bytes.fromhex("80010100830fffff0008000000100000")


def disk(*, first_lba: int = 2048, gap: bytes = b"") -> bytes:
    entry = PARTITION[:8] + first_lba.to_bytes(4, "little") + PARTITION[12:]
    mbr = b"\xeb\xfe".ljust(440, b"\x90") + b"\x78\x56\x34\x12\0\0" + entry + bytes(48)
    return (mbr + b"\x55\xaa" + gap).ljust(gap_needed, b"\0")


def test_signature_and_partitions_stay_the_disk_s() -> None:
    before = disk()
    after = installed(before)
    assert len(after) == gap_needed
    assert after[440:SECTOR] == before[440:SECTOR]
    assert after[:440] != before[:440]
    assert after[-SECTOR:] == before[:SECTOR]


def test_what_is_removed_leaves_the_disk_as_it_was() -> None:
    assert removed(installed(disk())) == disk()


def test_a_partition_made_in_between_stays() -> None:
    after = bytearray(installed(disk()))
    after[0x1CE:0x1DE] = PARTITION
    assert removed(bytes(after))[0x1CE:0x1DE] == PARTITION
    assert removed(bytes(after))[:440] == disk()[:440]


@pytest.mark.parametrize(
    ("beginning", "why"),
    [
        (bytes(gap_needed), "no MBR"),
        (disk()[:SECTOR], "no MBR"),
        (disk(gap=b"\0" * 600 + b"GRUB"), "as a part of GRUB does"),
        (disk(first_lba=1), "begins at LBA 1"),
        (disk(first_lba=5), "begins at LBA 5"),
    ],
)
def test_a_place_that_is_not_free_is_refused(beginning: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        installed(beginning)


def test_it_is_not_installed_twice_nor_removed_from_where_it_is_not() -> None:
    with pytest.raises(UsageError, match="already"):
        installed(installed(disk()))
    with pytest.raises(UsageError, match="not in this disk"):
        removed(disk())


@pytest.mark.parametrize("baud", [0, -1, 115_201, 100_000, 230_400])
def test_a_baud_rate_that_no_uart_has_is_refused(baud: int) -> None:
    with pytest.raises(UsageError, match="baud"):
        boot_program(baud)


def test_baud_rates_differ_in_the_divisor_alone() -> None:
    fast, slow = boot_program(), boot_program(9600)
    differing = [at for at, (one, two) in enumerate(zip(fast, slow, strict=True)) if one != two]
    assert [(fast[at], slow[at]) for at in differing] == [(1, 12)]


def test_an_image_gets_the_recorder_as_a_new_file_and_gives_it_back(tmp_path: Path) -> None:
    image, recorded, back = (tmp_path / name for name in ("disk.img", "recorded.img", "back.img"))
    content = disk() + bytes(3 << 20) + b"the end"
    image.write_bytes(content)
    done = run("hardware", "recorder", "install", image, recorded)
    assert done.returncode == 0 and "with the recorder" in done.stdout, done
    assert recorded.read_bytes() == installed(content) + content[gap_needed:]
    assert recorded.stat().st_blocks * SECTOR < 1 << 20
    assert run("hardware", "recorder", "remove", recorded, back).returncode == 0
    assert back.read_bytes() == image.read_bytes() == content


def test_no_file_is_overwritten_and_none_is_left(tmp_path: Path) -> None:
    image, new = tmp_path / "disk.img", tmp_path / "new.img"
    image.write_bytes(disk() + bytes(1 << 20))
    for words, why in (
        (("install", image, image), "there is such a file already"),
        (("remove", image, new), f"{image}: the recorder is not in this disk's MBR"),
        (("install", image, new, "--baud", "100000"), "100000 baud"),
    ):
        done = run("hardware", "recorder", *words)
        assert done.returncode == 129 and why in done.stderr, done
        assert done.stderr.count("\n") == 1
    assert not new.exists() and image.read_bytes() == disk() + bytes(1 << 20)
