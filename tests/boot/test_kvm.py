"""The same boots under KVM, where there is some: debug registers and pvpanic differ there."""

from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import UsageError
from bootharness.host.accelerator import Kvm, kvm
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, MachineConfig
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace
from tests.support.boots import boot_through
from tests.support.builders import serial_writer, without_carry
from tests.support.programs import QEMU


@pytest.fixture(scope="module", autouse=True)
def here() -> Kvm:
    """What KVM is worth here; without any, the tests are skipped."""
    found = kvm(QEMU)
    if found.speed == "none":
        pytest.skip(f"no KVM: {found.why}")
    return found


def boot_by_kvm(source: str, loader: Loader | None = None, **plan: object) -> BootTrace:
    machine = MachineConfig(qemu=QEMU, accelerator="kvm")
    chosen = BootPlan(machine=machine, timeout_s=300, **plan)  # type: ignore[arg-type]
    return boot_through(loader or Loader.stage1(), fetch(source), chosen)


@pytest.mark.long
def test_loader_is_seen_to_the_handoff_and_beyond(here: Kvm) -> None:
    trace = boot_by_kvm("selfcheck:3000000")
    assert judge(trace).verdict is Verdict.GOOD, judge(trace).summary
    assert trace.handoff
    assert trace.handoff.memory_equal
    assert len(trace.block_moves) > 40
    assert trace.machine
    assert (trace.machine.accelerator, trace.machine.cpu) == ("kvm", here.cpu)
    assert trace.machine.slow is (here.speed == "slow")


@pytest.mark.parametrize("tracer", ["gdb", "both"])
def test_gdb_which_would_see_nothing_is_refused_and_never_chosen(tracer: str) -> None:
    machine = MachineConfig(accelerator="kvm")
    with pytest.raises(UsageError, match="breakpoints are bytes in memory"):
        boot("selfcheck:100000", BootPlan(tracer=tracer, machine=machine))
    trace = boot("selfcheck:100000", BootPlan(tracer=tracer))
    assert trace.machine
    assert trace.machine.accelerator == "tcg"
    assert judge(trace).verdict is Verdict.GOOD, judge(trace).summary


@pytest.mark.long
def test_wrapped_kernel_is_named_with_its_move() -> None:
    judgement = judge(boot_by_kvm("selfcheck:17000000", without_carry(Loader.stage1())))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "destination-wrapped")
    assert "block move 242" in judgement.summary


@pytest.mark.long
def test_slow_kvm_is_blamed_for_the_time_it_takes(here: Kvm, tmp_path: Path) -> None:
    loader = serial_writer(tmp_path, b"x" * 100, then="jmp again")
    machine = MachineConfig(qemu=QEMU, accelerator="kvm")
    plan = BootPlan(machine=machine, timeout_s=6, idle_s=60)
    judgement = judge(boot_through(loader, fetch("selfcheck:100000"), plan))
    if here.speed == "slow":
        assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "host-busy")
        assert "--accelerator tcg" in judgement.summary
    else:
        assert judgement.verdict is Verdict.BAD
