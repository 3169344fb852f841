"""A command on a kernel that Debian ships: its output and its status, by whatever route."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from contextlib import suppress
from pathlib import Path

import pexpect
import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.host.deadline import Deadline
from bootharness.initramfs.programs import found
from bootharness.kernels.deb import DebPackage, modules
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, GuestPlan
from tests.support.faults import DEBIAN
from tests.support.processes import COMMAND, environment, eventually, processes_with

PATIENCE_S = 120
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="virtiofsd serves as root alone")
OTHER = "deb:linux-image-cloud-amd64/trixie"
WITH_9P = "deb:linux-image-amd64/bookworm"
KEYS = 12
pytestmark = pytest.mark.skipif(found("busybox", Path()) is None, reason="busybox is not installed")


def test_a_port_in_use_is_told_before_the_boot() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = shell("--forward", f"tcp:{port}:22", "--", "true")
    assert done.returncode == 129, done
    assert f"--forward tcp:{port}:22: port {port} of 127.0.0.1: address already".encode() in (
        done.stderr
    )


def shell(*words: str, kernel: str = DEBIAN) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, "shell", kernel, *words],
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
        (["--guests", "2"], 129, b"say what they are to run"),
        (["--share", "/no/such", "--", "true"], 129, b"/no/such: there is no such folder"),
        (["--share", "/usr", "--share", "usr=/tmp", "--", "true"], 129, b"would be /mnt/usr"),
        (["--forward", "2222:22", "--", "true"], 129, b"write tcp:PORT:PORT"),
        (["--guests", "2", "--outside", "--", "true"], 129, b"no other network"),
    ],
)
def test_wrong_use_is_one_sentence(words: list[str], status: int, said: bytes) -> None:
    done = shell(*words)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("kernel", "type_"),
    [(WITH_9P, "9p"), pytest.param(DEBIAN, "virtiofs", marks=AS_ROOT)],
)
def test_folder_of_the_host_is_read_and_written_only_where_asked(
    tmp_path: Path, kernel: str, type_: str
) -> None:
    for name in ("given", "wanted"):
        (tmp_path / name).mkdir()
    (tmp_path / "given/a").write_text("of the host\n")
    done = shell(
        "--share", f"{tmp_path}/given", "--share", f"out={tmp_path}/wanted:rw", "--",
        "cat /mnt/given/a; grep /mnt/given /proc/mounts; mount -o remount,rw /mnt/given; "
        "echo x >/mnt/given/b; rm /mnt/given/a; cp /mnt/given/a /mnt/out/a; exit 5",
        kernel=kernel,
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[0]) == (5, b"of the host"), done.stderr
    assert done.stdout.count(b"Read-only file system") == 2
    assert f" /mnt/given {type_} ro".encode() in done.stdout
    assert (tmp_path / "wanted/a").read_text() == "of the host\n"
    assert [each.name for each in (tmp_path / "given").iterdir()] == ["a"]


@pytest.mark.long
def test_port_leads_to_the_guest_and_nothing_leads_out() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        here = free.getsockname()[1]
    script = "nc -w 2 10.0.2.2 22 </dev/null; nc -l -p 80 -e echo from $?"
    words = ["--forward", f"tcp:{here}:80", "--", script]
    with subprocess.Popen([*COMMAND, "shell", DEBIAN, *words], stdout=subprocess.PIPE) as guest:
        deadline, said = Deadline.after(PATIENCE_S), b""
        while not said and not deadline.expired:
            with suppress(OSError), socket.create_connection(("127.0.0.1", here), 5) as line:
                line.settimeout(deadline.remaining)
                said = line.recv(100)
        assert said == b"from 1\n"
        assert guest.wait(PATIENCE_S) == 0


def test_guests_on_one_wire_reach_each_other_by_name() -> None:
    both = "ping -c 1 -W 20 guest1 >/dev/null && ping -c 1 -W 20 guest2 >/dev/null || exit 9"
    done = shell("--guests", "2", "--", f"{both}; hostname; [ $(hostname) = guest1 ] || exit 3")
    assert (done.returncode, done.stderr) == (3, b"")
    assert sorted(done.stdout.splitlines()) == [b"guest1: guest1", b"guest2: guest2"]


@pytest.mark.long
def test_command_that_makes_a_boot_bad_is_told_and_one_that_cannot_tell_is_left_out() -> None:
    plan = BootPlan(route="direct", guest=GuestPlan(run="echo said; exit 3"))
    judgement = judge(boot(DEBIAN, plan))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "command-failed")
    assert (
        judgement.summary == "'echo said; exit 3' ended with 3 in the guest, and said \"said\" last"
    )
    plan = BootPlan(route="direct", guest=GuestPlan(run="exit 125"))
    judgement = judge(boot(DEBIAN, plan))
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "command-skipped")


@pytest.mark.long
def test_kernel_since_which_a_test_fails_is_found() -> None:
    words = [DEBIAN, OTHER, "--route", "direct", "--run", "uname -r | grep -q ^6.1.0", "--no-cache"]
    done = subprocess.run(
        [*COMMAND, "bisect", *words], capture_output=True, text=True, timeout=3 * PATIENCE_S,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "FIRST BAD trixie" in said
    assert "command-failed: 'uname -r | grep -q ^6.1.0' ended with 1 in the guest" in said
    assert "the cause is in trixie itself (command-failed:" in said


@pytest.mark.long
def test_what_a_guest_writes_of_its_end_is_no_escape_code_in_a_sentence() -> None:
    done = shell("--", "printf '\\033]0;mine\\007\\033[2J' >/dev/kmsg; echo c >/proc/sysrq-trigger")
    assert done.returncode == 1
    assert b"\x1b" not in done.stderr
    assert b"the kernel panicked" in done.stderr


@pytest.mark.long
def test_tree_of_a_kernel_has_its_modules_by_itself(tmp_path: Path) -> None:
    # as make leaves it: nobody has run depmod
    image = tmp_path / "arch/x86/boot/bzImage"
    image.parent.mkdir(parents=True)
    shutil.copy(fetch(DEBIAN).path, image)
    with tarfile.open(modules(DebPackage.parse(DEBIAN.removeprefix("deb:")))) as tar:
        for each in tar:
            if re.search("/md/|modules.builtin", each.name) and (file := tar.extractfile(each)):
                path = tmp_path / each.name.removeprefix("kernel/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read())
    words = ["--module", "dm-crypt", "--", "grep -o ^dm_crypt /proc/modules; exit 4"]
    done = shell(*words, kernel=str(tmp_path))
    assert (done.returncode, done.stdout) == (4, b"dm_crypt\n"), done.stderr


@pytest.mark.sample(4)
@pytest.mark.parametrize("how", ["killed", "killed with its janitor", "interrupted", "hung up"])
def test_nothing_outlives_a_shell(tmp_path: Path, how: str) -> None:
    share = ["--share", str(Path(__file__).parent)] if os.geteuid() == 0 else []
    child = pexpect.spawn(
        sys.executable,
        ["-m", "bootharness", "shell", DEBIAN, *share, "--", "echo up; sleep 1000"],
        env=environment(TMPDIR=str(tmp_path)), timeout=PATIENCE_S,
    )  # fmt: skip
    try:
        child.expect("up\r\n")
        running = processes_with(str(tmp_path))
        for program in ("qemu-system", *(["virtiofsd"] if share else ())):
            assert any(program in each for each in running)
        if how.startswith("killed"):
            janitors = [int(each.split()[0]) for each in running if "janitor" in each]
            for pid in janitors if "janitor" in how else ():
                os.kill(pid, signal.SIGKILL)
            child.kill(signal.SIGKILL)
        elif how == "interrupted":
            child.sendintr()
            child.expect(pexpect.EOF)
        else:
            child.close(force=False)
        eventually(lambda: processes_with(str(tmp_path)))
    finally:
        child.close(force=True)
    if not how.startswith("killed"):  # whose folder the next start sweeps
        eventually(lambda: tmp_path.glob("bootharness-*"))
    if how == "interrupted":
        assert child.exitstatus == 130


def test_terminal_that_is_closed_ends_a_shell(tmp_path: Path) -> None:
    child = pexpect.spawn(
        sys.executable, ["-m", "bootharness", "shell", DEBIAN],
        env=environment(TMPDIR=str(tmp_path)), timeout=PATIENCE_S,
    )  # fmt: skip
    child.expect("/ # ")
    child.close(force=False)
    eventually(lambda: processes_with(str(tmp_path)))
    eventually(lambda: tmp_path.glob("bootharness-*"))


@pytest.mark.long
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
