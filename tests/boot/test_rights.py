"""What QEMU may do: as root it is a user of its own, who can write nothing but its workspace."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.host import rights
from bootharness.host.rights import User, own_user, why_no_own_user
from bootharness.host.workspace import Workspace
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, MachineConfig
from tests.boot.test_lifecycle import PID_FILE, At, pid_of
from tests.support.programs import QEMU, program

ONE_USER = 65534
WRITES = 'for each; do echo x >>"$each" && echo "$each"; done 2>/dev/null; id -u; id -G'


@pytest.fixture
def own() -> None:
    """Where programs get a user of their own; elsewhere the tests are skipped."""
    if why := why_no_own_user():
        pytest.skip(why)


@pytest.fixture
def open_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files that any user may go through, and our own may write."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.mark.parametrize("route", ["mbr", "direct", "ipxe-http"])
def test_qemu_of_root_is_a_user_without_capabilities(
    own: None, open_folder: Path, route: str
) -> None:
    del own
    open_folder.chmod(0o777)
    qemu, seen = program(open_folder, QEMU, PID_FILE), []
    look = At(lambda: seen.append(status(pid_of(qemu))))
    plan = BootPlan(route=route, machine=MachineConfig(qemu=qemu, accelerator="tcg"))
    trace = boot("selfcheck:200000", plan, observer=look)
    assert judge(trace).verdict is Verdict.GOOD, judge(trace).summary
    [found] = seen
    assert len(set(found["Uid"].split())) == len(set(found["Gid"].split())) == 1
    assert int(found["Uid"].split()[0]) >= ONE_USER
    assert found["Groups"] == ""
    assert found["NoNewPrivs"] == "1"
    # a folder of root's keeps the kernel from others; with what it takes, nothing is written
    may_read = 1 << 2 if route == "direct" else 0
    assert int(found["CapEff"], 16) in (0, may_read)
    assert int(found["CapPrm"], 16) in (0, may_read)


def test_untrusted_program_writes_nothing_but_its_workspace(own: None, open_folder: Path) -> None:
    del own
    outside = open_folder / "outside"
    outside.write_text("as it was")
    with Workspace() as workspace, Workspace() as another:
        mine = workspace.path / "mine"
        mine.touch()
        theirs = another.path / "theirs"
        theirs.touch()
        places = [
            outside,
            open_folder / "new",
            mine,
            workspace.path / "new",
            theirs,
            Path("/etc/x"),
        ]
        with workspace.start_untrusted(["sh", "-c", WRITES, "sh", *map(str, places)],
                                       stdout=-1, text=True) as process:  # fmt: skip
            *written, user, groups = process.communicate()[0].split()
        assert written == [str(mine), str(workspace.path / "new")]
        assert user == groups
        assert int(user) != os.geteuid()
        assert outside.read_text() == "as it was"
        with another.start_untrusted(["id", "-u"], stdout=-1, text=True) as process:
            assert process.communicate()[0].split() != [user]


def test_program_reads_what_it_is_given_where_others_may_not(own: None, open_folder: Path) -> None:
    del own
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    secret = closed / "disk.img"
    secret.write_text("a disk")
    secret.chmod(0o600)
    with Workspace() as workspace:
        for reads, said in (([], ""), ([secret], "a disk")):
            with workspace.start_untrusted(["cat", str(secret)], reads=reads, stdout=-1,
                                           stderr=-3, text=True) as process:  # fmt: skip
                assert process.communicate()[0] == said


def test_who_is_not_root_stays_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    why_no_own_user.cache_clear()
    try:
        assert why_no_own_user() == "it runs as this user"
        assert own_user(1, []) is None
    finally:
        why_no_own_user.cache_clear()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("_capabilities", lambda: 0b11, "CAP_KILL, CAP_SETGID, CAP_SETUID is not given here"),
        ("_setpriv_works", lambda: False, "there is no setpriv"),
        ("_tried", lambda words: len(words) < 3, "no other user can be had here"),
    ],
)
def test_root_without_the_right_boots_as_root_and_says_so(
    own: None, monkeypatch: pytest.MonkeyPatch, name: str, value: object, words: str
) -> None:
    del own
    monkeypatch.setattr(rights, name, value)
    why_no_own_user.cache_clear()
    try:
        assert words in str(why_no_own_user())
        trace = boot("selfcheck:100000", BootPlan())
        assert judge(trace).verdict is Verdict.GOOD, judge(trace).summary
    finally:
        why_no_own_user.cache_clear()


def test_device_is_reached_by_its_group_or_not_taken_away(own: None, tmp_path: Path) -> None:
    del own
    device = tmp_path / "device"
    device.touch()
    device.chmod(0o660)
    os.chown(device, 0, 44)
    user = own_user(7, [], [device])
    assert isinstance(user, User)
    assert user.groups == (44,)
    device.chmod(0o600)
    assert own_user(7, [], [device]) is None
    device.chmod(0o666)
    assert own_user(7, [], [device]) == User(user.number)
