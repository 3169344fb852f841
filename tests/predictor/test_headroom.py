"""How close kernels come to limits: the numbers, the statuses, and why something fails."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bootharness.cli.headroom import command
from bootharness.errors import UsageError
from bootharness.kernels.source import fetch
from bootharness.routes.esp import write_esp
from tests.support.builders import no_carry as write_no_carry
from tests.support.media import needs

LIMIT = 15_735_808


@pytest.fixture
def no_carry(tmp_path: Path) -> str:
    return str(write_no_carry(tmp_path))


def ask(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    if done.exception:
        raise done.exception
    return done.return_value, done.output


@pytest.mark.parametrize(
    ("size", "status"), [(14_948_992, 0), (14_949_120, 1), (LIMIT, 1), (LIMIT + 16, 1)]
)
def test_status_tells_whether_there_is_room(no_carry: str, size: int, status: int) -> None:
    # 95 % of the limit are 14,949,017.6 bytes
    found, said = ask(f"selfcheck:{size}", "--loader", no_carry, "--memory", "20")
    assert found == status
    assert f"{100 * size / LIMIT:.2f} %" in said
    assert ("destination-wrapped" in said) == (size > LIMIT)


def test_fail_at_moves_the_border(no_carry: str) -> None:
    for percent, status in ((100, 0), (99, 1)):
        arguments = (f"selfcheck:{LIMIT}", "--loader", no_carry, "--memory", "20")
        assert ask(*arguments, "--fail-at", str(percent))[0] == status


def test_stage1_is_limited_by_memory_and_64_setup_sectors(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    status, said = ask("selfcheck:100000", "--memory", "8", "--json", str(file))
    assert status == 0
    assert "memory limits it" in said
    payload, setup = json.loads(file.read_text())["rows"]
    assert (payload["size"], payload["limit"], payload["percent"]) == (100_000, None, None)
    assert (setup["size"], setup["limit"], setup["percent"]) == (8, 64, 12.5)


def test_bios_with_24_bits_limits_stage1_too() -> None:
    status, said = ask("selfcheck:15_000_000", "--bios", "286", "--memory", "20")
    assert status == 1
    assert "of 15,735,808" in said
    assert "95.32 %" in said


def test_kernel_that_cannot_be_had_is_no_bad_kernel(tmp_path: Path) -> None:
    (tmp_path / "no-kernel").write_text("nothing")
    status, said = ask(str(tmp_path / "no-kernel"), "selfcheck:16", "--memory", "8")
    assert status == 125
    assert "kernel-unavailable" in said
    assert "selfcheck:16" in said


@pytest.mark.parametrize(("size", "status"), [(1_000_000, 0), (100_000_000, 1)])
def test_file_has_to_fit_what_is_free_on_the_system_partition(
    tmp_path: Path, size: int, status: int
) -> None:
    needs("mformat", "mcopy")
    (tmp_path / "program").write_bytes(bytes(1000))
    image = tmp_path / "disk.img"
    write_esp(image, {"EFI/BOOT/BOOTX64.EFI": tmp_path / "program"})
    found, said = ask(f"selfcheck:{size}", "--esp", str(image))
    assert found == status
    assert f"the ESP of {image}" in said
    assert " free " in said


def test_image_without_a_system_partition_is_told(tmp_path: Path) -> None:
    (tmp_path / "disk.img").write_bytes(bytes(510) + b"\x55\xaa" + bytes(1 << 20))
    with pytest.raises(UsageError, match="no FAT in it has a folder EFI"):
        ask("selfcheck:1000000", "--esp", str(tmp_path / "disk.img"))


def test_a_hole_in_a_uefis_memory_is_too_small_for_a_kernel(tmp_path: Path) -> None:
    header = fetch("selfcheck:1000000").header
    needed, start = header.init_size, header.pref_address
    assert needed and start
    dump = tmp_path / "map.txt"
    for size, status in ((needed, 1), (needed - 4096, 1), (2 * needed, 0)):
        dump.write_text(f"Available  {start:016X}-{start + size - 1:016X} 0000000000000700\n")
        found, said = ask("selfcheck:1000000", "--memory-map", str(dump))
        assert found == status
        assert f"{needed:,} bytes  of {size:,} free at once  {100 * needed / size:.2f} %" in said
    dump.write_text("nothing\n")
    with pytest.raises(UsageError, match=r"map\.txt: it has no memory map of a UEFI"):
        ask("selfcheck:1000000", "--memory-map", str(dump))
