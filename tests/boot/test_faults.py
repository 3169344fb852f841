"""Every fault, booted for real: exactly the right cause, and nothing by running out of time."""

from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.trace.boot_trace import BootTrace
from tests.support.faults import BROUGHT, FAULTS, Fault, run

POLLS = "polls for a key"
IDS = [fault.name for fault in FAULTS]


def check(fault: Fault, trace: BootTrace) -> None:
    if trace.ending.cause == "tool-missing":
        pytest.skip(trace.ending.detail)
    judgement = judge(trace)
    assert judgement.cause == fault.cause, judgement.summary
    assert judgement.verdict is (Verdict.BAD if fault.cause else Verdict.GOOD)
    polls = fault.name == POLLS  # as a menu with a time limit does
    assert trace.ending.kind not in ("timeout", *(() if polls else ("idle",)))


@pytest.mark.sample(6)
@pytest.mark.parametrize("fault", FAULTS, ids=IDS)
def test_fault_has_its_cause(fault: Fault, tmp_path: Path) -> None:
    check(fault, run(fault, tmp_path))


# who polls is waited for, once is enough; `make faults` boots it in both ways
QUICK = [fault for fault in BROUGHT if fault.name != POLLS]


@pytest.mark.sample(8)
@pytest.mark.parametrize("fault", QUICK, ids=[fault.name for fault in QUICK])
def test_fault_has_its_cause_on_a_disk_that_somebody_brought(fault: Fault, tmp_path: Path) -> None:
    check(fault, run(fault, tmp_path, brought=True))


def test_a_guest_of_which_qemu_dies_under_the_recorder_is_seen_by_gdb(tmp_path: Path) -> None:
    """What it loads lies over its vectors, and it runs into the recorder's breakpoints by another
    address than theirs: QEMU 7.2 without KVM ends by SIGSEGV."""
    fault = next(each for each in FAULTS if each.name == "A20 closed and never opened")
    assert judge(run(fault, tmp_path)).cause == "a20-closed"


def test_every_cause_of_a_bad_boot_is_tried() -> None:
    from bootharness.diagnosis.judge import RULES

    tried = {fault.cause for fault in FAULTS}
    ruled = {cause for cause, _ in RULES}
    assert ruled - tried == {
        "bios-hang",  # tests/diagnosis/test_judge.py
        "bios-stuck",
        "kernel-reset",
        "machine-reset",  # tests/boot/test_serial_recorder.py
        "move-failed",
        "kernel-silent",  # not known, rather than bad: tests/boot/test_quiet.py
        "boot-manager-error",  # tests/boot/test_boot_managers.py
        "boot-menu-waits",
        "initrd-dropped",
        "efi-no-file-system",  # tests/boot/test_uefi_disk.py
        "efi-no-boot-file",
        "efi-refused",
        "efi-gave-up",
        "efi-hang",  # tests/boot/test_uefi_faults.py
        "efi-out-of-memory",
        "efi-exit-refused",
        "efi-fell-back",
        "no-grub-config",
        "firmware-crashed",
        "secure-boot-refused",  # tests/boot/test_secure_boot.py
        "disk-cut-short",  # tests/boot/test_disk_faults.py
        "disk-no-answer",
        "disk-vanished",
        "initramfs-cut",  # tests/boot/test_net_endings.py
        "no-efi-stub",
        "no-boot-catalog",  # tests/boot/test_media.py
        "too-slow",
        "no-32-bit-entry",  # tests/boot/test_loaders.py
        "no-timer",  # tests/diagnosis/test_cpu.py
        "fail-on-seen",  # tests/boot/test_wanted.py
        "screen-unreadable",
        "started-kernel-stopped",  # tests/diagnosis/test_started_kernel.py
        "command-failed",  # tests/boot/test_shell.py
        "command-skipped",
        "tree-initrd-unused",  # tests/support/net_trees.py
    }
