"""What is imported when: nobody waits for the import of what his boot does not use."""

import subprocess
import sys

import pytest

NOT_FOR_HELP = ("construct", "rich", "msgspec", "asyncio", "bootharness.one_boot")
# QEMU is started first, and the rest is imported while it starts
NOT_BEFORE_QEMU = ("rich", "pexpect", "qemu.qmp", "bootharness.trace.boot_trace")
NOT_FOR_A_DISK = ("dpkt", "pygdbmi", "rich", "unicorn")


@pytest.mark.parametrize(
    ("imports", "unwanted"),
    [
        ("bootharness.cli", NOT_FOR_HELP),
        ("bootharness.cli.boot, bootharness.one_boot, bootharness.kernels.deb", NOT_BEFORE_QEMU),
        ("bootharness.cli.shell, bootharness.one_boot, bootharness.initramfs.command_output, "
         "bootharness.initramfs.guest", (*NOT_BEFORE_QEMU, "bootharness.diagnosis")),
        ("bootharness.one_boot, bootharness.watch.see, bootharness.report.live, "
         "bootharness.report.terminal", NOT_FOR_A_DISK),
        ("bootharness.plugin", ("bootharness.one_boot", "construct", "asyncio", "rich")),
    ],
)  # fmt: skip
def test_nothing_is_imported_too_early(imports: str, unwanted: tuple[str, ...]) -> None:
    code = f"import sys, {imports}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not {*unwanted} & {*done.stdout.split()}


@pytest.mark.parametrize("words", [("--help",), ("hardware", "--help"), ("routes",)])
def test_what_real_machines_take_is_imported_for_none_of_these(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bootharness", *words],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "bootharness.cli" in imported
    assert not {"labgrid", "paho", "serial", "bootharness.hardware"} & imported
