"""The mistakes that people make in loaders: each predicted, and said so that it leads to them."""

from pathlib import Path

import pytest

from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.kernels.image import KernelImage
from bootharness.kernels.source import fetch
from bootharness.plan import BootPlan
from bootharness.predictor.predict import predict, predict_disk
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import Loader
from tests.support.emulated import assembled
from tests.support.plain_loader import plain_loader

MIB = 1 << 20
ASK = """
        xor ax, ax
        mov ds, ax
        mov si, packet
        mov dl, {drive}
        mov ah, 0x42
        int 0x13
        int 0x18
packet: dw 16, {sectors}, 0, 0x2000
        dq {lba}
"""


def predicted(folder: Path, mistake: str = "", *, first: str = "", brought: bool) -> Judgement:
    loader = plain_loader(folder, mistake, first=first)
    image = bytearray(fetch("selfcheck:200000").path.read_bytes())
    image[0xD8:0x13C] = b"\x90" * 100  # Linux has code there, and a sentinel behind it
    image[0x1E0:0x1F0] = b"\xff" * 16
    kernel = folder / "bzImage"
    kernel.write_bytes(image)
    layout = DiskLayout.plan(
        loader, KernelImage.read(kernel), cmdline="console=ttyS0", memory_bytes=512 * MIB
    )
    if not brought:
        return judge(predict_disk(layout))
    return judge(predict_disk(DiskImage.existing(layout.write(folder / "brought.img").path)))


@pytest.mark.parametrize("brought", [False, True])
@pytest.mark.parametrize(
    ("mistake", "cause", "words"),
    [
        ("", None, "200,000 bytes in memory equal the file"),
        ("DL", "wrong-sectors", "booted from drive 0x80, but the loader read from drive 0x92"),
        ("SHORT", "setup-corrupt", "sectors of the real-mode kernel were read"),
        ("ENTRY_32_RIGHT", None, "the kernel's 32-bit entry"),
        ("ENTRY_32", "boot-params-wrong", "e820_entries is 255"),
        ("STACK", "memory-clobbered", "the loader's own stack lies in its code and data"),
        ("DF", "payload-corrupt", "the direction flag set (DF=1)"),
    ],
)
def test_mistake_is_named(
    tmp_path: Path, mistake: str, cause: str | None, words: str, brought: bool
) -> None:
    judgement = predicted(tmp_path, mistake, brought=brought)
    assert (judgement.cause, words in judgement.summary) == (cause, True), judgement.summary


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("DS", ("with DS at 0040h", "triple-fault", "with ES at 0040h")),
        ("A20", ("with the A20 gate closed", "a20-closed")),
        ("RETRY", ("with a read error that is gone at the next attempt", "disk-read-failed")),
        ("DMA", ("asks for more than the 127",)),
    ],
)
def test_what_only_this_machine_forgives_is_warned_of(
    tmp_path: Path, mistake: str, words: tuple[str, ...]
) -> None:
    right, wrong = (warned(plain_loader(tmp_path, each)) for each in ("", mistake))
    for word in words:
        assert word in wrong
    if mistake != "RETRY":  # this loader tries again, but with the count that the BIOS left at 0
        assert not any(word in right for word in words)


def test_reset_before_the_first_call_names_the_loaders_line(tmp_path: Path) -> None:
    judgement = predicted(tmp_path, "DS", first="push 0x40\npop ds", brought=False)
    assert judgement.cause == "triple-fault"
    assert "(unreal+0x" in judgement.summary
    assert "in the loader, which had not called the BIOS yet" in judgement.summary


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("jmp 0x1000:0", "memory there is all zeros, so it went to where nothing had been loaded"),
        ("xor cx, cx\ndiv cx", "the division at 0000:7c02 is by zero, or its result does not fit"),
        ("ud2", "the CPU refuses the instruction at 0000:7c00 with an exception"),
        ("mov al, 0xfe\nout 0x64, al\nhlt", "in the loader, which had not called the BIOS yet"),
    ],
)
def test_loader_that_goes_astray_is_told_how(tmp_path: Path, code: str, words: str) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(assembled(tmp_path, code).ljust(MIB, b"\0"))
    assert words in judge(predict_disk(DiskImage.existing(path))).summary


def test_stage1_stands_every_machine() -> None:
    assert warned(Loader.stage1()) == ""


def warned(loader: Loader) -> str:
    """Return the warnings with which a good kernel is predicted."""
    judgement = judge(predict("selfcheck:200000", BootPlan(loader=loader.name)))
    assert judgement.verdict is Verdict.GOOD
    return " ".join(judgement.warnings)


@pytest.mark.parametrize(
    ("lba", "sectors", "drive"),
    [
        (1 << 63, 1, 0x80),
        ((1 << 64) - 1, 0xFFFF, 0x80),
        (0, 0xFFFF, 0x80),
        (4095, 9, 0x80),
        (0, 1, 0xFF),
    ],
)
def test_whatever_a_loader_asks_for_of_a_disk_is_judged(
    tmp_path: Path, lba: int, sectors: int, drive: int
) -> None:
    path = tmp_path / "disk.img"
    code = assembled(tmp_path, ASK.format(lba=lba, sectors=sectors, drive=drive))
    path.write_bytes(code.ljust(MIB, b"\0"))
    judgement = judge(predict_disk(DiskImage.existing(path)))
    assert judgement.verdict is Verdict.BAD


@pytest.mark.parametrize(("there", "blank"), [(b"", True), (b"\xf4", False)])
def test_loader_of_which_the_next_stage_is_not_there(
    tmp_path: Path, there: bytes, blank: bool
) -> None:
    path = tmp_path / "disk.img"
    code = ASK.format(lba=1, sectors=2, drive=0x80).replace("int 0x18", "cli\nhlt")
    path.write_bytes((assembled(tmp_path, code).ljust(1000, b"\0") + there).ljust(MIB, b"\0"))
    judgement = judge(predict_disk(DiskImage.existing(path)))
    assert judgement.cause == "stage1-hang"
    assert ("LBA 1, which it read last, is all zeros" in judgement.summary) == blank


def test_kernel_that_claims_gigabytes_is_taken_for_none(tmp_path: Path) -> None:
    kernel = bytearray(1024)
    kernel[0x1F4:0x1F8] = b"\xff" * 4
    kernel[0x202:0x208] = b"HdrS\x0f\x02"
    path = tmp_path / "disk.img"
    code = assembled(tmp_path, ASK.format(lba=1, sectors=2, drive=0x80))
    path.write_bytes((code + kernel).ljust(MIB, b"\0"))
    assert predict_disk(DiskImage.existing(path)).kernel is None
