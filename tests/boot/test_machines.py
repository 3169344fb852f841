"""Machines of other kinds: without PCI, with several CPUs, with older ones."""

from pathlib import Path
from typing import Any

import pytest

from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.errors import UsageError
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.report.again import again
from bootharness.report.document import document, encode, read_trace
from bootharness.trace.boot_trace import BootTrace
from tests.support.talker import talking_kernel

KERNEL = "selfcheck:1000000"


def booted(kernel: str = KERNEL, **options: Any) -> tuple[BootTrace, Judgement]:
    trace = boot(kernel, choose(BootPlan(timeout_s=120), options))
    return trace, judge(trace)


@pytest.mark.parametrize(
    ("options", "interface"),
    [
        ({"machine_type": "isapc"}, "ide"),
        ({"machine_type": "isapc", "route": "direct"}, None),
        ({"machine_type": "microvm"}, "virtio-mmio"),
        ({"machine_type": "microvm", "route": "direct"}, None),
        ({"machine_type": "q35", "cpu": "pentium3", "smp": 2}, "ahci"),
    ],
)
def test_machine_of_another_kind_boots_with_all_proofs(
    options: dict[str, Any], interface: str | None
) -> None:
    trace, judgement = booted(**options)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert "1,000,000 bytes in memory equal the file" in judgement.summary
    assert trace.machine
    assert trace.machine.disk_interface == interface
    again_of_it = read_trace(encode(document(trace, judgement)))
    assert again_of_it.machine
    config = again_of_it.machine.config
    assert (config.machine_type, config.cpu, config.smp) == (
        options["machine_type"], options.get("cpu"), options.get("smp", 1),
    )  # fmt: skip


def test_same_boot_again_has_the_same_machine() -> None:
    plan = choose(BootPlan(), {"machine_type": "isapc", "cpu": "486,-fpu", "smp": 1})
    line = again(boot(KERNEL, plan), plan)
    assert line.endswith("--machine-type isapc --cpu 486,-fpu")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cpu": "pentum3"}, "--cpu pentum3: qemu-system-i386 has no such CPU; did you mean pent"),
        ({"cpu": "qemu64,+foo"}, "--cpu qemu64,.foo: qemu-system-i386 refuses it"),
        ({"machine_type": "q53"}, "has no such machine; did you mean q35"),
    ],
)
def test_machine_that_qemu_has_not_is_one_sentence(options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        booted(**options)


@pytest.mark.parametrize(("smp", "ending"), [(1, "halted"), (2, "idle")])
def test_first_of_several_cpus_may_wait_for_the_others(
    tmp_path: Path, smp: int, ending: str
) -> None:
    kernel = talking_kernel(tmp_path, b"\r\nx\r\n", "halts")
    trace, judgement = booted(kernel, smp=smp, idle_s=2)
    assert trace.ending.kind == ending
    assert judgement.cause == "kernel-hang", judgement.summary


@pytest.mark.sample(5)
@pytest.mark.parametrize(
    ("kernel", "cpu", "said"),
    [
        ("", "pentium3", "requires an x86-64 CPU, but only detected an i686 CPU"),
        ("deb:linux-image-686-pae:i386", "486", "requires an i686 CPU, but only detected an i486"),
        ("deb:linux-image-686-pae:i386", "pentium2,-pae", "not present on the CPU: pae"),
        ("deb:linux-image-686:i386", "pentium", "not present on the CPU: cmov"),
        ("deb:linux-image-686:i386", "pentium2,-pae", ""),
    ],
)
def test_kernel_of_debian_says_which_cpu_it_needs(
    debian: str, kernel: str, cpu: str, said: str
) -> None:
    trace, judgement = booted(kernel or debian, cpu=cpu, until="banner")
    if not said:
        assert judgement.verdict is Verdict.GOOD, judgement.summary
        return
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "wrong-cpu"), judgement.summary
    assert f"than {cpu}, which --cpu asks for; it says" in judgement.summary
    assert said in judgement.summary
    assert trace.machine
    assert "lm" in trace.machine.cpu_lacks
