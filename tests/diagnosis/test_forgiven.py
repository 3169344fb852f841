"""What this BIOS forgave: warned of, and never a reason for a verdict."""

import io
from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.bioscall import BiosCall, DiskAddressPacket
from bootharness.report.document import document
from bootharness.report.terminal import print_result
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.machine_facts import CpuSample, PostMortem
from tests.support.traces import handoff, loading_trace, read, registers

pytestmark = pytest.mark.usefixtures("every_word")


def edd(sectors: int, segment: int, offset: int = 0, *, status: int = 0) -> BiosCall:
    """Return an extended read to ``segment:offset``."""
    packet = DiskAddressPacket(16, 0, sectors, offset, segment, 2048)
    return replace(read(2048, sectors, status=status), packet=packet)


def chs(sectors: int, at: int) -> BiosCall:
    """Return an INT 13h AH=02h to a linear address."""
    inside = registers(eax=0x200 | sectors, ecx=2, edx=0x80, es=at >> 4, ebx=at & 0xF)
    return BiosCall(0x13, 0x02, inside, replace(inside, eax=sectors), 0.0, 0.0)


def booted(*calls: BiosCall) -> BootTrace:
    return loading_trace(0, list(calls), handoff=handoff(len(calls)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (edd(127, 0x2000), ()),
        (edd(127, 0x2100), ()),  # as SYSLINUX does
        (edd(127, 0x2000, 0x200), ()),
        (edd(127, 0x2000, 0x201), ("LBA 2,048, 127 sectors to 0x020201", "end of segment 2000")),
        (edd(128, 0x2000), ("128 sectors at LBA 2,048", "more than the 127")),
        (edd(128, 0x2000, 0x10), ("more than the 127", "segment 2000, 0x030000")),
        (edd(128, 0x2000, 0x10, status=9), ()),
        (edd(0, 0x2000, 0xFFFF), ()),
        (chs(127, 0x20200), ()),
        (chs(128, 0x20200), ("CHS read, 128 sectors to 0x020200", "boundary at 0x030000")),
    ],
)
def test_read_that_other_bioses_refuse_is_warned_of(call: BiosCall, words: tuple[str, ...]) -> None:
    judgement = judge(booted(call))
    assert judgement.verdict is Verdict.GOOD
    assert bool(judgement.warnings) == bool(words)
    for word in words:
        assert word in " ".join(judgement.warnings)


def test_emulated_floppy_of_a_cd_has_no_dma() -> None:
    calls = (chs(128, 0x20200), edd(128, 0x2000, 0x10))
    trace = booted(*calls)
    assert trace.disk
    cd = replace(trace, disk=replace(trace.disk, kind="cdrom"))
    [said] = [each for each in judge(cd).warnings if "goes over" in each]
    assert "the end of segment 2000" in said
    assert not judge(replace(cd, bios_calls=calls[:1])).warnings
    unknown = judge(replace(trace, disk=None)).warnings
    assert any("64 KiB boundary" in each for each in unknown)


REGISTERS = "EIP=0000da2b EFL=00000016 [----AP-] CPL=0 II=0 A20={} SMM=0 HLT=0\n"


@pytest.mark.parametrize(
    ("changes", "closed"),
    [
        ({"a20_wrapped": True}, True),
        ({"post_mortem": 0}, True),
        ({"post_mortem": 1}, False),
        ({}, False),
    ],
)
def test_closed_a20_gate_is_the_cause(changes: dict[str, Any], closed: bool) -> None:
    if (bit := changes.get("post_mortem")) is not None:
        cpu = CpuSample(0.5, 0x7C10, 0, 0x7C10, "real", halted=False, interrupts=True)
        seen = PostMortem("running", cpu, REGISTERS.format(bit), 16, 0, "", "")
        changes = {"post_mortem": seen}
    for ending in ("loop", "guest-reset"):
        trace = replace(loading_trace(0, [read(2052, 5)], ending=ending), **changes)
        assert (judge(trace).cause == "a20-closed") == closed
    assert judge(replace(booted(), **changes)).verdict is Verdict.GOOD
    differs = loading_trace(16, [], handoff=handoff(0, differing=3), ending="memory-differs")
    assert (judge(replace(differs, **changes)).cause == "a20-closed") == closed
    not_emulated = Ending("skipped", 0.0, "port 0x43", "not-emulated")
    judgement = judge(replace(loading_trace(0, [read(2052, 5)]), ending=not_emulated, **changes))
    assert judgement.cause == ("a20-closed" if closed else "not-emulated")


def test_warning_stands_in_what_is_printed_and_in_the_document() -> None:
    trace, output = booted(edd(128, 0x2000)), io.StringIO()
    judgement = judge(trace)
    print_result(trace, judgement, output)
    assert f"warning: {judgement.warnings[0]}" in output.getvalue()
    assert document(trace, judgement)["warnings"] == judgement.warnings
