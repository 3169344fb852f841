"""`bootharness bisect` as its user runs it: on sizes, files and commits, killed, and wrong."""

import json
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pexpect
import pytest

from bootharness.host.deadline import Deadline
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.kernels.source import expand, fetch
from tests.boot.test_cli import git
from tests.support.builders import patched_kernel
from tests.support.processes import COMMAND, environment, eventually, processes_with, run

pytestmark = pytest.mark.skipif(
    not shutil.which("qemu-system-x86_64"), reason="QEMU is not installed"
)
LIMIT = 15_735_808
"""The largest payload that a loader without the carry out of bit 23 can place."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where hunts and results of these tests are kept."""
    folder = tmp_path_factory.mktemp("state")
    return {"XDG_STATE_HOME": str(folder), "BOOTHARNESS_HISTORY": str(folder / "history.sqlite3")}


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine builds that cross the limit at the sixth, two of which tell nothing."""
    folder = tmp_path_factory.mktemp("builds")
    for number in range(1, 10):
        grown = number * 1024 if number < 6 else 1_000_000 + number * 1024
        path = folder / f"vmlinuz-6.{number}"
        if number == 4:
            path.write_text("make: *** [bzImage] Error 2\n")
        elif number == 7:  # another fault: it promises more than the file has
            patched_kernel(selfcheck_kernel(4096), path, size=4, syssize=100_000)
        else:
            shutil.copy(selfcheck_kernel(15_000_000 + grown // 16 * 16), path)
    return folder


@pytest.mark.long
def test_first_bad_file_is_found_with_its_cause(
    builds: Path, no_carry: Path, state: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "hunt.json"
    what = ("bisect", builds, "--loader", no_carry, "--confidence", 0.9)
    done = run(*what, "--json", file, "--html", tmp_path / "hunt.html", **state)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "hunt.html").read_text()
    assert page.count("Booting from Hard Disk...") == 2  # the screens of both
    assert "FIRST BAD  vmlinuz-6.6\n" in done.stdout
    assert "LAST GOOD  vmlinuz-6.5\n" in done.stdout
    said = " ".join(done.stdout.split())
    assert (
        f"the cause is the payload size: every build above {LIMIT:,} bytes fails with no-carry.asm "
        "(destination-wrapped), whatever made it; vmlinuz-6.6 only made it grow by" in said
    )
    document = json.loads(file.read_text())
    assert document["sought"] == "destination-wrapped"
    outcomes = {each["name"]: each["verdict"] for each in document["answer"]["outcomes"]}
    assert outcomes["grown"] == "bad"
    assert outcomes["stage1"] == "good"
    rows = {each["name"]: each for each in document["answer"]["rows"]}
    assert rows["last destination"]["good"] != rows["last destination"]["bad"]
    # what has been booted is not booted again: not by the same hunt, nor by another one
    for more in ((), ("--log", tmp_path / "another.jsonl", "--jobs", 1)):
        again = run(*what, "--json", "-", *more, **state)
        assert again.returncode == 0, again.stderr
        repeated = json.loads(again.stdout)
        assert repeated["found"]["bad"] == document["found"]["bad"]
        assert repeated["answer"]["conclusion"] == document["answer"]["conclusion"]
        assert all(each["cached"] for each in repeated["answer"]["outcomes"])
        if more:
            # what tells nothing is tried again; the rest is in the history
            booted = [each for each in repeated["boots"] if not each["cached"]]
            assert {each["position"] for each in booted} <= {3, *_confirming(document)}
        else:
            assert repeated["boots"] == document["boots"]


def _confirming(document: dict[str, dict[str, int]]) -> set[int]:
    return {document["found"]["good"], document["found"]["bad"]}


STORY = (
    ("6.4-gcc8", 15_450_112), ("6.5-gcc8", 15_548_416), ("6.5-gcc8-stackprotector", 15_593_472),
    ("6.6-gcc8", 15_646_720), ("6.6-gcc8-stackprotector", 15_691_776), ("6.6-gcc10", 15_757_312),
    ("6.6-gcc10-stackprotector", 15_802_368), ("6.7-gcc8", 15_777_792), ("6.7-gcc10", 15_855_616),
)  # fmt: skip


@pytest.mark.long
def test_the_hunt_of_32_days_ends_with_the_size(
    no_carry: Path, state: dict[str, str], debian: str, tmp_path: Path
) -> None:
    """A new compiler, a new option and a new version all look guilty, in front of a limit."""
    (tmp_path / "builds").mkdir()
    for number, (name, size) in enumerate(STORY, start=1):
        grown = fetch(f"grow:{size}:{debian}").path
        (tmp_path / "builds" / f"{number}-linux-{name}").symlink_to(grown)
    files = {name: tmp_path / f"hunt.{name}" for name in ("json", "html", "markdown")}
    outputs = [word for name, path in files.items() for word in (f"--{name}", path)]
    done = run("bisect", tmp_path / "builds", "--loader", no_carry, "--until", "setup",
               "--confidence", 0.9, *outputs, **state)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FIRST BAD  6-linux-6.6-gcc10\n" in done.stdout
    conclusion = (
        f"the cause is the payload size: every build above {LIMIT:,} bytes fails with no-carry.asm "
        "(destination-wrapped), whatever made it; 6-linux-6.6-gcc10 only made it grow by 65,536 "
        "bytes, to 15,757,312; with 15,757,312 bytes it boots with stage1"
    )
    assert conclusion in " ".join(done.stdout.split())
    assert conclusion in files["markdown"].read_text()
    assert conclusion[1:] in files["html"].read_text()
    factors = run("factors", files["json"])
    assert "the best is: bad if payload_bytes > 15,691,776" in factors.stdout
    assert "these are too few kernels" in factors.stdout  # a hunt boots few


@pytest.mark.long
def test_killed_hunt_goes_on_without_redoing_a_boot(
    no_carry: Path, state: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "hunt.jsonl"
    what = ("bisect", "selfcheck:15735744..15735904", "--loader", str(no_carry),
            "--confidence", "0.8", "--log", str(log))  # fmt: skip
    mark = f"--log\0{log}"
    for lines in (2, 4):
        hunt = subprocess.Popen([*COMMAND, *what], env=environment(**state),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        deadline = Deadline.after(60)
        while not log.exists() or len(log.read_bytes().splitlines()) < lines:
            assert not deadline.expired
            assert hunt.poll() is None
        hunt.send_signal(signal.SIGKILL)
        hunt.wait()
        eventually(lambda: processes_with(mark))
    before = log.read_bytes().splitlines()
    done = run(*what, **state)
    assert done.returncode == 0, done.stderr
    assert f"LAST GOOD  {LIMIT:,} bytes" in done.stdout
    after = log.read_bytes().splitlines()
    assert after[: len(before)] == before
    boots = re.findall(r"^ +\d+  (?:GOOD|BAD) ", done.stdout, re.MULTILINE)
    assert len(boots) == len(after) - 1  # the first line says what is hunted


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "KERNEL"),
        (["git", "HEAD", "HEAD~1", "--build", "true", "--image", "x"], "no ancestor"),
        (["git", "HEAD~1", "HEAD", "--build", "true"], "--image"),
        (["toolchains", ".", "gcc-99", "--build", "true", "--image", "x"], "toolchain gcc-99"),
        (["selfcheck:16", "selfcheck:16"], "a good one and a bad one; this has 1"),
        (["selfcheck:32..16"], "the smaller one first"),
        (["selfcheck:1..16"], "whole paragraphs"),
        (["grow:16..32"], "write grow:LOW..HIGH:KERNEL"),
        (["no-such-folder"], "no such file"),
        (["selfcheck:16..32", "--confidence", "1"], "--confidence"),
        (["selfcheck:16..32", "--log", "/etc/hostname"], "not the log of a hunt"),
    ],
)
def test_wrong_usage_exits_129(arguments: list[str], words: str, state: dict[str, str]) -> None:
    done = run("bisect", *arguments, **state)
    assert done.returncode == 129, done.stdout
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--html", "--markdown", "--json", "--replay"])
def test_what_a_person_wrote_is_not_written_over(
    option: str, state: dict[str, str], tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("my notes")
    git_only = ["git", "HEAD~1", "HEAD", "--build", "true", "--image", "x"]
    what = git_only if option == "--replay" else ["selfcheck:16..32"]
    done = run("bisect", *what, option, str(mine), **state)
    assert done.returncode == 129, done.stdout
    assert "so it is not written over" in done.stderr
    assert mine.read_text() == "my notes"


@pytest.mark.long
def test_first_bad_commit_is_found_in_the_branch_that_a_merge_brought_in(
    no_carry: Path, state: dict[str, str], tmp_path: Path
) -> None:
    repository, replay = tmp_path / "repository", tmp_path / "replay"
    repository.mkdir()
    sizes = iter((15_000_000, 15_000_016, 15_800_000, 15_800_016))
    for words in (
        ["init", "-q", "-b", "main"], ["commit", "first"], ["checkout", "-q", "-b", "side"],
        ["commit", "it grows a little"], ["commit", "it grows"], ["checkout", "-q", "main"],
        ["merge", "-q", "--no-edit", "--no-ff", "side"], ["commit", "last"],
    ):  # fmt: skip
        if words[0] == "commit":
            kernel = selfcheck_kernel(next(sizes))
            (repository / "build.sh").write_text(f"cp {kernel} bzImage\n")
            git(repository, "add", ".")
            git(repository, "commit", "-q", "-m", words[1])
        else:
            git(repository, *words)
    done = run("bisect", "git", "HEAD~2", "HEAD", "--repository", repository, "--build",
               "sh build.sh", "--image", "bzImage", "--loader", no_carry, "--confidence", 0.8,
               "--replay", replay, **state, BOOTHARNESS_CACHE=str(tmp_path))  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    merged, branch = done.stdout.split("it is a merge; on with the branch that it brought in")
    assert "TURNS AT" in merged
    assert re.search("^building [0-9a-f]{12} last; log /.*/log$", done.stderr, re.MULTILINE)
    assert re.search("^built: [0-9a-f]{12} last, 0:[0-9]{2}$", done.stderr, re.MULTILINE)
    assert branch.split("FIRST BAD")[1].splitlines()[0].endswith("it grows")
    assert "the merge " in branch
    said = git(repository, "bisect", "replay", replay)
    assert re.search("is the first bad commit\\n[^$]*it grows\\n", said), said


def test_packages_of_a_flavour_come_in_the_order_of_their_versions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ["image-6.9-cloud", "image-6.10-cloud", "image-6.10-cloud-dbg", "image-6.10-rt"]
    monkeypatch.setattr("bootharness.kernels.deb._own_lists", lambda _: None)
    monkeypatch.setattr(
        "bootharness.kernels.deb._apt",
        lambda *_: subprocess.CompletedProcess([], 0, "\n".join(reversed(names)), ""),
    )
    assert expand("deb:image-*-cloud*/sid") == [
        "deb:image-6.9-cloud/sid",
        "deb:image-6.10-cloud/sid",
    ]


@pytest.mark.long
def test_git_bisect_run_goes_round_what_fails_for_another_cause(
    no_carry: Path, state: dict[str, str], tmp_path: Path
) -> None:
    """A fault that was put in and taken out again is on the way to the one that is sought."""
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-q", "-b", "main")
    broken = tmp_path / "broken"  # it promises more than the file has
    patched_kernel(selfcheck_kernel(4096), broken, size=4, syssize=100_000)
    small, large = selfcheck_kernel(15_000_000), selfcheck_kernel(15_800_000)
    story = [small, small, broken, broken, broken, small, large, large]
    for number, kernel in enumerate(story):
        (repository / "build.sh").write_text(f"cp {kernel} bzImage # {number}\n")
        git(repository, "add", ".")
        git(repository, "commit", "-q", "-m", f"n{number}")
    command = shlex.join([*COMMAND, "boot", "bzImage", "--loader", str(no_carry), "-q"])

    def found(*more: str) -> str:
        git(repository, "bisect", "start", "HEAD", "HEAD~7")
        script = f"sh build.sh || exit 125; {command} {' '.join(more)}"
        said = git(repository, "bisect", "run", "sh", "-c", script)
        git(repository, "bisect", "reset")
        return said

    assert re.search(
        "is the first bad commit\\n[^$]*n6\\n", found("--cause", "destination-wrapped")
    )
    assert re.search("is the first bad commit\\n[^$]*n2\\n", found())


def test_cause_that_is_sought_tells_what_counts(state: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    patched_kernel(selfcheck_kernel(4096), broken, size=4, syssize=100_000)
    usual = run("boot", broken, "--json", "-", **state)
    cause = json.loads(usual.stdout)["cause"]
    assert usual.returncode == 1
    assert run("boot", broken, "-q", "--cause", "no-init", "--cause", cause).returncode == 1
    other = run("boot", broken, "--cause", "no-init")
    assert other.returncode == 125
    assert "another cause than no-init, so it counts as not found out" in other.stdout
    typo = run("boot", broken, "--cause", "destination-wraped")
    assert typo.returncode == 129
    assert "--cause destination-wraped: did you mean destination-wrapped?" in typo.stderr


@pytest.mark.long
def test_terminal_shows_what_is_built_while_it_is_built(
    no_carry: Path, state: dict[str, str], tmp_path: Path
) -> None:
    repository, go = tmp_path / "repository", tmp_path / "go"
    repository.mkdir()
    git(repository, "init", "-q", "-b", "main")
    for number, size in enumerate((15_000_000, 15_800_000)):
        (repository / "build.sh").write_text(
            f"echo '  CC init/main-{number}.o'; until test -e {go}; do sleep 0.1; done\n"
            f"cp {selfcheck_kernel(size)} bzImage\n"
        )
        git(repository, "add", ".")
        git(repository, "commit", "-q", "-m", f"a subject that is as long as any, of {number}")
    words = ("bisect", "git", "HEAD~1", "HEAD", "--repository", repository, "--build",
             "sh build.sh", "--image", "bzImage", "--loader", no_carry, "--confidence", 0.8,
             "--jobs", 1)  # fmt: skip
    screen = pexpect.spawn(COMMAND[0], [*COMMAND[1:], *map(str, words)], dimensions=(40, 80),
                           env={**environment(**state), "TERM": "xterm"}, encoding="utf8",
                           timeout=60)  # fmt: skip
    commit = git(repository, "rev-parse", "--short=12", "HEAD").strip()
    screen.expect(rf"building {commit} \d+:\d\d +CC init/main-1.o")
    screen.expect(r"log (/\S+/log)")
    assert "CC init/main-1.o" in Path(screen.match[1]).read_text()
    go.touch()
    screen.expect(rf"BAD.* {commit} a subject")
    screen.expect(pexpect.EOF)
    screen.close()
    assert screen.exitstatus == 0
