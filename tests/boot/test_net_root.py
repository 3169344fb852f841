"""Folders of boot files that somebody brought: served as they stand, and hunted in."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.trace.boot_trace import BootTrace
from tests.support.processes import run

SCRIPT = "#!ipxe\nkernel boot/vmlinuz a=1\ninitrd boot/initrd\nboot\n"
INITRD = b"070701" + bytes(range(256)) * 400


def folder_of(root: Path, script: str = SCRIPT) -> Path:
    """Return a folder with a script of iPXE's, a kernel and what may be an initrd."""
    (root / "boot").mkdir(parents=True)
    shutil.copyfile(fetch("selfcheck:200000").path, root / "boot/vmlinuz")
    (root / "boot/initrd").write_bytes(INITRD)
    (root / "boot.ipxe").write_text(script)
    return root


def boot_folder(root: Path, **options: object) -> BootTrace:
    """Boot a folder."""
    given = {"route": "net-root", "until": "setup", "timeout_s": 120.0, **options}
    return boot(str(root), choose(BootPlan(), given))


def test_what_a_folder_has_is_booted_and_compared(tmp_path: Path) -> None:
    trace = boot_folder(folder_of(tmp_path / "root"))
    judgement = judge(trace)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert trace.network and trace.handoff and trace.kernel
    assert trace.network.roles == {
        "script": "boot.ipxe", "kernel": "boot/vmlinuz", "initrd": "boot/initrd",
    }  # fmt: skip
    assert trace.kernel.source == "boot/vmlinuz"
    compared = [trace.handoff.payload, trace.handoff.initrd]
    assert [each and each.compared_bytes for each in compared] == [200_000, len(INITRD)]
    assert all(each and each.equal for each in compared)


@pytest.mark.parametrize(
    ("wrong", "right"), [("boot/Vmlinuz", "boot/vmlinuz"), ("boot/kernel", "")]
)
def test_what_it_has_not_is_named(tmp_path: Path, wrong: str, right: str) -> None:
    root = folder_of(tmp_path / "root", SCRIPT.replace("boot/vmlinuz", wrong))
    trace = boot_folder(root)
    judgement = judge(trace)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "tftp-not-found")
    assert judgement.summary.startswith(f"{wrong} was asked for, and the folder has no such file")
    assert (f"but there is {right}" in judgement.summary) is bool(right)
    assert trace.network
    assert trace.network.not_there == (wrong,)


def test_what_is_not_there_and_was_done_without_is_no_fault(tmp_path: Path) -> None:
    script = SCRIPT.replace("#!ipxe\n", "#!ipxe\nchain local.ipxe ||\n")
    trace = boot_folder(folder_of(tmp_path / "root", script))
    assert judge(trace).verdict is Verdict.GOOD
    assert trace.network
    assert trace.network.not_there == ("local.ipxe",)


def test_boot_program_that_halts_is_not_waited_for(tmp_path: Path) -> None:
    """Nothing of a network can wake it."""
    (tmp_path / "own.0").write_bytes(b"\xfa\xf4\xeb\xfc" + bytes(508))
    trace = boot_folder(tmp_path, bootfile="own.0")
    judgement = judge(trace)
    assert (trace.ending.kind, judgement.cause) == ("halted", "nbp-hang")
    assert "own.0, the nbp, came whole" in judgement.summary
    assert "the CPU has halted with interrupts off" in judgement.summary


def test_over_http_it_is_the_same_folder(tmp_path: Path) -> None:
    script = SCRIPT.replace("boot/", "http://10.0.2.100/boot/")
    trace = boot_folder(folder_of(tmp_path / "root", script))
    assert judge(trace).verdict is Verdict.GOOD
    assert trace.network
    assert {each.name: each.protocol for each in trace.network.files} == {
        "boot.ipxe": "tftp", "boot/vmlinuz": "http", "boot/initrd": "http",
    }  # fmt: skip


def test_command_says_what_is_wrong_with_what_it_is_given(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "root")
    done = run("boot", "--net-root", root, "--net", "ipxe")
    assert (done.returncode, done.stdout) == (129, "")
    assert "net-root, uefi-net-root, uefi-http-root boot a folder" in done.stderr
    done = run("boot", "--net-root", root, "--net-fault", "drop:block=1")
    assert done.returncode == 129
    assert "has no vmlinuz: say file=NAME" in done.stderr
    done = run("boot", root / "boot.ipxe", "--route", "net-root")
    assert done.returncode == 129
    assert "not a folder" in done.stderr


@pytest.mark.long
def test_the_commit_that_breaks_a_folder_is_found(tmp_path: Path) -> None:
    """With nothing to build."""
    root = folder_of(tmp_path / "repository/tftp")
    script = root / "boot.ipxe"
    git = ("git", "-C", root, "-c", "user.name=tester", "-c", "user.email=tester")
    subprocess.run([*git, "init", "-q", tmp_path / "repository"], check=True)
    for number in range(4):
        script.write_text(SCRIPT.replace("vmlinuz", "linux" if number > 1 else "vmlinuz"))
        (root / f"change-{number}").touch()
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", f"change {number}"], check=True)
    done = run(
        "bisect", "git", "HEAD~3", "HEAD", "--repository", tmp_path / "repository",
        "--image", "tftp", "--route", "net-root", "--until", "setup", "--jobs", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "change 2 is the first to fail with tftp-not-found" in done.stdout
    assert "boot/linux was asked for, and the folder has no such file" in done.stdout
    said = " ".join(done.stdout.split())
    assert " reverted boots; HEAD~3 (" in said
    assert " applied fails with tftp-not-found" in said
