"""What ran that was not the kernel that was to be tested."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.heard import Heard
from bootharness.trace.machine_facts import CpuSample, MachineFacts, PostMortem
from bootharness.trace.synthetic import NOT_ENTERED
from tests.support.traces import loading_trace, read

pytestmark = pytest.mark.usefixtures("every_word")

ENTRY = 0x100000
# two bytes before the entry were seen, and four behind the halt
SEEN = f"9090{NOT_ENTERED}90909090"


def halted(
    at: int = ENTRY + 12, *, mode: str = "protected", ending: str = "halted", code: str = SEEN
) -> BootTrace:
    cpu = CpuSample(1.0, at, 8, at, mode, halted=True, interrupts=False)
    seen = PostMortem("paused", cpu, "", 32, ENTRY - 2, code, "")
    return loading_trace(0, [read(2048, 1)], ending=ending, post_mortem=seen, samples=(cpu,) * 3)


def test_a_synthetic_kernel_that_was_entered_past_its_setup_code_proves_nothing() -> None:
    judgement = judge(halted())
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "no-32-bit-entry")
    assert judgement.summary == (
        "the loader entered the kernel at its 32-bit entry, 0x100000, and a selfcheck kernel has "
        "none: what it does with another kernel is not known"
    )


@pytest.mark.parametrize(
    "trace",
    [
        halted(mode="real"),
        halted(ending="loop"),
        halted(ENTRY + 11),
        halted(ENTRY + 13),
        halted(ENTRY - 2),
        halted(ENTRY - 4),
        halted(code="90" * 20),
        replace(halted(), post_mortem=None),
    ],
)
def test_what_halts_elsewhere_or_otherwise_is_none(trace: BootTrace) -> None:
    assert judge(trace).cause != "no-32-bit-entry"


LINES = "".join(f"line {number}\r\n" for number in range(6))


@pytest.mark.parametrize(
    "heard", [Heard(), Heard(disowned="'Linux version 9' at 0000:7c20")], ids=["silent", "disowned"]
)
def test_what_was_written_last_is_evidence_that_no_kernel_was_entered(heard: Heard) -> None:
    more: dict[str, Any] = {"heard": heard, "serial": LINES, "route": "mbr"}
    diagnosis = judge(loading_trace(0, [read(2048, 1)], **more)).diagnosis
    assert diagnosis
    assert diagnosis.cause == "kernel-not-entered"
    assert diagnosis.evidence == ("line 2", "line 3", "line 4", "line 5")


@pytest.mark.parametrize("tracer", ["recorder", "both"])
def test_a_recorder_that_is_silent_proves_nothing_beside_gdb_either(tracer: str) -> None:
    silent = loading_trace(0, [], tracer=tracer, heard=Heard(release="6.1.0"))
    assert judge(silent).cause == "recorder-silent"


def test_a_recorder_that_is_silent_proves_nothing_of_either_firmware() -> None:
    silent = replace(
        loading_trace(0, [], ending="idle", serial="hello\n"), bios_calls=(), heard=Heard()
    )
    for firmware, of in (("bios", "of no BIOS call"), ("uefi", "of no call")):
        machine = MachineFacts("qemu", "7.2", "tcg", "pc", None, 512 << 20, (), firmware=firmware)
        judgement = judge(replace(silent, machine=machine))
        assert judgement.verdict is Verdict.SKIP
        assert f"the recorder told {of}, so nothing is known" in judgement.summary
