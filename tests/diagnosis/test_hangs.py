"""How it is told that a boot goes on without getting on."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.bioscall import BiosCall
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.booted import LoaderFacts
from bootharness.trace.machine_facts import CpuSample, PostMortem
from bootharness.trace.milestones import Milestone
from bootharness.trace.network_facts import NetworkFacts
from tests.support.traces import handoff, loading_trace, read, registers, teletype

pytestmark = pytest.mark.usefixtures("every_word")

LOADER = CpuSample(1.0, 0x7C42, 0, 0x7C42, "real", halted=False, interrupts=True)
BIOS = replace(LOADER, linear=0xF1234, cs=0xF000, ip=0x1234)
KERNEL = replace(LOADER, linear=0xFFFFFFFF81000042, cs=0x10, ip=0, mode="long")
OURS = LoaderFacts("stage1", "0" * 64, {"stage1": 0x7C00, "load": 0x7C40, "end": 0x7DB8})


def hung(*calls: BiosCall, kind: str = "loop", said: str = "", **more: Any) -> BootTrace:
    trace = loading_trace(0, [*(calls or (read(2048, 1),))], ending=kind, **more)
    return replace(trace, ending=Ending(kind, 1.0, said))


def evidence(trace: BootTrace) -> tuple[str, ...]:
    diagnosis = judge(trace).diagnosis
    assert diagnosis
    return diagnosis.evidence


# where


@pytest.mark.parametrize(
    ("samples", "line"),
    [
        ((LOADER,), "CPU sampled once, in real mode, at 0000:7c42"),
        ((LOADER, LOADER), "CPU sampled 2 times, always in real mode, at 0000:7c42"),
        (
            (LOADER, replace(LOADER, mode="protected")),
            "CPU sampled 2 times, in real mode, then in protected mode, at 0000:7c42, 0x007c42",
        ),
        (
            tuple(replace(LOADER, linear=0x7C40 + at, ip=0x7C40 + at) for at in range(6)),
            "CPU sampled 6 times, always in real mode, at 0000:7c40, 0000:7c41, 0000:7c42, "
            "0000:7c43 and 2 more places",
        ),
    ],
)
def test_where_the_cpu_was_is_evidence(samples: tuple[CpuSample, ...], line: str) -> None:
    assert evidence(hung(samples=samples)) == (line,)
    assert evidence(hung(kind="waits-for-key")) == ()


def test_a_place_is_told_by_the_loaders_label_until_a_kernel_is_entered() -> None:
    known = hung(samples=(LOADER,), loader=OURS)
    assert "runs on at 0000:7c42 (load+0x2) and gets nowhere" in judge(known).summary
    entered = replace(known, handoff=handoff(1))
    assert "runs on at 0000:7c42 and gets nowhere" in judge(entered).summary


@pytest.mark.parametrize(
    ("kind", "samples", "how"),
    [
        ("loop", (LOADER, BIOS), "the loader runs on at 0000:7c42 and gets nowhere: no calls; "),
        ("loop", (), "the loader runs on and gets nowhere: no calls; "),
        ("halted", (LOADER,), "the loader has halted the CPU with interrupts off at 0000:7c42; "),
        ("waits-for-key", (LOADER,), "the loader waits for a key; "),
        ("idle", (LOADER,), "the loader makes no progress any more at 0000:7c42: no calls; "),
    ],
)
def test_what_the_loader_does_that_does_not_get_on(
    kind: str, samples: tuple[CpuSample, ...], how: str
) -> None:
    judgement = judge(hung(kind=kind, samples=samples, said="no calls"))
    assert judgement.cause == "stage1-hang"
    assert judgement.summary.startswith(how)


RETURNS = replace(LOADER, linear=0xFFF53, cs=0xF000, ip=0xFF53)


@pytest.mark.parametrize(
    ("code", "samples", "why"),
    [
        ("f7f1", (LOADER, RETURNS), "the division at 0000:7c42 is by zero, or its result does not"),
        ("66f7f9", (LOADER, RETURNS), "the division at 0000:7c42 is by zero"),
        ("0f0b", (LOADER, RETURNS), "the CPU refuses the instruction at 0000:7c42 with an exc"),
        ("f7e1", (LOADER, RETURNS), "the CPU refuses the instruction at 0000:7c42"),
        ("66f7f1", (LOADER, RETURNS), "the division at 0000:7c42 is by zero"),
        ("58f6f1", (LOADER, RETURNS), "the CPU refuses the instruction at 0000:7c42"),
        ("0ff6f1", (LOADER, RETURNS), "the CPU refuses the instruction at 0000:7c42"),
        ("585866f7f1", (LOADER, RETURNS), "the CPU refuses the instruction at 0000:7c42"),
        ("ebfe", (*(LOADER,) * 4, RETURNS), "the CPU refuses the instruction at 0000:7c42"),
        ("ebfe", (*(LOADER,) * 9, RETURNS), ""),
        ("ebfe", (LOADER, RETURNS, BIOS), ""),
        ("ebfe", (LOADER, RETURNS, replace(LOADER, linear=0x7C40, ip=0x7C40)), ""),
        ("ebfe", (replace(LOADER, mode="protected"), RETURNS), ""),
        ("ebfe", (LOADER,), ""),
    ],
)
def test_an_instruction_that_the_cpu_refuses_for_ever_is_told(
    code: str, samples: tuple[CpuSample, ...], why: str
) -> None:
    trace = hung(samples=samples)
    assert trace.disk
    sector = bytes(0x42) + bytes.fromhex(code)
    disk = replace(
        trace.disk, boot_sector=(b"\x90" + sector[1:].ljust(509, b"\0") + b"\x55\xaa").hex()
    )
    summary = judge(replace(trace, disk=disk)).summary
    assert (f" and gets nowhere: {why}" in summary) if why else (" gets nowhere; " in summary)


def test_an_instruction_that_is_not_of_the_boot_sector_is_not_looked_up() -> None:
    elsewhere = replace(LOADER, linear=0x7C00 - 2, ip=0x7BFE)
    trace = hung(samples=(elsewhere, RETURNS))
    assert trace.disk
    sector = "90f7f1".ljust(1020, "0") + "55aa"
    summary = judge(replace(trace, disk=replace(trace.disk, boot_sector=sector))).summary
    assert "the CPU refuses the instruction at 0000:7bfe" in summary
    assert "the CPU refuses the instruction" in judge(replace(trace, disk=None)).summary


@pytest.mark.parametrize("kind", ["loop", "idle"])
@pytest.mark.parametrize(
    ("mode", "code", "told"),
    [("real", "00" * 96, True), ("real", "00" * 95 + "90", False), ("real", "", False),
     ("real", "00" * 32, True), ("real", "00" * 31, False), ("protected", "00" * 96, False)],
)  # fmt: skip
def test_a_loader_that_runs_where_nothing_was_loaded_is_told(
    kind: str, mode: str, code: str, told: bool
) -> None:
    astray = replace(LOADER, linear=0x1D320, cs=0x1000, ip=0xD320, mode=mode)
    seen = PostMortem("running", astray, "", 16, 0x1D2E0, code, "")
    summary = judge(replace(hung(kind=kind, samples=(astray,)), post_mortem=seen)).summary
    assert (": memory there is all zeros, so it went to where nothing had" in summary) is told


BY_BIOS = tuple(teletype("Booting", cs=0xF000))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, True),
        ({"bios_calls": (*BY_BIOS, read(2048, 1))}, False),
        ({"calls_left_out": 1}, False),
        ({"samples": (BIOS, LOADER)}, False),
        ({"samples": (BIOS, replace(BIOS, halted=True))}, False),
        ({"milestones": ()}, False),
    ],
)
def test_a_loader_that_runs_into_a_bios_which_it_never_called(
    change: dict[str, Any], told: bool
) -> None:
    entered = (Milestone("bios-handoff", 0.5),)
    trace = replace(hung(samples=(BIOS, BIOS)), bios_calls=BY_BIOS, milestones=entered)
    summary = judge(replace(trace, **change)).summary
    assert ("the BIOS's own code, though the loader had called nothing of it" in summary) is told


def test_a_bios_hangs_where_nobody_else_has_begun() -> None:
    hangs = hung(samples=(BIOS, BIOS))
    assert judge(hangs).cause == "bios-hang"
    alone = replace(hangs, bios_calls=BY_BIOS)
    assert (judge(alone).verdict, judge(alone).cause) == (Verdict.SKIP, "bios-stuck")
    assert judge(replace(alone, calls_left_out=1)).cause == "bios-hang"
    inside = replace(read(2048, 1), registers_out=None)
    assert judge(replace(alone, bios_calls=(*BY_BIOS, inside))).cause == "bios-hang"
    entered = (Milestone("bios-handoff", 0.5),)
    assert judge(replace(alone, milestones=entered)).cause == "stage1-hang"
    assert judge(replace(alone, handoff=handoff(1))).cause == "setup-hang"
    assert judge(replace(hangs, handoff=handoff(1))).cause == "setup-hang"
    wire = NetworkFacts("ipxe", "bios", "virtio", "10.0.2.2", "52:54:00:12:34:56", {})
    assert judge(replace(hangs, network=wire)).cause != "bios-hang"
    assert judge(replace(hangs, samples=(BIOS, LOADER))).cause == "stage1-hang"


# why


@pytest.mark.parametrize(
    ("sector", "why"),
    [
        ("00" * 440 + "ab" * 70 + "55aa", "; the code in the boot sector is all zeros; "),
        ("00" * 439 + "01" + "ab" * 70 + "55aa", "; LBA 2,060, which it read last, is all zeros;"),
        ("", "; LBA 2,060, which it read last, is all zeros;"),
    ],
)
def test_a_loader_that_has_nothing_to_run_hangs(sector: str, why: str) -> None:
    trace = hung(samples=(LOADER,), milestones=())
    assert trace.disk
    disk = replace(trace.disk, boot_sector=sector, blank_lba=2060, kind="cdrom")
    assert why in judge(replace(trace, disk=disk)).summary
    assert "all zeros" not in judge(replace(trace, disk=replace(disk, blank_lba=None))).summary or (
        "the code" in why
    )
    assert "all zeros" not in judge(replace(trace, disk=None)).summary


@pytest.mark.parametrize(
    ("cmdline", "why"),
    [
        (None, "its command line was not seen: has it console=ttyS0?"),
        ("root=/dev/sda", "its command line has no console=ttyS0"),
        ("quiet", "its command line has no console=ttyS0"),
        ("console=ttyS0 quiet", "its command line has quiet"),
        ("console=ttyS0 unquiet", "its command line has console=ttyS0: has it a driver for the "
         "serial line?"),
    ],
)  # fmt: skip
def test_why_a_kernel_may_say_nothing(cmdline: str | None, why: str) -> None:
    entered = replace(handoff(1), cmdline=cmdline)
    runs = hung(kind="idle", samples=(LOADER, KERNEL), milestones=(Milestone("protected-mode", 1),))
    judgement = judge(replace(runs, handoff=entered))
    assert judgement.cause == "kernel-silent"
    assert judgement.summary.endswith(f"; {why}")
    if cmdline is None:
        assert judge(runs).summary == judgement.summary


# the last call

CURSOR = BiosCall(0x10, 0x02, *[registers(eax=0x0200)] * 2, 0.0, 0.0)


@pytest.mark.parametrize(
    ("calls", "last"),
    [
        ((read(2048, 1), CURSOR), "INT 13h AH=42h, extended read, from 0000:7d41"),
        ((read(2048, 1), *teletype("x"), CURSOR), "INT 10h AH=0eh, teletype output, from"),
        ((CURSOR,), "INT 10h AH=02h, set cursor, from 0000:0000"),
        ((CURSOR, replace(CURSOR, function=0x09)), "INT 10h AH=09h, write character, from"),
        ((read(2048, 1), replace(CURSOR, number=0x11)), "INT 11h AH=02h from 0000:0000"),
        ((read(2048, 1), replace(CURSOR, number=0x16)), "INT 16h AH=02h, shift flags, from"),
    ],
)
def test_the_last_call_is_one_that_does_more_than_set_the_screen(
    calls: tuple[BiosCall, ...], last: str
) -> None:
    assert f"; the last BIOS call was {last}" in judge(hung(*calls, samples=(LOADER,))).summary
