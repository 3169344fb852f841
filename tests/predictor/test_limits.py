"""The limits of loaders: exact, with what fails beyond them, and honest about holes."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from bootharness.cli.limit import command
from bootharness.errors import NotEmulated, UsageError
from bootharness.kernels.source import fetch
from bootharness.predictor.forecast import KnownLoader, forecasts
from bootharness.predictor.limits import Limit, find_limits, try_size
from bootharness.predictor.predict import predict_disk
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace
from tests.support.builders import edited_stage1, without_carry
from tests.support.plain_loader import plain_loader

MEMORY = 20 << 20
LIMIT = 15_735_808


def limits(loader: Loader, *bioses: str, memory_bytes: int = MEMORY) -> dict[str, Limit]:
    found = find_limits(loader, bioses=bioses or ("seabios",), memory_bytes=memory_bytes)
    return {f"{limit.bios} {limit.part}": limit for limit in found}


def test_stage1_is_limited_by_nothing_but_memory() -> None:
    found = limits(Loader.stage1())
    payload = found["seabios payload"]
    assert payload.largest == MEMORY - 0x100000
    assert payload.failing
    assert payload.failing.size == MEMORY - 0x100000 + 16
    assert payload.failing.cause == "memory-clobbered"
    assert found["seabios setup"].largest == 64
    assert found["seabios cmdline"].largest == 2047
    initrd = found["seabios initrd"]
    assert initrd.failing
    assert initrd.largest == initrd.failing.size - 1
    assert initrd.failing.cause == "initrd-misplaced"
    assert not any(limit.holes for limit in found.values())


def test_a_limit_that_is_the_memory_takes_two_copies_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes an emulator ten seconds where there are 512 MiB."""
    sizes = []

    def predicted(layout: DiskLayout, **options: Any) -> BootTrace:
        sizes.append(layout.kernel.payload_bytes if layout.kernel else 0)
        return predict_disk(layout, **options)

    monkeypatch.setattr("bootharness.predictor.limits.predict_disk", predicted)
    loader = plain_loader(tmp_path)
    [limit] = find_limits(loader, memory_bytes=MEMORY, parts=("payload",))
    assert limit.largest == MEMORY - 0x100000
    assert [size for size in sizes if size > MEMORY // 2] == [limit.largest, limit.largest + 16]


def test_loader_that_loads_nothing_right_boots_no_kernel_at_all(tmp_path: Path) -> None:
    path = tmp_path / "backwards.asm"
    loader = plain_loader(tmp_path, "DF")
    assert limits(loader)["seabios payload"].largest is None
    assert loader.source
    path.write_text(loader.source.read_text())
    assert CliRunner().invoke(command, [str(path)], standalone_mode=False).return_value == 1


def test_loader_that_is_not_emulated_has_no_limit_that_is_known(tmp_path: Path) -> None:
    loader = plain_loader(tmp_path, first="mov ax, 0x4f02\nint 0x10")
    with pytest.raises(NotEmulated, match="VESA"):
        limits(loader)
    with pytest.raises(NotEmulated, match="VESA"):
        next(forecasts(fetch("selfcheck:65536"), KnownLoader(loader, (), "seabios", 64)))


def test_loader_without_the_carry_has_its_limit_to_the_byte() -> None:
    payload = limits(without_carry(Loader.stage1()))["seabios payload"]
    assert payload.largest == LIMIT
    assert payload.failing
    assert (payload.failing.size, payload.failing.cause) == (LIMIT + 16, "destination-wrapped")
    assert "15,735,808 bytes of payload" in payload.failing.sentence


def test_bios_that_takes_24_bits_limits_every_loader() -> None:
    found = limits(Loader.stage1(), "286", "dosbox", "dosbox-x")
    for bios in ("286", "dosbox"):
        payload = found[f"{bios} payload"]
        assert payload.largest == LIMIT
        assert payload.failing
        assert "this BIOS does not take bits 24 to 31" in payload.failing.sentence
        # the builder puts an initrd at the top of memory, above 16 MiB
        assert found[f"{bios} initrd"].largest is None
    assert found["dosbox-x payload"].largest == MEMORY - 0x100000


@pytest.mark.long
def test_asking_for_several_bioses_changes_no_answer() -> None:
    together = limits(Loader.stage1(), "seabios", "286", "dosbox-x")
    for bios in ("seabios", "286", "dosbox-x"):
        for name, limit in limits(Loader.stage1(), bios).items():
            assert together[name] == limit


def test_limit_grows_with_memory() -> None:
    found = limits(Loader.stage1(), memory_bytes=8 << 20)
    assert found["seabios payload"].largest == 7 << 20


def test_loader_that_boots_nothing(tmp_path: Path) -> None:
    loader = edited_stage1(tmp_path, lambda source: source.replace("SETUP_SEGMENT:0", "0:0"))
    payload = limits(loader)["seabios payload"]
    assert payload.largest is None
    assert payload.failing
    assert payload.failing.size == 16


def test_loader_that_is_told_less_has_fewer_limits() -> None:
    stage1 = Loader.stage1()
    told = {name: patch for name, patch in stage1.patches.items() if name == "kernel_lba"}
    loader = replace(stage1, patches=told)
    assert set(limits(loader, memory_bytes=8 << 20)) == {"seabios payload", "seabios setup"}
    with pytest.raises(UsageError, match="takes no initrd"):
        try_size(loader, "initrd", 1, bios="seabios", memory_bytes=MEMORY)


def picky(folder: Path) -> Loader:
    """Return a loader that refuses a payload of 65,024 bytes, and no other."""
    return edited_stage1(
        folder,
        lambda source: source.replace(
            "        shl     eax, 4                  ; 16-byte paragraphs\n",
            "        shl     eax, 4\n        cmp eax, 0xfe00\n        je error\n",
        ),
    )


def test_hole_below_the_limit_is_told(tmp_path: Path) -> None:
    payload = limits(picky(tmp_path), memory_bytes=8 << 20)["seabios payload"]
    assert payload.largest == 7 << 20
    assert [hole.size for hole in payload.holes] == [0xFE00]


def ask(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    if done.exception:
        raise done.exception
    return done.return_value, done.output


def source(folder: Path, loader: Loader) -> str:
    assert loader.elf
    path = folder / "loader.elf"
    path.write_bytes(loader.elf.read_bytes())
    return str(path)


def test_command_says_it_and_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "limits.json"
    status, said = ask("--bios", "seabios", "--memory", "8", "--json", str(file))
    assert status == 0
    assert "protected-mode kernel  7,340,032 bytes" in said
    assert "7,340,048 fails: memory-clobbered" in said
    written = json.loads(file.read_text())
    assert written["limits"][0]["largest"] == 7_340_032
    assert written["limits"][0]["failing"]["size"] == 7_340_048


def test_sweep_says_that_there_are_holes(tmp_path: Path) -> None:
    loader = source(tmp_path, picky(tmp_path))
    status, said = ask(loader, "--sweep", "65_008:65_040:16")
    assert status == 1
    assert said.count("good") == 2
    assert "not only beyond a limit: 65,024 fail, and 65,040 does not" in said
    status, said = ask("--sweep", "1:3:1", "--part", "setup")
    assert status == 0
    assert said.count("good") == 3


@pytest.mark.parametrize("sweep", ["1", "a:b:c", "0:100:0", "0:100:8", "_:_:_", "0:1_:1"])
def test_sweep_that_cannot_be(sweep: str) -> None:
    with pytest.raises(UsageError, match="--sweep"):
        ask("--sweep", sweep)
