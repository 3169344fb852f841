"""How a guest ends a boot by itself, and whose kernel and whose words they were."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.bzimage import SetupHeader
from bootharness.trace.boot_trace import (
    BY_THE_BIOS,
    CRASH_REPORTED,
    PANIC_REPORTED,
    RESET_BY,
    BootTrace,
    Ending,
)
from bootharness.trace.booted import LoaderFacts
from bootharness.trace.heard import Heard
from bootharness.trace.machine_facts import CpuSample, PostMortem
from bootharness.trace.milestones import Milestone
from tests.support.builders import bzimage
from tests.support.traces import handoff, loading_trace, read

pytestmark = pytest.mark.usefixtures("every_word")

HANG = b"\xeb\xfe"


def cpu(linear: int = 0x7C20, mode: str = "real") -> CpuSample:
    return CpuSample(1.0, linear, 0, linear & 0xFFFF, mode, halted=False, interrupts=False)


def stopped_in(
    code: bytes, *, behind: bytes = HANG, dx: int = 0, linear: int = 0x7C20
) -> BootTrace:
    """Return the trace of a reset by a CPU that stands behind code."""
    here = cpu(linear, "real" if linear < 0xC0000 else "protected")
    seen = PostMortem("shutdown", here, f"EAX=00000000 EDX={0xABCD0000 | dx:08x}\n", 16,
                      linear - len(code), (code + behind).hex(), "")  # fmt: skip
    trace = loading_trace(0, [read(1, 1)], ending="guest-reset")
    return replace(trace, kernel=None, post_mortem=seen, samples=(here,))


@pytest.mark.parametrize(
    ("trace", "cause"),
    [
        (stopped_in(b"\xb0\xfe\xe6\x64"), "reset-keyboard"),
        (stopped_in(b"\xee", dx=0x64), "reset-keyboard"),
        (stopped_in(b"\xe6\x92"), "reset-port-92"),
        (stopped_in(b"\xe7\x92"), "reset-port-92"),
        (stopped_in(b"\xef", dx=0x92), "reset-port-92"),
        (stopped_in(b"\xee", dx=0xCF9), "reset-cf9"),
        (stopped_in(b"\xee" + bytes(10), dx=0xCF9), "reset-cf9"),
        (stopped_in(b"\xee" + bytes(12), dx=0xCF9), "triple-fault"),
        (stopped_in(b"", behind=b"\xee\x90", dx=0xCF9), "reset-cf9"),
        (stopped_in(b"", behind=b"\x90\xee", dx=0xCF9), "reset-cf9"),
        (stopped_in(b"", behind=b"\x90\x90\xee", dx=0xCF9), "triple-fault"),
        (stopped_in(b"\xb0\x64"), "triple-fault"),
        (stopped_in(b"\xee", dx=0xCF9, linear=0xEFAAD), "reset-bios"),
        (stopped_in(b"\xee", dx=0xCF8), "triple-fault"),
        (stopped_in(b"\xe6\x80"), "triple-fault"),
        (stopped_in(b"\x0f\x0b"), "triple-fault"),
        (stopped_in(b"\x0f\x0b", linear=0xFC131), "triple-fault"),
    ],
)
def test_reset_is_told_by_the_code_behind_which_the_cpu_stands(
    trace: BootTrace, cause: str
) -> None:
    assert judge(trace).cause == cause


@pytest.mark.parametrize(
    ("detail", "cause"),
    [
        *zip(RESET_BY.values(), ("reset-keyboard", "reset-port-92", "reset-cf9"), strict=True),
        (BY_THE_BIOS, "reset-bios"),
        ("#UD, where nobody handles it", "triple-fault"),
        ("", "triple-fault"),
    ],
)
def test_predicted_reset_tells_by_what_it_was(detail: str, cause: str) -> None:
    trace = loading_trace(0, [read(1, 1)], ending="guest-reset", tracer="emulator")
    assert judge(replace(trace, ending=Ending("guest-reset", 0.0, detail))).cause == cause


def test_reset_before_the_first_call_is_in_the_loader() -> None:
    trace = replace(loading_trace(0, [], ending="guest-reset"), kernel=None, samples=(cpu(),))
    assert "in the loader, which had not called the BIOS yet" in judge(trace).summary
    bios = replace(trace, samples=(cpu(0xF1234),))
    assert "before the loader" in judge(bios).summary
    point = replace(trace, milestones=(Milestone("stage1", 0.5),), bios_calls=(read(1, 1),))
    assert "after stage1" in judge(point).summary


@pytest.mark.parametrize(
    ("kind", "cause"), [("guest-shutdown", "guest-powered-off"), ("guest-suspended",) * 2]
)
@pytest.mark.parametrize("milestones", [(), (Milestone("stage1", 0.5), Milestone("banner", 1.0))])
def test_guest_that_stops_the_machine(
    kind: str, cause: str, milestones: tuple[Milestone, ...]
) -> None:
    trace = loading_trace(0, [read(1, 1)], ending=kind, milestones=milestones, serial="a\nb\n")
    assert judge(replace(trace, kernel=None)).cause == cause


@pytest.mark.parametrize(
    ("wanted", "before"),
    [
        ({"until": "shutdown"}, ", and no kernel had run by then; "),
        ({"until": "login:"}, ", before 'login:' had come; "),
        ({"until": "screen", "until_screen": "login:"}, ", before 'login:' had come; "),
        ({"until": "banner"}, "; no milestone"),
    ],
)
def test_what_a_guest_that_stops_the_machine_had_not_come_to(
    wanted: dict[str, str], before: str
) -> None:
    lines = "".join(f"{number}\n" for number in range(6))
    trace = loading_trace(0, [read(1, 1)], ending="guest-shutdown", serial=lines)
    judgement = judge(replace(trace, kernel=None, **wanted))  # type: ignore[arg-type]
    assert judgement.cause == "guest-powered-off"
    assert f"switched the machine off 1.00 s after launch{before}" in judgement.summary
    assert judgement.diagnosis
    assert judgement.diagnosis.evidence == (str(read(1, 1)), *"2345")


@pytest.mark.parametrize("detail", [PANIC_REPORTED, CRASH_REPORTED])
def test_panic_that_no_kernel_can_have_reported(detail: str) -> None:
    trace = replace(loading_trace(0, [read(1, 1)]), ending=Ending("panic", 1.0, detail))
    trace = replace(trace, kernel=None, samples=(cpu(),))
    assert judge(trace).cause == "port-misused"
    kernels: tuple[dict[str, Any], ...] = (
        {"handoff": handoff(1)},
        {"milestones": (Milestone("banner", 1.0),)},
        {"samples": (cpu(0xFFFFFFFF81000000, "long"),)},
    )
    for more in kernels:
        assert judge(replace(trace, **more)).cause == "kernel-panic"


def test_bytes_on_the_recorders_port_explain_only_what_nothing_better_does() -> None:
    trace = replace(loading_trace(0, [read(1, 1)], ending="loop"), kernel=None, foreign_bytes=300,
                    samples=(cpu(),) * 4)  # fmt: skip
    assert judge(trace).cause == "port-misused"
    assert "300 bytes" in judge(trace).summary
    failed = replace(trace, bios_calls=(read(1, 1, status=4),))
    assert judge(failed).cause == "disk-read-failed"
    good = loading_trace(0, [read(1, 1)], foreign_bytes=300, handoff=handoff(1))
    assert judge(good).verdict is Verdict.GOOD
    menu = replace(trace, until="login:", ending=Ending("reached", 1.0))
    assert judge(menu).cause != "port-misused"


OURS = LoaderFacts("stage1", "0" * 64, {})


def asked(**more: Any) -> BootTrace:
    """Return a boot that came as far as wanted, of a kernel 6.1.0."""
    values: dict[str, Any] = {"heard": Heard(release="6.1.0"), "route": "mbr", **more}
    return loading_trace(0, [read(1, 1)], **values)


def header(syssize: int) -> SetupHeader:
    return replace(SetupHeader.parse(bzimage(syssize=syssize)), type_of_loader=0xFF,
                   cmd_line_ptr=0x99000, loadflags=0x81, heap_end_ptr=0x9000)  # fmt: skip


@pytest.mark.parametrize(
    ("trace", "cause"),
    [
        (asked(), None),
        (asked(heard=Heard(release="6.0.0"), loader=OURS), "other-kernel"),
        (asked(heard=Heard(release="6.0.0"), handoff=handoff(1)), None),  # memory is proof
        (asked(heard=Heard(release="6.0.0"), loader=None), None),  # nobody asked for one
        (asked(heard=Heard()), "kernel-not-entered"),
        (asked(heard=Heard(), tracer="none"), None),
        (asked(heard=None), None),  # a trace from before it was known
        (asked(heard=Heard(on="screen")), None),
        (asked(heard=Heard(disowned="'Linux version 9' at 0000:7c20")), "kernel-not-entered"),
        (asked(heard=Heard(release="6.1.0", disowned="'x' at 0000:7c20")), None),
    ],
)
def test_kernel_that_booted_is_the_one_that_was_asked_for(
    trace: BootTrace, cause: str | None
) -> None:
    assert judge(trace).cause == cause


@pytest.mark.parametrize(
    ("release", "syssize", "cause"),
    [
        ("6.0.0-1-amd64", 999, "other-kernel"),
        ("6.0.0-1-amd64", 0, "payload-corrupt"),  # the same size: damaged
        ("6.1.0", 999, "payload-corrupt"),
        ("\x01\x02", 999, "payload-corrupt"),
        (None, 999, "payload-corrupt"),
    ],
)
def test_kernel_whose_header_is_anothers(release: str | None, syssize: int, cause: str) -> None:
    entered = replace(handoff(1, differing=500), header=header(syssize), release=release)
    trace = asked(heard=Heard(), loader=OURS, handoff=entered, ending="memory-differs")
    assert judge(trace).cause == cause


def test_recorder_that_tells_of_no_call_proves_nothing() -> None:
    silent = replace(asked(), bios_calls=())
    assert (judge(silent).verdict, judge(silent).cause) == (Verdict.SKIP, "recorder-silent")
    for more in ({"tracer": "none"}, {"heard": None}, {"gdb_calls": (read(1, 1),)}):
        assert judge(replace(silent, **more)).cause != "recorder-silent"  # type: ignore[arg-type]
    nothing = replace(silent, ending=Ending("idle", 10.0))
    assert judge(nothing).cause != "recorder-silent"
    assert judge(replace(nothing, serial="x")).cause == "recorder-silent"


def test_rules_that_need_all_calls_are_silent_when_some_are_left_out() -> None:
    trace = loading_trace(0, [read(1 << 30, 1, status=4)], ending="idle", calls_left_out=1)
    assert judge(replace(trace, calls_left_out=0)).cause == "wrong-sectors"
    assert judge(trace).cause == "stage1-hang"


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        (Heard(release="6.1.0"), "banner of 6.1.0"),
        (Heard(on="screen"), "no banner but other words on the screen"),
        (Heard(on="serial line"), "no banner but other words on the serial line"),
    ],
)
def test_good_verdict_says_what_was_heard(heard: Heard, words: str) -> None:
    said = judge(asked(heard=heard, handoff=handoff(1))).summary
    assert said.endswith(words)
    alive = asked(heard=heard, handoff=handoff(1), milestones=(Milestone("init", 2.0),))
    assert judge(alive).summary.endswith(f"{words}, userspace alive")
