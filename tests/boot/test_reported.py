"""What people have reported to the projects whose parts are booted here, each made small."""

from pathlib import Path

import pytest

from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.host.assembler import assemble_flat
from bootharness.host.workspace import Workspace
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot, boot_medium
from bootharness.plan import BootPlan, choose
from bootharness.predictor.predict import predict
from bootharness.routes.net import net_image, network_for, plugged_in
from bootharness.trace.boot_trace import BootTrace
from tests.support.boots import settled
from tests.support.net_files import serving
from tests.support.processes import run

LKRN = Path("/usr/lib/ipxe/ipxe.lkrn")


def booted(source: object, **options: object) -> tuple[BootTrace, Judgement]:
    """Boot a source; what is not installed skips the test."""
    plan = choose(BootPlan(), {"timeout_s": 120.0, **options})
    trace = boot(str(source), plan)
    if trace.ending.cause == "tool-missing":
        pytest.skip(trace.ending.detail)
    return trace, judge(trace)


@pytest.mark.parametrize(("missing", "cause"), [(15, None), (16, "payload-truncated")])
def test_file_shorter_than_its_paragraphs_is_whole(
    tmp_path: Path, missing: int, cause: str | None
) -> None:
    kernel = tmp_path / "memtest"
    kernel.write_bytes(selfcheck_kernel(100_000).read_bytes()[:-missing])
    _, judgement = booted(kernel, until="setup")
    assert judgement.cause == cause, judgement.summary


@pytest.mark.skipif(not LKRN.exists(), reason="ipxe is not installed")
@pytest.mark.parametrize("route", ["mbr", "pxelinux"])
def test_program_whose_code32_start_is_0_goes_to_1_mib(route: str) -> None:
    trace, judgement = booted(LKRN, route=route, until="setup")
    assert trace.kernel
    assert trace.kernel.header.code32_start == 0
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.handoff
    assert trace.handoff.memory_equal


@pytest.mark.skipif(not LKRN.exists(), reason="ipxe is not installed")
def test_program_whose_code32_start_is_0_is_predicted_and_has_room() -> None:
    judgement = judge(predict(str(LKRN), BootPlan(until="setup")))
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    done = run("headroom", LKRN)
    assert done.returncode == 0, done.stderr
    assert "303,456 bytes" in done.stdout


@pytest.mark.parametrize("mode", ["ask", "791"])
def test_video_mode_that_no_loader_sets_is_warned_of(mode: str) -> None:
    _, judgement = booted("selfcheck:16", until="setup", cmdline=f"console=ttyS0 vga={mode}")
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert any(f"vga={mode} on the command line" in each for each in judgement.warnings)


@pytest.mark.long
def test_quiet_kernel_of_an_installer_is_good_over_the_network(debian: str) -> None:
    _, judgement = booted(
        debian,
        route="ipxe",
        until="banner",
        cmdline="console=ttyS0,115200 vga=788 --- quiet",
    )
    assert judgement.verdict is Verdict.GOOD, judgement.summary


def test_card_that_has_no_link_for_a_while_boots_when_it_has() -> None:
    trace, judgement = booted(
        "selfcheck:100000", route="ipxe", until="setup", nic="e1000", faults=["link-down:seconds=3"]
    )
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.ending.seconds > 3


@pytest.mark.long
def test_one_frame_in_twenty_lost_is_come_through() -> None:
    _, judgement = booted(
        "selfcheck:100000", route="pxelinux", until="setup", faults=["loss:rate=0.05"]
    )
    assert judgement.verdict is Verdict.GOOD, judgement.summary


def test_kernel_that_crashes_its_firmware_is_told_by_the_dump(debian: str, tmp_path: Path) -> None:
    image = bytearray(fetch(debian).path.read_bytes())
    pe = int.from_bytes(image[0x3C:0x40], "little")
    entry = int.from_bytes(image[pe + 0x28 : pe + 0x2C], "little")
    image[entry : entry + 2] = b"\x0f\x0b"  # UD2
    (tmp_path / "bzImage").write_bytes(image)
    trace, judgement = booted(tmp_path / "bzImage", route="uefi-ipxe", until="banner")
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "firmware-crashed")
    assert "X64 Exception Type - 06" in judgement.summary
    assert judgement.diagnosis
    assert any("RIP" in line for line in judgement.diagnosis.evidence)
    assert trace.ending.seconds < 60


SAYS = """
        bits 16
        org 0x7c00
        xor ax, ax
        mov ds, ax
        mov si, words
next:   lodsb
        test al, al
        jz $
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        jmp next
words:  db 'iPXE 1.21.1+git-20220113 -- https://ipxe.org', 13, 10
        db 'tftp://10.0.2.1/autoexec.ipxe... Not found (https://ipxe.org/2d12618e)', 13, 10
        db `{}`, 0
        times 2048 - ($ - $$) db 0
"""
GAVE_UP = "Could not boot image: Exec format error (https://ipxe.org/2e022081)"


def test_ipxe_of_today_is_understood(tmp_path: Path) -> None:
    """Its addresses begin with https, and a script that nobody has is no failure."""
    (tmp_path / "nbp.asm").write_text(SAYS.format(GAVE_UP + r"\r\n"))
    plan = choose(BootPlan(), {"route": "undionly", "until": "setup", "timeout_s": 60.0})
    plan = settled(plan)
    image = net_image(fetch("selfcheck:1600"), plan)
    nbp = assemble_flat(tmp_path / "nbp.asm")
    image = serving(image, "undionly.kpxe", nbp)
    with (
        Workspace() as workspace,
        network_for(image, plan) as network,
        plugged_in(network, image, workspace) as medium,
    ):
        judgement = judge(boot_medium("selfcheck:1600", medium, plan, workspace))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "script-error")
    assert f'"{GAVE_UP}"' in judgement.summary
