"""Headers with which no kernel comes far, and machines with too little memory for one."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.kernels.image import KernelImage
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.plan import BootPlan, MachineConfig
from bootharness.predictor.predict import predict
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.machine_facts import MachineFacts
from bootharness.trace.milestones import Milestone
from tests.support.builders import bzimage, patched_kernel
from tests.support.traces import handoff, loading_trace, move

pytestmark = pytest.mark.usefixtures("every_word")

MACHINE = MachineFacts("qemu-system-x86_64", "7.2.0", "tcg", "pc", "ide", 64 << 20, ())
WORKS = {"init_size": 1 << 20, "kernel_alignment": 1 << 21, "pref_address": 1 << 24}
FAR = "will not get far"


def entered(*, compression: str = "zstd", ending: str = "reached", **header: Any) -> BootTrace:
    """Return the trace of a boot up to the entry of a kernel with such a header."""
    trace = loading_trace(16, [move(0x100000, 16)], handoff=handoff(1), machine=MACHINE,
                          ending=ending)  # fmt: skip
    assert trace.kernel
    fields = replace(trace.kernel.header, **{**WORKS, "kernel_version": 0x700, **header})
    kernel = replace(trace.kernel, header=fields, compression=compression)
    return replace(trace, until="setup", kernel=kernel)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({}, ""),
        ({"init_size": 48 << 20}, ""),
        ({"init_size": (48 << 20) + 1}, "needs memory up to 0x4000001"),
        ({"init_size": 0}, "init_size is 0"),
        ({"init_size": None, "kernel_alignment": None}, ""),
        ({"kernel_alignment": 0}, "kernel_alignment is 0,"),
        ({"kernel_alignment": 3 << 20}, "kernel_alignment is 3,145,728"),
        ({"kernel_version": 0x7FF}, ""),
        ({"kernel_version": 0x800}, "release stands at 0x000a00"),
        ({"kernel_version": 0x800, "setup_sects": 0}, "setup_sects is 0, which means 4,"),
    ],
)
def test_header_with_which_no_kernel_comes_far(header: dict[str, Any], words: str) -> None:
    judgement = judge(entered(**header))
    assert judgement.verdict is Verdict.GOOD
    assert [FAR in warning and words in warning for warning in judgement.warnings] == (
        [True] if words else []
    )
    begun = replace(
        entered(**header), until="banner", milestones=(Milestone("protected-mode", 0.5),)
    )
    assert not judge(begun).warnings
    failed = replace(begun, ending=replace(begun.ending, kind="guest-reset"))
    assert judge(failed).cause == "decompress-failed"
    assert words in judge(failed).summary
    hung = judge(entered(ending="halted", **header))
    assert (hung.cause, hung.warnings) == ("setup-hang", ())


def test_header_of_what_does_not_unpack_itself_is_its_own_business() -> None:
    assert not judge(entered(compression="", init_size=0, kernel_alignment=0)).warnings


def test_linux_is_known_by_its_release_or_by_how_it_is_packed() -> None:
    packed = entered(init_size=0)
    assert packed.kernel
    unnamed = replace(packed, kernel=replace(packed.kernel, release=""))
    assert "init_size is 0" in judge(unnamed).warnings[0]
    assert "release stands at" in judge(entered(compression="", kernel_version=0x800)).warnings[0]


@pytest.mark.parametrize("memory_mib", [64, 65])
def test_prediction_is_bad_where_the_kernel_has_too_little_memory(
    tmp_path: Path, memory_mib: int
) -> None:
    source = selfcheck_kernel(65536)
    kernel = patched_kernel(source, tmp_path / "bzImage", size=4, init_size=64 << 20)
    plan = BootPlan(until="banner", machine=MachineConfig(memory_mib=memory_mib))
    judgement = judge(predict(str(kernel), plan))
    assert judgement.cause == ("decompress-failed" if memory_mib == 64 else None)
    assert ("the machine has 64 MiB" in judgement.summary) == (memory_mib == 64)
    assert not judgement.warnings


@pytest.mark.parametrize(
    ("at", "text", "release"),
    [
        (0x600, b"6.1.0-50-cloud-amd64 (debian", "6.1.0-50-cloud-amd64"),
        (0x600, b"selfcheck", "selfcheck"),
        (0xC00, b"6.1.0-50-cloud-amd64 (debian", "6.1.0-50-cloud-amd64"),
        (0xC00, b"selfcheck", ""),
        (0xC00, b"\x7fELF", ""),
        (0, b"", ""),
    ],
)
def test_release_behind_the_setup_is_taken_when_it_looks_like_one(
    tmp_path: Path, at: int, text: bytes, release: str
) -> None:
    image = bytearray(bzimage(bytes(4096)))
    image[0x20E:0x210] = (max(at - 0x200, 0)).to_bytes(2, "little")
    if text:
        image[at : at + len(text)] = text
    path = tmp_path / "bzImage"
    path.write_bytes(image)
    assert KernelImage.read(path).release == release
