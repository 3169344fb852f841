"""How boots over the network end that did not end as they should: quietly, cut, crashed."""

import stat
from pathlib import Path
from random import Random

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.cpio import CpioEntry, build
from bootharness.host.assembler import assemble_flat, shipped
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.trace.boot_trace import BootTrace


def boot_over(source: str, route: str, **options: object) -> BootTrace:
    """Boot a kernel from a network; what is not installed skips the test."""
    plan = choose(BootPlan(), {"timeout_s": 120.0, "route": route, **options})
    trace = boot(source, plan)
    if trace.ending.cause == "tool-missing":
        pytest.skip(trace.ending.detail)
    return trace


@pytest.fixture
def large_initrd(tmp_path: Path) -> Path:
    """An initrd of 120 MiB: our /init, and ballast that cannot be compressed."""
    init = assemble_flat(shipped("images/init.asm"), WORD=8)
    path = tmp_path / "initrd"
    path.write_bytes(
        build(
            (
                CpioEntry("dev", stat.S_IFDIR | 0o755),
                CpioEntry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)),
                CpioEntry("init", stat.S_IFREG | 0o755, init),
                CpioEntry("ballast", stat.S_IFREG | 0o644, Random(1).randbytes(1 << 20) * 120),
            )
        )
    )
    return path


@pytest.mark.long
@pytest.mark.parametrize(
    ("cmdline", "until"), [("console=ttyS0 quiet", "banner"), ("console=tty0 panic=-1", "init")]
)
def test_boot_that_is_done_and_switches_the_machine_off_is_good(
    debian: str, cmdline: str, until: str
) -> None:
    judgement = judge(boot_over(debian, "uefi-ipxe", cmdline=cmdline, until=until))
    assert judgement.verdict is Verdict.GOOD, judgement.summary


@pytest.mark.long
def test_initrd_that_is_cut_is_bad_though_init_was_reached(debian: str, large_initrd: Path) -> None:
    cut, whole = (
        judge(boot_over(debian, "direct", initrd=str(large_initrd), memory_mib=memory))
        for memory in (256, 512)
    )
    assert cut.cause == "initramfs-cut", cut.summary
    assert whole.verdict is Verdict.GOOD, whole.summary


def test_kernel_without_a_stub_is_not_even_tried(debian: str, tmp_path: Path) -> None:
    image = bytearray(fetch(debian).path.read_bytes())
    image[:2] = bytes(2)
    path = tmp_path / "bzImage"
    path.write_bytes(image)
    trace = boot_over(str(path), "uefi-ipxe")
    assert (trace.ending.kind, trace.machine) == ("foreseen", None)
    assert judge(trace).cause == "no-efi-stub"


@pytest.mark.parametrize(
    ("route", "adds"), [("ipxe", 0), ("pxelinux", 19), ("uefi-ipxe", 26), ("lpxelinux", 37)]
)
def test_command_line_that_is_too_long_is_known_before(debian: str, route: str, adds: int) -> None:
    trace = boot_over(debian, route, cmdline="a" * (2048 - adds))
    assert trace.ending.kind == "foreseen"
    judgement = judge(trace)
    assert judgement.cause == "cmdline-wrong"
    assert "has 2,048 bytes" in judgement.summary
