"""What KVM is worth: what a probe that boots says, and that it is asked once.

There is no good KVM on most machines that test this, so a script answers for QEMU.
"""

from pathlib import Path

import pytest

from bootharness.host import accelerator
from bootharness.host.accelerator import Kvm, kvm
from bootharness.machine.argv import cpu_args
from bootharness.machine.choice import chosen_machine
from bootharness.plan import MachineConfig

COUNTED = 85
ABORTS = """case " $* " in *" -cpu host "*)
    echo "$0: error: failed to set MSR 0x10a to 0x69" >&2
    echo "kvm.c: Assertion failed" >&2
    kill -ABRT $$
esac
"""
WHY = "-cpu host does not start: failed to set MSR 0x10a to 0x69"
NOT_COUNTED = "its guest had not counted to 20 million in 2 s"


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /dev/kvm that may be opened, and a cache that knows nothing."""
    path = tmp_path / "dev-kvm"
    path.touch()
    monkeypatch.setattr(accelerator, "KVM_DEVICE", path)
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(tmp_path / "cache"))
    return path


def qemu(folder: Path, script: str) -> str:
    path = folder / "qemu"
    path.write_text(f"#!/bin/sh\necho $* >>{folder}/asked\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("script", "found", "times"),
    [
        # the guest's word, by isa-debug-exit
        (f"exit {COUNTED}", Kvm("full", "host"), 1),
        (f"{ABORTS} exit {COUNTED}", Kvm("full", "host,-arch-capabilities", WHY), 2),
        # as slow as nested KVM can be
        ("printf B; exec sleep 60", Kvm("slow", "host", NOT_COUNTED), 1),
        (
            f"{ABORTS} printf B; exec sleep 60",
            Kvm("slow", "host,-arch-capabilities", f"{NOT_COUNTED}; {WHY}"),
            2,
        ),
        ("exec sleep 60", Kvm("none", "host", "its guest had not begun in 2 s"), 1),
        # QEMU's word: no KVM
        ("echo no >&2; exit 1", Kvm("none", why="-cpu host does not start: no"), 4),
        ("exit 0", Kvm("none", why="-cpu host does not start: QEMU ended"), 4),
    ],
)
def test_probe_tells_what_kvm_is_worth_with_the_first_cpu_that_starts(
    device: Path, tmp_path: Path, script: str, found: Kvm, times: int
) -> None:
    assert device.exists()
    program = qemu(tmp_path, script)
    assert kvm(program) == found
    assert kvm(program) == found
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == times
    assert all("-accel kvm" in each and "isa-debug-exit" in each for each in asked)


def test_model_that_starts_is_the_one_that_boots(device: Path, tmp_path: Path) -> None:
    assert device.exists()
    program = qemu(tmp_path, f"{ABORTS} exit {COUNTED}")
    config = chosen_machine(MachineConfig(qemu=program))
    assert config.accelerator == "kvm"
    assert cpu_args(config) == ["-cpu", "host,-arch-capabilities"]


def test_slow_kvm_is_taken_only_by_who_asks_for_it(device: Path, tmp_path: Path) -> None:
    assert device.exists()
    program = qemu(tmp_path, "printf B; exec sleep 60")
    assert chosen_machine(MachineConfig(qemu=program)).accelerator == "tcg"
    assert chosen_machine(MachineConfig(qemu=program, accelerator="kvm")).accelerator == "kvm"


def test_no_device_is_no_kvm(device: Path, tmp_path: Path) -> None:
    device.unlink()
    assert kvm(qemu(tmp_path, f"exit {COUNTED}")) == Kvm("none", why=f"there is no {device}")
    assert not (tmp_path / "asked").exists()


def test_damaged_answer_is_asked_for_again(device: Path, tmp_path: Path) -> None:
    assert device.exists()
    program = qemu(tmp_path, f"exit {COUNTED}")
    kvm(program)
    [kept] = (tmp_path / "cache/kvm").iterdir()
    kept.write_text("works")
    assert kvm(program).speed == "full"
