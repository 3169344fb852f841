"""A command on a kernel that Debian ships: its output and its status, by whatever route."""

import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from bootharness.initramfs.programs import found
from tests.support.faults import DEBIAN

PATIENCE_S = 120
KEYS = 12
pytestmark = pytest.mark.skipif(found("busybox", Path()) is None, reason="busybox is not installed")


def shell(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "bootharness", "shell", DEBIAN, *words],
        capture_output=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def test_output_and_status_are_those_of_the_command() -> None:
    done = shell(
        "--module", "dm-crypt", "--",
        "grep -q ^dm_crypt /proc/modules && printf 'a\\tb\\n\\nc'; echo x >&2; exit 7",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (7, b"a\tb\n\ncx\n", b"")


@pytest.mark.sample(5)
@pytest.mark.parametrize("route", ["mbr", "ipxe", "ipxe-http", "uefi-systemd-boot", "grub"])
def test_status_comes_by_every_route(route: str) -> None:
    done = shell("--route", route, "--", "sh", "-c", "exit 7")
    assert (done.returncode, done.stdout) == (7, b""), done.stderr


def test_guest_that_dies_is_told_with_what_it_said() -> None:
    done = shell("--", "echo first; echo c >/proc/sysrq-trigger")
    assert done.returncode == 1
    assert done.stdout.startswith(b"first\n")
    assert b"did not come to its end: the kernel panicked" in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--module", "no-such", "--", "true"], 129, b"has no module no-such"),
        (["--route", "disk", "--", "true"], 129, b""),
        ([], 129, b"a shell needs a terminal"),
    ],
)
def test_wrong_use_is_one_sentence(words: list[str], status: int, said: bytes) -> None:
    done = shell(*words)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert b"Traceback" not in done.stderr


def test_shell_has_the_size_of_the_terminal_and_its_keys() -> None:
    child = pexpect.spawn(
        sys.executable, ["-m", "bootharness", "shell", DEBIAN],
        dimensions=(33, 101), timeout=PATIENCE_S,
    )  # fmt: skip
    try:
        child.expect("/ # ")
        child.sendline("stty size")
        child.expect("33 101")
        child.expect("/ # ")
        child.sendline("echo go; sleep 1000")
        child.expect("go\r\n")
        # a key that comes before the command runs is the shell's, which asks for another
        for _ in range(KEYS):
            child.sendcontrol("c")
            if child.expect(["/ # ", pexpect.TIMEOUT], timeout=PATIENCE_S / KEYS) == 0:
                break
        child.sendline("exit")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 0
