"""A kernel that needs another CPU: its words, and where it halts without any."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.kernels.initrd import INIT_MARKER
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.machine_facts import CpuSample, MachineFacts, PostMortem
from bootharness.trace.milestones import Milestone
from bootharness.trace.signs import complaint, kernel_signs
from tests.support.traces import loading_trace, read

pytestmark = pytest.mark.usefixtures("every_word")

# of Debian's 6.1, from .Lno_longmode on
HALT, CHECK = b"\xf4\xeb\xfd", b"\x66\x0f\x1f\x44\x00\x00\x9c\x6a\x00\x9d\xb8"
BEFORE = b"\x4c\x89\xfe\xff\xe0"


def machine(**about: Any) -> MachineFacts:
    known = {"qemu": "qemu-system-x86_64", "qemu_version": "7.2.22", "accelerator": "tcg",
             "machine_type": "pc", "disk_interface": "ahci", "memory_bytes": 1 << 29,
             "command_line": ()}  # fmt: skip
    return MachineFacts(**{**known, **about})


def halted(
    code: bytes = BEFORE + HALT + CHECK, *, at: int = 6, mode: str = "protected",
    halts: bool = True, ending: str = "halted", **about: Any,
) -> BootTrace:  # fmt: skip
    """Return the trace of a boot manager's boot that has stopped in some code."""
    begin = 0x1D60040
    here = CpuSample(1.0, begin + at, 8, begin + at, mode, halted=halts, interrupts=False)
    seen = PostMortem("running", here, "", 32, begin, code.hex(), "")
    trace = loading_trace(0, [read(1, 1)], ending=ending, loader=None)
    return replace(trace, kernel=None, post_mortem=seen, samples=(here,) * 4,
                   machine=machine(**about))  # fmt: skip


@pytest.mark.parametrize("at", [5, 6])
@pytest.mark.parametrize("ending", ["halted", "idle"])
def test_kernel_that_halts_where_it_checks_the_cpu_needs_another(at: int, ending: str) -> None:
    judgement = judge(halted(at=at, ending=ending, cpu_asked="pentium3", cpu_lacks=("sse2", "lm")))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "wrong-cpu")
    assert "than pentium3, which --cpu asks for: there is no sse2 and no long mode" in (
        judgement.summary
    )
    assert not judgement.consequences


def test_code_that_was_seen_from_the_halt_on_is_enough() -> None:
    assert judge(halted(HALT + CHECK, at=0)).cause == "wrong-cpu"


def test_what_a_cpu_lacks_is_told_where_it_is_known() -> None:
    known = halted(cpu_asked="pentium3")
    assert judge(known).summary.endswith("than pentium3, which --cpu asks for")
    assert judge(replace(known, machine=None)).summary.endswith("than this machine has")


@pytest.mark.parametrize(
    "trace",
    [
        halted(BEFORE + HALT + b"\x90" * 20),
        halted(BEFORE + HALT),
        halted(BEFORE + HALT + b"\x90" * 20 + CHECK),
        halted(at=0),
        halted(halts=False),
        halted(mode="long"),
        halted(b"", at=0),
        halted(HALT + CHECK, at=-1),
    ],
)
def test_other_halts_are_not_taken_for_it(trace: BootTrace) -> None:
    assert judge(trace).cause != "wrong-cpu"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("This kernel requires an x86-64 CPU, but only detected an i686 CPU.\r\n"
         "Unable to boot - please use a kernel appropriate for your CPU.\r\n",
         "This kernel requires an x86-64 CPU, but only detected an i686 CPU."),
        ("This kernel requires the following features not present on the CPU:\r\ncmov pae \r\n"
         "Unable to boot - please use a kernel appropriate for your CPU.\r\n",
         "This kernel requires the following features not present on the CPU: cmov pae"),
        ("Unable to boot - please use a kernel appropriate for your CPU.\r\n",
         "Unable to boot - please use a kernel appropriate for your CPU"),
    ],
)  # fmt: skip
def test_what_the_kernel_says_of_the_cpu_is_told_with_what_it_lacks(
    written: str, said: str
) -> None:
    heard = complaint(written)
    assert heard
    (sign,) = (
        each for each in kernel_signs(INIT_MARKER, own_init=True) if each.name == "complaint"
    )
    found = sign.pattern.search(written.encode())
    assert found
    assert found[1].decode().strip() == heard
    trace = replace(
        loading_trace(0, [read(1, 1)]), ending=Ending("complaint", 1.0, heard),
        machine=machine(cpu_asked="486"),
    )  # fmt: skip
    assert judge(trace).summary == (
        f'the kernel needs another CPU than 486, which --cpu asks for; it says "{said}"'
    )


def test_features_are_not_waited_for_in_vain() -> None:
    begun = "This kernel requires the following features not present on the CPU:\r\ncmov"
    assert complaint(begun) is None
    assert complaint(begun + "x" * 100_000) is None


HANGS = {
    "ending": Ending("loop", 20.0),
    "serial": "tsc: Marking TSC unstable due to could not calculate TSC khz\r\n",
}


@pytest.mark.parametrize(
    ("about", "more", "cause"),
    [
        ({"machine_type": "microvm"}, {}, "no-timer"),
        ({"machine_type": "microvm", "accelerator": "kvm"}, {}, "kernel-hang"),
        ({"machine_type": "pc"}, {}, "kernel-hang"),
        ({"machine_type": "microvm"}, {"serial": "tsc: fine\r\n"}, "kernel-hang"),
        ({"machine_type": "microvm"}, {"ending": Ending("panic", 2.0, "no timer")}, "kernel-panic"),
    ],
)
def test_kernel_on_a_machine_without_a_timer_is_not_called_bad(
    about: dict[str, Any], more: dict[str, Any], cause: str
) -> None:
    trace = loading_trace(0, [read(1, 1)], milestones=(Milestone("banner", 2.0),))
    judgement = judge(replace(trace, machine=machine(**about), **(HANGS | more)))
    assert judgement.cause == cause
    assert judgement.verdict is (Verdict.SKIP if cause == "no-timer" else Verdict.BAD)


def test_of_what_a_kernel_without_a_timer_tried_the_last_is_shown() -> None:
    tried = [f"tsc: attempt {at}" for at in range(4)]
    serial = "\r\n".join(["Linux version 6.1.0", *tried, "apic: none", HANGS["serial"]])
    trace = replace(loading_trace(0, [read(1, 1)]), machine=machine(machine_type="microvm"))
    diagnosis = judge(replace(trace, **(HANGS | {"serial": serial}))).diagnosis
    assert diagnosis
    assert diagnosis.cause == "no-timer"
    assert diagnosis.evidence == (*tried[1:], HANGS["serial"].strip())
