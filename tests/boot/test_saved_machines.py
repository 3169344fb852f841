"""A boot that goes on from a saved machine is the boot that begins at its beginning."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.host.kept import adopt
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.routes.net_paths import PATHS
from bootharness.routes.table import ROUTES
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
        # a client asks again where the host is slow
        "events": [*dict.fromkeys((event.kind, event.file) for event in network.events)],
        "files": [(file.name, file.outcome, file.sent_bytes) for file in network.files],
        # some 680 come before the first packet
        "calls": [(each.number, each.function) for each in trace.bios_calls[:600]],
        "BIOS": trace.bios_log.partition("Booting from ROM")[0],
        "firmware's line": trace.serial.partition("[Link")[0],
    }  # fmt: skip


def restored_at(trace: BootTrace) -> float | None:
    assert trace.machine
    return trace.machine.restored.at if trace.machine.restored else None


@pytest.mark.sample(8)
@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("fault", ["", "missing:file=vmlinuz", "nak", "no-offer"])
@pytest.mark.parametrize("path", ["ipxe", "uefi-ipxe"])
def test_a_restored_boot_is_as_a_cold_one(path: str, fault: str, debian: str) -> None:
    source, until = (KERNEL, "setup") if path == "ipxe" else (debian, "banner")
    faults = (fault,) if fault else ()
    booted(path, *faults, source=source, until=until)  # and saves the machine, if none has
    restored = booted(path, *faults, source=source, until=until)
    cold = booted(path, *faults, source=source, until=until, cold=True)
    assert restored_at(restored)
    assert restored_at(cold) is None
    assert course(restored) == course(cold)
    assert restored.machine
    assert restored.machine.restored
    assert restored.machine.restored.saved_s > 0


def test_it_is_our_own_networks_that_a_restored_machine_comes_to() -> None:
    restorable = {name for name, route in ROUTES.items() if "cold" in route.takes}
    assert restorable >= {*PATHS, "net-root"}
    assert not restorable & {"net-server", "uefi-net-server", "mbr", "disk", "direct"}


@pytest.mark.long
@pytest.mark.usefixtures("cache")
def test_the_boot_that_saves_its_machine_is_as_a_cold_one() -> None:
    saves = booted("ipxe", memory_mib=96)
    assert restored_at(saves) is None
    assert course(saves) == course(booted("ipxe", memory_mib=96, cold=True))
    restored = booted("ipxe", memory_mib=96)
    assert restored_at(restored)
    assert course(saves) == course(restored)
    # what came before has its own times, and what came after goes on from there
    for trace in (saves, restored):
        times = [call.called_at for call in trace.bios_calls]
        assert times == sorted(times)
        assert 0 <= times[0] < trace.milestones[0].seconds
    early = [
        [call.called_at for call in trace.bios_calls if call.called_at < restored_at(restored)]
        for trace in (saves, restored)
    ]
    assert early[0][:50] == pytest.approx(early[1][:50], abs=0.05)


@pytest.mark.long
def test_a_damaged_machine_is_saved_anew(cache: Path) -> None:
    booted("ipxe", memory_mib=64)
    place = newest(cache)
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 0xFF
    place.write_bytes(content)
    trace = booted("ipxe", memory_mib=64)
    assert (judge(trace).verdict, restored_at(trace)) == (Verdict.GOOD, None)
    assert restored_at(booted("ipxe", memory_mib=64))


@pytest.mark.long
def test_what_qemu_does_not_go_on_from_is_booted_from_the_beginning(cache: Path) -> None:
    booted("ipxe", memory_mib=80)
    place = newest(cache)
    place.write_bytes(place.read_bytes()[:-500_000])
    adopt(place)
    trace = booted("ipxe", memory_mib=80)
    assert (judge(trace).verdict, restored_at(trace)) == (Verdict.GOOD, None)
    assert not place.exists()


def newest(cache: Path) -> Path:
    return max((cache / "machines").iterdir(), key=lambda path: path.stat().st_mtime)
