"""A kernel with 64 bits whose header does not say so: the QEMU that we chose is not its fault."""

from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, MachineConfig
from tests.support.builders import patched_kernel


@pytest.fixture
def kernel(debian_kernel: Path, tmp_path: Path) -> Path:
    return patched_kernel(debian_kernel, tmp_path / "vmlinuz", size=2, xloadflags=0)


@pytest.mark.long
def test_boots_in_a_wider_qemu_where_we_chose(kernel: Path, tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    keep.mkdir()
    trace = boot(str(kernel), BootPlan(), keep=keep)
    assert judge(trace).verdict is Verdict.GOOD, judge(trace).summary
    assert trace.machine
    assert trace.machine.qemu == "qemu-system-x86_64"
    assert trace.machine.instead_of == "qemu-system-i386"
    assert "This kernel requires" not in (keep / "serial.log").read_text()


def test_is_wrong_cpu_where_a_person_chose(kernel: Path) -> None:
    trace = boot(str(kernel), BootPlan(machine=MachineConfig(qemu="qemu-system-i386")))
    judgement = judge(trace)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "wrong-cpu")
