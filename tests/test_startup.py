"""What is imported when: nobody waits for the import of what his boot does not use."""

import subprocess
import sys

import pytest

NOT_FOR_HELP = ("construct", "rich", "msgspec", "asyncio", "harness.boot")
# QEMU is started first, and the rest is imported while it starts
NOT_BEFORE_QEMU = ("msgspec", "rich", "pexpect", "qemu.qmp", "harness.trace")
NOT_FOR_A_DISK = ("dpkt", "pygdbmi", "msgspec", "rich", "unicorn")


@pytest.mark.parametrize(
    ("imports", "unwanted"),
    [
        ("harness.cli", NOT_FOR_HELP),
        ("harness.cli.boot, harness.boot, harness.deb", NOT_BEFORE_QEMU),
        ("harness.boot, harness.session, harness.report.live, harness.report.terminal",
         NOT_FOR_A_DISK),
        ("harness.plugin", ("harness.boot", "construct", "asyncio", "rich")),
    ],
)  # fmt: skip
def test_nothing_is_imported_too_early(imports: str, unwanted: tuple[str, ...]) -> None:
    code = f"import sys, {imports}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not {*unwanted} & {*done.stdout.split()}
