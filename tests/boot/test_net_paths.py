"""Every path from a network card to /init, on real QEMU."""

from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.milestones import NET_MILESTONES
from tests.support.processes import run
from tests.support.programs import QEMU, program


def net_boot(
    source: str, path: str, nic: str = "virtio", *faults: str, **plan: object
) -> BootTrace:
    """Boot a kernel from a network; what is not installed skips the test."""
    options = {"timeout_s": 120.0, **plan}
    trace = boot(
        source, choose(BootPlan(), {"route": path, "nic": nic, "faults": faults, **options})
    )
    if trace.ending.cause == "tool-missing":
        pytest.skip(trace.ending.detail)
    return trace


def assert_good(trace: BootTrace) -> None:
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.network
    names = [point.name for point in trace.milestones]
    assert names == [name for name in NET_MILESTONES if name in names]
    served = {file.name for file in trace.network.files if file.intact}
    assert {"vmlinuz", "initrd.img"} <= served
    # undionly's iPXE stands between the selfcheck kernel's first BIOS call and the recorder
    if trace.network.firmware == "bios" and trace.network.path != "undionly":
        assert trace.handoff
        assert trace.handoff.memory_equal is True
        assert trace.handoff.initrd


def test_every_kernel_comes_over_the_network(netboot_trace: BootTrace) -> None:
    assert_good(netboot_trace)
    assert netboot_trace.reached("init")
    assert "bootharness: init reached" in netboot_trace.serial


@pytest.mark.long
@pytest.mark.netboot("pxelinux", "drop:block=100", "duplicate:block=200", nic="e1000")
@pytest.mark.boot(until="setup")
def test_faults_and_card_come_from_the_marker(netboot_trace: BootTrace) -> None:
    assert_good(netboot_trace)
    assert netboot_trace.network
    assert (netboot_trace.network.path, netboot_trace.network.nic) == ("pxelinux", "e1000")
    acted = [event.text for event in netboot_trace.network.events if event.kind == "fault"]
    assert acted == ["drop", "duplicate"]


@pytest.mark.parametrize("nic", ["e1000", "e1000e", "rtl8139"])
def test_cards(nic: str) -> None:
    trace = net_boot("selfcheck:1000000", "ipxe", nic, until="setup")
    assert_good(trace)
    assert trace.network
    assert trace.network.nic == nic


@pytest.mark.parametrize("path", ["ipxe-http", "undionly", "lpxelinux"])
def test_paths_over_http(path: str) -> None:
    trace = net_boot("selfcheck:1000000", path, "auto", until="init")
    assert_good(trace)
    assert "selfcheck: payload ok" in trace.serial
    assert trace.network
    protocols = {file.name: file.protocol for file in trace.network.files}
    assert protocols["vmlinuz"] == "http"


@pytest.mark.parametrize("path", ["uefi-ipxe"])
def test_uefi(debian: str, path: str) -> None:
    trace = net_boot(debian, path, "auto", until="banner")
    assert_good(trace)
    assert trace.reached("banner")
    # what a UEFI has not got is not told of
    assert trace.machine
    machine = trace.machine
    assert (trace.route, trace.tracer, trace.bios_calls) == (path, "recorder", ())
    assert (machine.firmware, machine.bios, machine.disk_interface) == ("uefi", None, None)
    assert trace.proof.entered
    assert trace.uefi_handoff
    assert trace.uefi_handoff.initrd
    assert trace.kernel
    said = judge(trace).summary
    assert f"{trace.kernel.header.payload_length:,} bytes in memory equal the file, banner" in said


def test_a_card_without_its_rom_names_the_package(tmp_path: Path) -> None:
    qemu = program(
        tmp_path, QEMU,
        'for word; do case $word in virtio-net-pci,*) word=$word,romfile=efi-none.rom;; esac\n'
        'set -- "$@" "$word"; shift; done; exec $real "$@"',
    )  # fmt: skip
    done = run("boot", "selfcheck:100000", "--route", "ipxe", "--qemu", qemu)
    assert done.returncode == 125, done.stdout
    assert "tool-missing: QEMU's firmware efi-none.rom is not installed" in done.stdout
    assert "`apt-get install ipxe-qemu` brings it" in done.stdout
