"""Machine types: what can be attached to them, and what of them cannot be."""

from pathlib import Path
from typing import Any

import pytest

from bootharness.errors import ToolMissing, UsageError
from bootharness.gate.axes import varying, way
from bootharness.gate.matrix import Matrix
from bootharness.machine import board
from bootharness.machine.board import board_of
from bootharness.machine.choice import chosen_machine
from bootharness.plan import DEFAULT_CMDLINE, BootPlan, MachineConfig, choose
from bootharness.predictor.predict import predict
from bootharness.routes.table import route_of


def ready(**options: Any) -> BootPlan:
    plan = choose(BootPlan(), options)
    return route_of(plan).ready(plan)


@pytest.mark.parametrize(
    ("machine", "interface"),
    [("pc", "ahci"), ("q35", "ahci"), ("isapc", "ide"), ("microvm", "virtio-mmio")],
)
def test_disk_is_attached_by_what_the_machine_has(machine: str, interface: str) -> None:
    assert ready(machine_type=machine).machine.disk_interface == interface


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"machine_type": "isapc", "disk_interface": "nvme"}, "isapc has no PCI bus; it takes ide"),
        ({"machine_type": "microvm", "disk_interface": "ide"}, "drives; it takes virtio-mmio"),
        ({"disk_interface": "virtio-mmio"}, "pc has none of it; it takes ahci, ide, virtio, nvme"),
        ({"machine_type": "isapc", "route": "ipxe"}, "no network card that boots: take pc or q35"),
        ({"machine_type": "microvm", "route": "ipxe-http"}, "no network card that boots"),
        ({"machine_type": "microvm", "at_most_s": 2}, "microvm has no timer by which the guest's"),
        ({"accelerator": "kvm", "at_most_s": 2}, "no instructions under KVM: take --accelerator"),
        ({"machine_type": "isapc", "smp": 2}, "--smp 2: --machine-type isapc has at most 1"),
        ({"machine_type": "none"}, "a machine without a CPU, and boots nothing by itself"),
        ({"machine_type": "xenpv", "route": "direct"}, "a machine for Xen"),
    ],
)
def test_what_a_machine_has_not_is_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ready(**options)


def test_linux_is_told_on_microvm_what_it_has_to_know_unless_somebody_tells_it_otherwise() -> None:
    assert ready(machine_type="microvm").cmdline == f"{DEFAULT_CMDLINE} acpi=off"
    assert ready(machine_type="microvm", cmdline="quiet").cmdline == "quiet"
    assert ready(machine_type="microvm", route="disk").cmdline == DEFAULT_CMDLINE
    assert ready(machine_type="isapc").cmdline == DEFAULT_CMDLINE


def test_machines_of_a_gate_are_told_apart() -> None:
    axes = {"machine_type": ("pc", "microvm"), "cpu": ("486",), "smp": (1, 2)}
    cells = Matrix(("selfcheck:16000",), None, axes).cells()
    names = varying(cells)
    assert [way(each, names) for each in cells] == [
        "usual command line, pc, ahci, 1 CPU",
        "usual command line, pc, ahci, 2 CPUs",
        "usual command line and acpi=off, microvm, virtio-mmio, 1 CPU",
        "usual command line and acpi=off, microvm, virtio-mmio, 2 CPUs",
    ]


@pytest.mark.parametrize("medium", ["cdrom", "floppy"])
def test_microvm_has_no_drive_for_what_is_no_disk(medium: str) -> None:
    config = MachineConfig(machine_type="microvm")
    with pytest.raises(UsageError, match=r"no drive for a .*: take pc or q35"):
        board_of("microvm").check_medium(config, medium)
    board_of("isapc").check_medium(config, medium)


def test_microvm_has_the_bios_that_boots_disks_and_not_another_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, right = tmp_path / "other.bin", tmp_path / "right.bin"
    other.write_bytes(b"qboot" + bytes(100))
    right.write_bytes(bytes(100) + b"SeaBIOS (version 1)" + bytes(100))
    monkeypatch.setattr(board, "firmware_files", lambda *_: iter((tmp_path, other, right)))
    asked = MachineConfig("qemu-system-i386", "microvm", accelerator="tcg")
    assert chosen_machine(asked).bios == str(right)
    assert chosen_machine(MachineConfig("q", "microvm", accelerator="tcg", bios="b")).bios == "b"
    assert chosen_machine(MachineConfig("q", "isapc", accelerator="tcg")).bios is None
    monkeypatch.setattr(board, "firmware_files", lambda *_: iter((other,)))
    with pytest.raises(ToolMissing, match=r"bios-microvm.bin is not installed: .*seabios"):
        chosen_machine(asked)


@pytest.mark.parametrize("options", [{"cpu": "486"}, {"machine_type": "isapc"}])
def test_prediction_says_what_it_does_not_emulate(options: dict[str, Any]) -> None:
    trace = predict("selfcheck:16000", choose(BootPlan(), options))
    assert trace.ending.cause == "not-emulated"
    assert "--" in trace.ending.detail
    assert predict("selfcheck:16000", choose(BootPlan(), {"smp": 2})).ending.cause is None


@pytest.mark.parametrize("cpu", ["", "a b", "a,file=/etc/passwd", "a,,b", "a;b", ",x"])
def test_cpu_is_a_model_and_features_and_no_more(cpu: str) -> None:
    with pytest.raises(UsageError, match="it is a model of QEMU's"):
        MachineConfig(cpu=cpu)
