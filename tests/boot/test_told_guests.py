"""Guests that are told what to do: over their serial line, on a kernel that Debian ships."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootharness.errors import GuestLost, UsageError
from bootharness.guests.guest import Guest
from bootharness.guests.wired import wired_guests
from bootharness.initramfs.programs import found
from bootharness.kernels.source import fetch
from bootharness.plan import BootPlan, GuestPlan
from tests.support.faults import DEBIAN
from tests.support.processes import REPOSITORY, environment

pytestmark = pytest.mark.skipif(found("busybox", Path()) is None, reason="busybox is not installed")
PLAN = BootPlan(route="direct", timeout_s=120)


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    with Guest(fetch(DEBIAN), PLAN) as live:
        yield live.ready()


@pytest.mark.long
def test_commands_are_run_with_nothing_on_their_input(guest: Guest) -> None:
    ran = guest.run("cat; printf 'a\\tb\\n\\n'; echo error >&2; exit 7")
    assert (ran.status, ran.output) == (7, b"a\tb\n\nerror\n")
    assert guest.run("hostname").text == "guest\n"


@pytest.mark.long
def test_children_that_are_left_behind_are_not_of_who_listens(guest: Guest) -> None:
    # one that ends makes a shell that waits for a line forget the beginning of it
    assert guest.run("echo $PPID").text != "1\n"
    assert (
        guest.run(
            "(sleep 20 & echo $! >/left) ; sleep 0.1; cut -d ' ' -f 4 /proc/$(cat /left)/stat"
        ).text
        == "1\n"
    )


@pytest.mark.long
def test_files_are_the_same_there_and_back(guest: Guest) -> None:
    data = bytes(range(256)) * 40
    guest.put("/data/of a test/x", data)
    assert guest.get("/data/of a test/x") == data
    assert guest.run("stat -c %s '/data/of a test/x'").text == "10240\n"
    guest.put("/empty", b"")
    assert guest.get("/empty") == b""
    with pytest.raises(UsageError, match=r"/none: guest cannot read it: .*No such file"):
        guest.get("/none")
    with pytest.raises(UsageError, match="/proc/none/x: guest cannot write it"):
        guest.put("/proc/none/x", b"")


@pytest.mark.long
def test_what_takes_a_while_is_waited_for(guest: Guest) -> None:
    guest.run("(sleep 1; touch /done) &")
    guest.wait("test -e /done")
    with pytest.raises(GuestLost, match="guest has not come to 'false' in time"):
        guest.wait("false", timeout_s=0.5)
    with pytest.raises(GuestLost, match="guest still has not come to 'false': let it boot again"):
        guest.run("true")
    assert guest.reboot().run("ls /done").status == 1


@pytest.mark.long
def test_guest_that_boots_again_is_new(guest: Guest) -> None:
    guest.put("/done", b"")
    assert guest.reboot().run("ls /done").status == 1


def test_guest_that_ends_is_told_with_what_it_said() -> None:
    with Guest(fetch(DEBIAN), PLAN) as guest:
        guest.ready()
        with pytest.raises(GuestLost, match=r"guest was reset; .*Kernel panic.*sysrq"):
            guest.run("echo c >/proc/sysrq-trigger")


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (BootPlan(route="direct", guest=GuestPlan(run="true")), "is told what to run"),
        (BootPlan(route="disk"), "a guest is made of a kernel"),
    ],
)
def test_plan_that_has_no_such_guest(plan: BootPlan, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Guest(fetch("selfcheck:16"), plan)


@pytest.mark.long
@pytest.mark.skipif(not all(map(shutil.which, ("dmsetup", "perl"))), reason="dmsetup or perl")
def test_examples_of_the_page_are_good(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs/shell.md").read_text()
    examples = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "test_page.py").write_text("\n".join(examples))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--kernel", DEBIAN, "--boot-strict"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


@pytest.mark.long
def test_guests_on_one_wire_send_each_other_what_they_like() -> None:
    with wired_guests(fetch(DEBIAN), PLAN, 2) as (first, second):
        first.run("nc -l -p 7 -e sh -c 'md5sum >/got' &")
        first.wait("netstat -ltn | grep -q :7")
        sent = second.run("dd if=/dev/urandom of=/x bs=64k count=16 2>/dev/null; md5sum </x")
        assert second.run("nc -w 5 guest1 7 </x").status == 0
        first.wait("test -s /got")
        assert first.get("/got").decode() == sent.text
