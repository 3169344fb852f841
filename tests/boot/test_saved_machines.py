"""A boot that goes on from a saved machine is the boot that begins at its beginning."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bootharness.diagnosis import judge
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.trace.boot_trace import BootTrace

KERNEL = "selfcheck:1000000"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of our own, in which no machine has been saved."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOTHARNESS_CACHE", str(folder))
        yield folder


def booted(path: str, *faults: str, source: str = KERNEL, **plan: object) -> BootTrace:
    """Boot from a network; what is not installed skips the test."""
    options = {"until": "setup", "timeout_s": 120.0, **plan}
    trace = boot(source, choose(BootPlan(), {"route": path, "faults": faults, **options}))
    if trace.ending.cause == "tool-missing":
        pytest.skip(trace.ending.detail)
    return trace


def course(trace: BootTrace) -> dict[str, object]:
    """Return what of a boot does not depend on how busy the host is."""
    network, judgement = trace.network, judge(trace)
    assert network
    return {
        "verdict": judgement.verdict,
        "cause": judgement.cause,
        "milestones": [point.name for point in trace.milestones],
        "events": [(event.kind, event.file, event.repeats) for event in network.events],
        "files": [(file.name, file.outcome, file.sent_bytes) for file in network.files],
        "calls": [(call.number, call.function) for call in trace.bios_calls],
        "BIOS": trace.bios_log,
        "screen": trace.screen,
    }


def is_restored(trace: BootTrace) -> bool:
    assert trace.machine
    return trace.machine.restored is not None


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("fault", ["", "missing:file=vmlinuz", "nak", "no-offer"])
def test_a_restored_boot_is_as_a_cold_one(fault: str) -> None:
    faults = (fault,) if fault else ()
    booted("ipxe", *faults)  # and saves the machine, if none has
    restored, cold = booted("ipxe", *faults), booted("ipxe", *faults, cold=True)
    assert (is_restored(restored), is_restored(cold)) == (True, False)
    assert course(restored) == course(cold)
    times = [call.called_at for call in restored.bios_calls]
    assert times == sorted(times)
    assert restored.milestones[0].seconds >= times[0] >= 0
