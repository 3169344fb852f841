"""Loaders and disk images of other people, disks that fail, and places that are odd."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.errors import UsageError
from bootharness.host.assembler import assemble_flat
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan
from bootharness.routes.loader import ORIGIN, Loader
from bootharness.routes.mbr import lay_out
from bootharness.trace.boot_trace import BootTrace
from tests.boot.conftest import Boot
from tests.support.boots import settled
from tests.support.builders import edited_stage1, patched_kernel
from tests.support.plain_loader import plain_loader
from tests.support.programs import qemu_with_first_disk, qemu_with_read_errors

PROGRAMS = Path(__file__).parents[1] / "support"
PAYLOAD = 100_000
KERNEL = f"selfcheck:{PAYLOAD}"
KERNEL_LBA, FIRST_CHUNK_LBA, SECOND_CHUNK_LBA = 2052, 2061, 2188
PROFILE = '[patch]\nkernel_lba = "where"\nkernel_sectors = { at = "how_many", bytes = 2 }\n'


def is_good(trace: BootTrace) -> Judgement:
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert "bootharness: init reached" in trace.serial
    return judgement


def foreign_asm(folder: Path) -> Path:
    path = folder / "foreign.asm"
    path.write_text((PROGRAMS / "foreign.asm").read_text())
    path.with_suffix(".toml").write_text(PROFILE)
    return path


def foreign_elf(folder: Path) -> Path:
    elf = Loader.read(foreign_asm(folder)).elf
    assert elf
    path = folder / "other.elf"
    path.write_bytes(elf.read_bytes())
    path.with_suffix(".toml").write_text(PROFILE)
    return path


def foreign_bin(folder: Path) -> Path:
    loader = Loader.read(foreign_asm(folder))
    where, how_many = (loader.symbols[name] - ORIGIN for name in ("where", "how_many"))
    path = folder / "flat.bin"
    path.write_bytes(loader.binary)
    path.with_suffix(".toml").write_text(
        f"[patch]\nkernel_lba = {where}\nkernel_sectors = {{ at = {how_many}, bytes = 2 }}\n"
    )
    return path


@pytest.mark.parametrize("form", [foreign_asm, foreign_elf, foreign_bin])
@pytest.mark.parametrize("tracer", ["recorder", "both"])
def test_loader_of_somebody_else(
    boots: Boot, tmp_path: Path, form: Callable[[Path], Path], tracer: str
) -> None:
    trace = boots(KERNEL, Loader.read(form(tmp_path)), tracer=tracer)
    is_good(trace)
    assert trace.placed_bytes == PAYLOAD
    assert [move.bytes for move in trace.block_moves] == [64 * 512] * 4
    assert trace.handoff
    assert trace.handoff.exact
    assert (trace.handoff.registers.cs, trace.handoff.registers.ip) == (0x9020, 0)
    assert trace.handoff.memory_equal is True
    assert trace.handoff.cmdline == "console=ttyS0 own=1"
    # it was not told our command line, so it cannot be asked for it
    assert trace.disk
    assert trace.disk.cmdline is None
    assert trace.disk.initrd_lba is None


def test_loader_of_somebody_else_that_gives_up(boots: Boot, tmp_path: Path) -> None:
    qemu = qemu_with_read_errors(tmp_path, FIRST_CHUNK_LBA, None)
    loader = Loader.read(foreign_asm(tmp_path))
    trace = boots(KERNEL, loader, tracer="both", qemu=qemu, accelerator="tcg")
    assert judge(trace).cause == "disk-read-failed"
    assert trace.ending.kind == "boot-failed"
    assert trace.screen.endswith("!")


def test_loader_that_takes_no_initrd_is_not_given_one(tmp_path: Path) -> None:
    initrd = tmp_path / "initrd"
    initrd.write_bytes(bytes(512))
    loader = foreign_asm(tmp_path)
    with pytest.raises(UsageError, match=r"foreign\.asm: this loader takes no initrd"):
        boot(KERNEL, BootPlan(loader=str(loader), initrd=str(initrd)))


def test_disk_image_of_somebody_else(tmp_path: Path) -> None:
    # no partition, the kernel in a place of its own, and nobody says where
    kernel = fetch(KERNEL)
    path = tmp_path / "appliance.img"
    code = Loader.read(foreign_asm(tmp_path)).patched(
        kernel_lba=77, kernel_sectors=-(-kernel.file_bytes // 512)
    )
    image = bytearray(1 << 20)
    image[: len(code)] = code
    image[510:512] = b"\x55\xaa"
    image[77 * 512 : 77 * 512 + kernel.file_bytes] = kernel.path.read_bytes()
    path.write_bytes(image)

    trace = boot(str(path), BootPlan(route="disk", until="init"))
    is_good(trace)
    assert trace.kernel
    assert trace.kernel.sha256 == kernel.sha256
    assert trace.kernel.source == f"{path} at LBA 77"
    assert trace.disk
    assert trace.disk.kernel_lba == 77
    assert trace.placed_bytes == PAYLOAD
    assert trace.handoff
    assert trace.handoff.memory_equal is True
    assert trace.reached("kernel-loaded")
    assert path.read_bytes() == image


def test_disk_image_without_a_kernel_is_bad(tmp_path: Path) -> None:
    path = tmp_path / "data.img"
    path.write_bytes(bytes(1 << 20))
    trace = boot(str(path), BootPlan(route="disk", until="init"))
    assert judge(trace).verdict is Verdict.BAD
    assert trace.ending.kind == "boot-failed"
    assert trace.kernel is None


def test_disk_image_is_only_read(tmp_path: Path) -> None:
    kernel = fetch(KERNEL)
    disk = lay_out(kernel, Loader.stage1(), settled(BootPlan())).write(tmp_path / "disk.img")
    disk.path.chmod(0o444)
    before = (disk.path.stat().st_mtime_ns, disk.path.read_bytes())
    is_good(boot(str(disk.path), BootPlan(route="disk", until="init")))
    assert (disk.path.stat().st_mtime_ns, disk.path.read_bytes()) == before


def test_second_disk_boots_by_the_drive_in_dl(boots: Boot, tmp_path: Path) -> None:
    qemu = qemu_with_first_disk(tmp_path, assemble_flat(PROGRAMS / "chain.asm"))
    trace = boots(KERNEL, qemu=qemu, accelerator="tcg")
    is_good(trace)
    reads = [call for call in trace.loader_calls if call.packet]
    assert len(reads) > 5
    assert {call.registers_in.edx & 0xFF for call in reads} == {0x81}


def test_loader_that_does_not_use_dl_reads_the_wrong_disk(boots: Boot, tmp_path: Path) -> None:
    qemu = qemu_with_first_disk(tmp_path, assemble_flat(PROGRAMS / "chain.asm"))
    loader = edited_stage1(
        tmp_path, lambda source: source.replace("check_edd:\n", "check_edd:\n mov dl, 0x80\n")
    )
    is_good(boots(KERNEL, loader))  # from the first disk nobody can tell
    trace = boots(KERNEL, loader, qemu=qemu, accelerator="tcg")
    assert judge(trace).verdict is Verdict.BAD
    assert not trace.reached("setup-entered")


@pytest.mark.parametrize("lba", [2048, KERNEL_LBA, KERNEL_LBA + 3, FIRST_CHUNK_LBA])
@pytest.mark.parametrize("times", [1, 4])
def test_failed_read_is_tried_again(boots: Boot, tmp_path: Path, lba: int, times: int) -> None:
    qemu = qemu_with_read_errors(tmp_path, lba, times)
    trace = boots(KERNEL, qemu=qemu, accelerator="tcg")
    is_good(trace)
    assert sum(call.failed for call in trace.loader_calls) == times
    resets = [call for call in trace.loader_calls if (call.number, call.function) == (0x13, 0)]
    assert len(resets) == times


@pytest.mark.parametrize(
    ("times", "tracer"), [(5, "recorder"), (None, "recorder"), (None, "gdb"), (None, "both")]
)
def test_read_that_fails_five_times_ends_the_boot(
    boots: Boot, tmp_path: Path, times: int | None, tracer: str
) -> None:
    qemu = qemu_with_read_errors(tmp_path, SECOND_CHUNK_LBA, times)
    trace = boots(KERNEL, qemu=qemu, accelerator="tcg", tracer=tracer)
    judgement = judge(trace)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "disk-read-failed")
    assert "LBA 2,188" in judgement.summary
    assert trace.ending.kind == "boot-failed"
    assert trace.screen.rstrip().endswith("stage1: R")
    assert trace.bios_calls[-1].number == 0x18
    assert sum(call.failed for call in trace.loader_calls) == 5


@pytest.mark.parametrize("sectors", [4, 8, 39, 64])
def test_setup_part_of_any_size(boots: Boot, sectors: int) -> None:
    trace = boots(str(selfcheck_kernel(PAYLOAD, setup_sects=sectors)))
    is_good(trace)
    assert "selfcheck: setup ok" in trace.serial
    assert trace.handoff
    assert trace.handoff.real_mode
    assert trace.handoff.real_mode.compared_bytes == (1 + sectors) * 512


def test_setup_sects_0_means_4(boots: Boot, tmp_path: Path) -> None:
    four = selfcheck_kernel(PAYLOAD, setup_sects=4)
    zero = patched_kernel(four, tmp_path / "bzImage", size=1, setup_sects=0)
    trace = boots(str(zero))
    is_good(trace)
    assert trace.handoff
    assert trace.handoff.header
    assert trace.handoff.header.setup_sects == 0
    assert trace.placed_bytes == PAYLOAD


def test_setup_part_of_65_sectors_is_refused(boots: Boot, tmp_path: Path) -> None:
    large = patched_kernel(
        selfcheck_kernel(PAYLOAD, setup_sects=64), tmp_path / "bzImage", size=1, setup_sects=65
    )
    trace = boots(str(large))
    assert judge(trace).verdict is Verdict.BAD
    assert trace.ending.kind == "boot-failed"
    assert trace.screen.rstrip().endswith("stage1: K")


def test_initrd_that_fits_arrives_whole(boots: Boot, tmp_path: Path) -> None:
    initrd = tmp_path / "initrd"
    initrd.write_bytes(b"\x01" * 10_000_001)
    trace = boots(KERNEL, initrd=initrd, memory_mib=16)
    is_good(trace)
    assert f"its bytes add up to 0x{10_000_001:08X}" in trace.serial


def test_initrd_larger_than_memory_is_bad_and_soon(boots: Boot, tmp_path: Path) -> None:
    initrd = tmp_path / "initrd"
    initrd.touch()
    os.truncate(initrd, 24 << 20)
    trace = boots(KERNEL, initrd=initrd, memory_mib=16, idle_s=2)
    assert judge(trace).cause == "initrd-misplaced"
    assert "would lie at 0x100000 to 0x18fffff" in judge(trace).summary
    assert trace.ending.kind != "timeout"


def test_odd_names_of_files_and_folders(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = folder / 'it\'s, "a" %d $disk ça\n#1'
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(odd / "cache"))
    source = odd / "bzImage, the new one"
    source.write_bytes(selfcheck_kernel(PAYLOAD).read_bytes())
    loader = edited_stage1(odd, lambda source: source + "\n", "a loader, edited.asm")
    (odd / "kept, all").mkdir()
    trace = boot(str(source), BootPlan(loader=loader.name, tracer="both"), keep=odd / "kept, all")
    is_good(trace)
    assert {path.name for path in (odd / "kept, all").iterdir()} >= {"disk.img", "serial.log"}
    assert sorted(path.name for path in odd.iterdir() if "bootharness" in path.name) == []
    is_good(boot(str(odd / "kept, all" / "disk.img"), BootPlan(route="disk", until="init")))


def test_loader_that_enters_a_kernel_at_32_bits_is_not_blamed_for_a_selfcheck_kernel(
    boots: Boot, tmp_path: Path, debian: str
) -> None:
    loader = plain_loader(tmp_path, "ENTRY_32_RIGHT")
    judgement = judge(boots(KERNEL, loader))
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "no-32-bit-entry")
    assert "at its 32-bit entry, 0x100000, and a selfcheck kernel has none" in judgement.summary
    assert judge(boots(debian, loader, until="banner")).verdict is Verdict.GOOD
