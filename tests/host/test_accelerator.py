"""Whether KVM works: what a probe that boots says, and that it is asked once.

There is no KVM on most machines that test this, so a script answers for QEMU.
"""

from pathlib import Path

import pytest

from bootharness.host import accelerator
from bootharness.host.accelerator import kvm_works

COUNTED = 85


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /dev/kvm that may be opened, and a cache that knows nothing."""
    path = tmp_path / "kvm"
    path.touch()
    monkeypatch.setattr(accelerator, "_DEVICE", path)
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(tmp_path / "cache"))
    return path


def qemu(folder: Path, script: str) -> str:
    path = folder / "qemu"
    path.write_text(f"#!/bin/sh\necho $* >>{folder}/asked\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("script", "works"),
    [
        (f"exit {COUNTED}", True),  # the guest's word, by isa-debug-exit
        ("exit 1", False),  # QEMU's: no KVM
        ("exit 0", False),
        ("exec sleep 60", False),  # as slow as nested KVM can be
    ],
)
def test_kvm_works_when_the_probe_has_counted_to_its_end(
    device: Path, tmp_path: Path, script: str, works: bool
) -> None:
    assert device.exists()
    program = qemu(tmp_path, script)
    assert kvm_works(program) is works
    assert kvm_works(program) is works
    [asked] = (tmp_path / "asked").read_text().splitlines()
    assert "-accel kvm" in asked
    assert "isa-debug-exit" in asked


def test_no_device_is_no_kvm(device: Path, tmp_path: Path) -> None:
    device.unlink()
    assert not kvm_works(qemu(tmp_path, f"exit {COUNTED}"))
    assert not (tmp_path / "asked").exists()
