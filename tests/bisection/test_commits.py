"""Hunts through histories with merges, by an executor that only tells; git and builds are real.

A commit's file `size` names its kernel: below 10 it boots, from 10 on it fails with no-init, from
20 on with kernel-panic, and "broken" does not build.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from bootharness.bisection.bisect import HuntResult, StoppedHunt
from bootharness.bisection.build import Build
from bootharness.bisection.clones import Clones
from bootharness.bisection.commits import bisect_commits
from bootharness.bisection.conflict import in_the_way
from bootharness.bisection.git import Repository
from bootharness.bisection.hunt import HuntObserver
from bootharness.bisection.log import Seen
from bootharness.bisection.ranges import Range
from bootharness.bisection.report.document import hunt_document, hunt_schema
from bootharness.bisection.report.html import hunt_html
from bootharness.bisection.report.markdown import hunt_markdown
from bootharness.bisection.search import Found, Search
from bootharness.bisection.toolchain import Toolchain
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.kernels.source import fetch
from bootharness.runs.identity import worker_facts
from bootharness.runs.result import Attempt, BootFacts

pytestmark = pytest.mark.skipif(
    not shutil.which("qemu-system-x86_64") or not shutil.which("git"),
    reason="git is needed, and a result is kept by QEMU's version",
)
_BYTES = 1600


class Teller(Executor):
    """Says at once what a boot of a kernel would."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **_: Any) -> "Future[Any]":
        answer: Future[Any] = Future()
        if function is worker_facts:
            answer.set_result(function(*arguments))
            return answer
        (cell,) = arguments
        number = fetch(cell.kernel).payload_bytes // _BYTES
        cause = None if number < 10 else "no-init" if number < 20 else "kernel-panic"
        verdict = Verdict.BAD if cause else Verdict.GOOD
        facts = BootFacts(payload_bytes=number * _BYTES)
        answer.set_result(Attempt(verdict, cause, "", 0.1, facts))
        return answer


class Clock(Teller):
    """Says that a boot takes the guest as many seconds as its kernel has bytes in a thousand."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **_: Any) -> "Future[Any]":
        if function is worker_facts:
            return super().submit(function, *arguments)
        (cell,) = arguments
        size = fetch(cell.kernel).payload_bytes
        facts = BootFacts(payload_bytes=size, guest_s=size / 1000)
        slow = size / 1000 > cell.plan.at_most_s
        answer: Future[Any] = Future()
        verdict, cause = (Verdict.BAD, "too-slow") if slow else (Verdict.GOOD, None)
        answer.set_result(Attempt(verdict, cause, "", 0.1, facts))
        return answer


class Listener(HuntObserver):
    """Notes what is built, booted, and told."""

    def __init__(self) -> None:
        self.booted: list[str] = []
        self.built_now: list[str] = []
        self.merges: list[str] = []

    def seen(self, search: Search, seen: Seen) -> None:
        self.booted.append(seen.label)

    def building(self, name: str, log: Path) -> None:
        self.built_now.append(name)

    def branch(self, merge: str, tip: str) -> None:
        self.merges.append(tip)


class History:
    """A repository that is made commit by commit."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._place = folder / "repository", folder
        self.folder.mkdir()
        self.git("init", "-q")
        self.build = Build(f'cp "{folder}/kernel-$(cat size)" kernel', "kernel", Toolchain("host"))

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=tester", "-c", "user.email=t", "-c", "init.defaultBranch=main")
        return subprocess.run(["git", *who, *words], cwd=self.folder, capture_output=True,
                              text=True, check=True).stdout.strip()  # fmt: skip

    def commit(self, subject: str, size: int | str) -> None:
        self._write(size)
        (self.folder / subject.replace(" ", "-")).write_text(subject)  # no two trees are the same
        self.git("add", ".")
        self.git("commit", "-q", "-m", subject)

    def _write(self, size: int | str) -> None:
        (self.folder / "size").write_text(f"{size}\n")
        if isinstance(size, int):
            shutil.copy(selfcheck_kernel(size * _BYTES), self._place / f"kernel-{size}")

    def merge(self, *branches: str, size: int | str | None = None) -> None:
        """Merge branches; ``size`` is what comes of it, whatever they have."""
        words = ("merge", "-q", "--no-ff", "--no-commit", "-s", "ours", *branches)
        self.git(*words)
        if size is not None:
            self._write(size)
        self.git("add", ".")
        self.git("commit", "-q", "-m", f"merge {' '.join(branches)}")

    def hunt(self, good: str, bad: str, **how: Any) -> HuntResult:
        how = {"observer": Listener(), "jobs": 1, "executor": Teller(), **how}
        return bisect_commits(
            self.folder, good, bad, self.build, confidence=0.9,
            history=self._place / "history", **how,
        )  # fmt: skip

    def git_says(self, result: HuntResult) -> str:
        """Return which commit git names, given the replay."""
        log = self._place / "replay"
        log.write_text(result.replay)
        said = self.git("bisect", "replay", str(log))
        self.git("bisect", "reset")
        return said


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """A repository whose first commit boots, with a cache of its own."""
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = History(tmp_path)
    made.commit("base", 1)
    return made


def named(result: HuntResult) -> str:
    """Return the subject of the commit that is the answer."""
    assert result.answer, result.lost
    side = result.answer.good if result.answer.fix else result.answer.bad
    return side.label.partition(" ")[2]


@pytest.mark.long
def test_merge_whose_parents_all_boot_is_itself_the_answer(history: History) -> None:
    history.git("checkout", "-q", "-b", "side")
    history.commit("side one", 2)
    history.git("checkout", "-q", "main")
    history.commit("main one", 3)
    history.merge("side", size=12)
    history.commit("last", 13)
    result = history.hunt("HEAD~3", "HEAD")
    assert named(result) == "merge side"
    assert result.answer
    assert result.answer.conclusion.startswith("the merge itself: all its parents boot; ")
    assert result.culprit
    assert "\n- the merge itself: all its parents boot\n" in result.culprit.letter
    # whoever gets it has another HEAD, and the same tags
    ends = [f"{name} ({history.git('rev-parse', name)[:12]})" for name in ("HEAD~3", "HEAD")]
    assert f"by bisecting {ends[0]}..{ends[1]}, in" in result.culprit.letter
    assert f"- {ends[1]} with " in result.culprit.letter
    history.git("tag", "-a", "-m", "the tag", "v1.0", "HEAD~3")
    repository = Repository(history.folder)
    assert repository.called("v1.0") == "v1.0"
    assert repository.called(history.git("rev-parse", "HEAD")) == ends[1][6:-1]
    in_the_way = history.git("rev-parse", "HEAD")[:12]
    (reverted,) = (each for each in result.answer.outcomes if each.name == "reverted")
    assert reverted.verdict is Verdict.SKIP
    assert reverted.sentence == (
        f'it cannot be reverted there, for {in_the_way} ("last") changes the same lines of size'
    )
    assert result.exit_status == 0
    assert len(result.stages) == 2
    document = json.loads(json.dumps(hunt_document(result)))
    jsonschema.validate(document, hunt_schema())
    assert [stage["size"] for stage in document["stages"]] == [4, 2]
    for text in (hunt_html(result), hunt_markdown(result)):
        assert "stage 1: 3 commits after HEAD~3 (" in text
        assert "stage 2: 1 commit after" in text
        assert "main one" in text
        assert "side one" in text
    assert f"{history.git('rev-parse', 'HEAD~1')} is the first bad commit" in history.git_says(
        result
    )


def test_what_is_in_the_way_of_a_revert_is_the_first_that_changes_the_same_lines(
    history: History,
) -> None:
    """Not what changes others of the file, nor what is in a branch, but the merge that brings it;
    of a file that is gone the commit that took it away."""
    lines = [f"line {number}" for number in range(20)]

    def written(subject: str, at: int | None) -> str:
        file = history.folder / "file"
        if at is None:
            file.unlink()
        else:
            lines[at] = subject
            file.write_text("\n".join(lines))
        history.git("add", "-A")
        history.git("commit", "-q", "-m", subject)
        return history.git("rev-parse", "HEAD")

    written("start", 0)
    guilty = written("guilty", 3)
    written("far below", 17)
    history.git("checkout", "-q", "-b", "side")
    written("in a branch", 3)
    history.git("checkout", "-q", "main")
    history.git("merge", "-q", "--no-ff", "-m", "merge side", "side")
    merge = history.git("rev-parse", "HEAD")
    written("later", 4)
    repository = Repository(history.folder)
    named = f'{merge[:12]} ("merge side")'
    assert in_the_way(repository, guilty, "HEAD", ["file"]) == (named,)
    assert in_the_way(repository, guilty, "HEAD~2", ["file"]) == ()  # there it still merges
    gone = written("away", None)
    late = history.git("rev-parse", "HEAD~1")
    assert in_the_way(repository, late, "HEAD", ["file"]) == (f'{gone[:12]} ("away")',)


def test_what_became_slower_is_measured_once_and_found_in_the_branch_that_brought_it(
    history: History,
) -> None:
    history.git("checkout", "-q", "-b", "side")
    history.commit("slow", 12)
    history.commit("side two", 12)
    history.git("checkout", "-q", "main")
    history.commit("main one", 1)
    history.merge("side", size=12)
    history.commit("last", 13)
    result = history.hunt("HEAD~3", "HEAD", slower=True, executor=Clock())
    assert named(result) == "slow"
    assert result.answer
    # between 1.6 and 20.8 s, at either stage; the commit by itself is most of it
    assert {stage.plan.at_most_s for stage in result.stages} == {11.2}
    assert "slow takes 19.200 s by the guest's own clock and" in result.answer.conclusion
    assert result.culprit
    assert ": the kernel boots slower\n" in result.culprit.letter
    assert "--at-most 11.2" in result.culprit.letter


def test_what_mended_a_slow_boot_is_found(history: History) -> None:
    history.commit("slow", 13)
    history.commit("slow still", 13)
    history.commit("mended", 2)
    history.commit("last", 1)
    result = history.hunt("HEAD~3", "HEAD", slower=True, fix=True, executor=Clock())
    assert named(result) == "mended"
    assert result.hunted == "the end of too-slow: more than 11.2 s by the guest's own clock"


@pytest.mark.long
def test_every_other_parent_of_an_octopus_is_looked_at(history: History) -> None:
    for name, sizes in (("one", (2, 3)), ("two", (4, 14))):
        history.git("checkout", "-q", "-b", name, "main")
        for size in sizes:
            history.commit(f"{name} {size}", size)
    history.git("checkout", "-q", "main")
    history.commit("main one", 5)
    history.merge("one", "two", size=14)
    result = history.hunt("HEAD~2", "HEAD")
    assert named(result) == "two 14"
    assert len(result.stages) == 3
    assert "two 14" in history.git_says(result)


@pytest.mark.long
def test_merge_in_a_branch_that_was_merged_is_gone_into(history: History) -> None:
    history.git("checkout", "-q", "-b", "inner")
    history.commit("inner one", 2)
    history.commit("inner two", 12)
    history.git("checkout", "-q", "-b", "outer", "main")
    history.commit("outer one", 3)
    history.merge("inner", size=12)
    history.git("checkout", "-q", "main")
    history.commit("main one", 4)
    history.merge("outer", size=12)
    result = history.hunt("HEAD~2", "HEAD")
    assert named(result) == "inner two"
    assert [stage.search.size for stage in result.stages] == [3, 3, 3]
    assert "inner two" in history.git_says(result)


@pytest.mark.long
def test_branch_that_began_before_what_was_mended_says_so(history: History) -> None:
    history.commit("bad from here", 12)
    history.git("branch", "side")
    history.commit("mended", 2)
    history.git("checkout", "-q", "side")
    history.commit("side one", 13)
    history.git("checkout", "-q", "main")
    history.commit("main one", 3)
    history.merge("side", size=13)
    result = history.hunt("HEAD~2", "HEAD")
    assert named(result) == "merge side"
    assert result.answer
    assert "bad since it began" in result.answer.conclusion
    assert "bad from here: the merge brought back what was mended" in result.answer.conclusion


@pytest.mark.long
def test_another_cause_at_the_end_of_a_branch_is_not_what_is_sought(history: History) -> None:
    history.git("checkout", "-q", "-b", "side")
    history.commit("side one", 22)
    history.git("checkout", "-q", "main")
    history.commit("main one", 3)
    history.merge("side", size=12)
    result = history.hunt("HEAD~2", "HEAD")
    assert result.exit_status == 125
    assert "the bad end is bad with another cause, kernel-panic" in result.undecided
    assert named(result) == "merge side"


def test_good_commit_on_another_branch_is_replaced_by_the_merge_base(history: History) -> None:
    history.git("checkout", "-q", "-b", "stable")
    history.commit("stable one", 2)
    history.git("checkout", "-q", "main")
    history.commit("main one", 3)
    history.commit("main two", 12)
    result = history.hunt("stable", "main")
    assert named(result) == "main two"
    assert "base, where main branched off from stable, up to" in result.title


@pytest.mark.long
def test_merge_base_that_is_bad_means_that_it_was_mended_on_the_other_branch(
    history: History,
) -> None:
    history.commit("bad from here", 12)
    history.git("checkout", "-q", "-b", "stable")
    history.commit("mended", 2)
    history.git("checkout", "-q", "main")
    history.commit("main one", 13)
    result = history.hunt("stable", "main")
    assert result.exit_status == 125
    assert "bad from here is bad already, so it was mended on the branch of stable" in result.advice
    base = history.git("rev-parse", "HEAD~1")
    assert f"--find-fix {base[:12]} stable" in result.advice
    assert named(history.hunt(base, "stable", fix=True)) == "mended"


def test_fix_is_found_in_the_branch_that_brought_it(history: History) -> None:
    history.commit("bad from here", 12)
    history.git("checkout", "-q", "-b", "side")
    history.commit("side one", 13)
    history.commit("mended", 2)
    history.git("checkout", "-q", "main")
    history.commit("main one", 14)
    history.merge("side", size=2)
    history.commit("last", 3)
    result = history.hunt("HEAD~3", "HEAD", fix=True)
    assert named(result) == "mended"
    assert result.answer
    assert result.answer.bad.label.endswith("side one")
    assert "mended" in history.git_says(result)


@pytest.mark.long
def test_merge_that_is_itself_the_fix_is_the_answer(history: History) -> None:
    history.commit("bad from here", 12)
    history.git("checkout", "-q", "-b", "side")
    history.commit("side one", 13)
    history.git("checkout", "-q", "main")
    history.commit("main one", 14)
    history.merge("side", size=2)
    result = history.hunt("HEAD~2", "HEAD", fix=True)
    assert named(result) == "merge side"
    assert result.answer
    assert result.answer.conclusion.startswith("the merge itself: none of its parents boots; ")


def test_ends_that_were_mistaken_for_each_other_are_said(history: History) -> None:
    history.commit("bad from here", 12)
    history.commit("bad still", 13)
    history.commit("mended", 2)
    result = history.hunt("HEAD~2", "HEAD")
    assert result.advice == "GOOD is bad and BAD is good: did you want --find-fix?"
    swapped = history.hunt("HEAD~3", "HEAD~2", fix=True)
    assert "leave out --find-fix" in swapped.advice


def test_first_commit_that_does_not_build_is_found_without_a_boot(history: History) -> None:
    for number in range(2, 8):
        history.commit(f"n{number}", "broken" if number > 4 else number + 20)
    told = history.hunt("HEAD~6", "HEAD")
    assert told.advice == ("to find the first commit that does not build, give --find-broken-build")
    result = history.hunt("HEAD~6", "HEAD", builds_only=True)
    assert named(result) == "n5"
    assert result.answer
    assert result.answer.conclusion.endswith("n5 is the first not to build")
    assert "kernel-broken" in result.answer.bad.sentence
    assert len({each.position for each in result.boots}) == len(result.boots)  # none is repeated
    assert result.culprit
    assert "the kernel does not build any more:" in result.culprit.letter
    assert f"in {len(result.boots)} builds; the last good commit is " in result.culprit.letter
    for text in (hunt_html(result), hunt_markdown(result)):
        assert "n5 is the first not to build" in text
        assert text.count("bootharness boot") <= 1  # of the bad one there is nothing to boot


def test_end_that_builds_otherwise_than_was_said_is_built_once(history: History) -> None:
    for number, size in ((2, "broken"), (3, 3)):
        history.commit(f"n{number}", size)
    result = history.hunt("HEAD~2", "HEAD", builds_only=True)
    assert result.lost
    assert result.lost.reason == "the bad end builds"
    assert [each.position for each in result.boots] == [2, 0]
    swapped = history.hunt("HEAD~1", "HEAD", builds_only=True)
    assert swapped.lost
    assert swapped.lost.reason == "the good end does not build"
    assert swapped.advice == "GOOD is bad and BAD is good: did you want --find-fix?"


def test_build_that_could_not_be_tried_is_no_reason_to_seek_a_broken_build(
    history: History,
) -> None:
    history.commit("n2", 2)
    history.build = replace(history.build, limit_s=0.01, command="sleep 60")
    result = history.hunt("HEAD~1", "HEAD", builds_only=True)
    assert result.lost
    assert result.lost.reason == "the bad end tells nothing: build-failed"
    assert not result.advice


def test_folder_inside_of_a_repository_stands_for_the_whole_of_it(history: History) -> None:
    folder = history.folder / "a folder"
    folder.mkdir()
    for number in (2, 12):
        history.commit(f"n{number}", number)
    history.folder = folder
    result = history.hunt("HEAD~2", "HEAD")
    assert named(result) == "n12"
    assert [each.verdict for each in result.boots].count(Verdict.SKIP) == 0


def test_commit_that_a_shallow_clone_has_not_is_told_as_such(
    history: History, tmp_path: Path
) -> None:
    first = history.git("rev-parse", "HEAD")
    for number in range(2, 5):
        history.commit(f"n{number}", number)
    history.git("clone", "-q", "--depth", "2", f"file://{history.folder}", str(tmp_path / "near"))
    history.folder = tmp_path / "near"
    with pytest.raises(UsageError, match=r"which is a shallow clone: .* `git fetch --unshallow`"):
        history.hunt(first, "HEAD")


@pytest.mark.long
def test_what_git_says_of_its_own_repository_is_not_ours(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (2, 3, 12):
        history.commit(f"n{number}", number)
    tree = tmp_path / "worktree"
    history.git("worktree", "add", "-q", str(tree), "-b", "mine")
    history.folder = tree
    (tree / "size").write_text("staged")
    history.git("add", "size")
    before = [history.git(*words) for words in (("status", "-bs"), ("reflog",), ("diff", "HEAD"))]
    own = Path(history.git("rev-parse", "--absolute-git-dir"))
    index = (own / "index").read_bytes()
    with monkeypatch.context() as set_by_git:
        set_by_git.setenv("GIT_DIR", str(own))
        set_by_git.setenv("GIT_WORK_TREE", str(tree))
        set_by_git.setenv("GIT_INDEX_FILE", str(own / "index"))
        set_by_git.setenv("GIT_PREFIX", "")
        said = tmp_path / "said"
        look = f"env | grep -E '^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX)=' >>{said}"
        command = f"{look}; git checkout -q --detach HEAD~0; {history.build.command}"
        history.build = Build(command, "kernel", history.build.toolchain)
        result = history.hunt("HEAD~3", "HEAD")
    assert named(result) == "n12"
    assert said.read_text() == ""
    assert (own / "index").read_bytes() == index
    assert before == [
        history.git(*words) for words in (("status", "-bs"), ("reflog",), ("diff", "HEAD"))
    ]


@pytest.mark.long
def test_submodules_are_those_that_the_repository_has(history: History, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    main, history.folder = history.folder, tools
    history.git("init", "-q")
    history.commit("tool", 1)
    history.folder = main
    local = ("-c", "protocol.file.allow=always")
    history.git(*local, "submodule", "--quiet", "add", str(tools), "sub/tools")
    history.git("commit", "-q", "-m", "submodule")
    shutil.move(tools, tmp_path / "gone")  # so that nothing can be asked of where it came from
    history.commit("last", 12)
    history.build = Build(f"test -f sub/tools/tool && {history.build.command}", "kernel",
                          history.build.toolchain)  # fmt: skip
    assert named(history.hunt("HEAD~1", "HEAD")) == "last"
    # and one that it has not is named where the build fails
    shutil.rmtree(history.folder / ".git/modules")
    shutil.rmtree(history.folder / "sub")
    shutil.rmtree(tmp_path / "cache")
    result = history.hunt("HEAD~1", "HEAD", log=tmp_path / "log")
    assert result.lost
    sentence = result.boots[-1].sentence
    assert "submodule sub/tools is not in" in sentence
    assert "`git submodule update --init --recursive` there brings it" in sentence


@pytest.mark.long
def test_hunt_that_is_stopped_in_a_branch_knows_the_main_line(
    history: History, tmp_path: Path
) -> None:
    history.git("checkout", "-q", "-b", "side")
    history.commit("side one", 2)
    history.commit("side two", 12)
    history.git("checkout", "-q", "main")
    history.commit("main one", 3)
    history.merge("side", size=12)

    class Stopping(Listener):
        def seen(self, search: Search, seen: Seen) -> None:
            super().seen(search, seen)
            if self.merges:
                raise KeyboardInterrupt

    log = tmp_path / "log"
    with pytest.raises(StoppedHunt) as stopped:
        history.hunt("HEAD~2", "HEAD", observer=Stopping(), log=log)
    main, branch = stopped.value.result.stages
    assert isinstance(main.search.result, Found)
    assert len(branch.boots) == 1
    assert stopped.value.result.replay.count("git bisect good") >= 1
    # and the same command goes on from there, each stage from its own log
    listener = Listener()
    assert named(history.hunt("HEAD~2", "HEAD", observer=listener, log=log)) == "side two"
    tried = (" reverted", " applied")
    built = [label for label in listener.built_now if not label.endswith(tried)]
    assert built == [label for label in built if "side one" in label]


@pytest.mark.long
def test_command_that_does_several_things_at_once_is_run_alone(history: History) -> None:
    class Counting(Listener):
        at_once = most = workers = 0

        def begun(self, searched: Range, workers: int) -> None:
            self.workers = workers

        def building(self, name: str, log: Path) -> None:
            self.at_once += 1
            self.most = max(self.most, self.at_once)

        def built(self, name: str, seconds: float, failure: str) -> None:
            self.at_once -= 1

    for number in range(2, 10):
        history.commit(f"n{number}", number + (8 if number > 5 else 0))
    plain = history.build.command
    for command, jobs, most in ((f"{plain}; : make -j2", None, 1), (f"{plain};", 2, 2)):
        history.build = Build(f"sleep 0.2; {command}", "kernel", Toolchain("host"))
        listener = Counting()
        result = history.hunt("HEAD~8", "HEAD", jobs=2, build_jobs=jobs, observer=listener)
        assert named(result) == "n6"
        assert listener.most == most
    # who tries two places at once builds more commits than one after the other
    for build_jobs, workers in ((None, 1), (3, 3)):
        history.build = Build(f"{plain}; : make -j2", "kernel", Toolchain("host"))
        history.hunt("HEAD~8", "HEAD", jobs=None, build_jobs=build_jobs, observer=listener)
        assert listener.workers == workers


def test_nearest_clone_builds_next(history: History, tmp_path: Path) -> None:
    for number in range(2, 6):
        history.commit(f"n{number}", number)
    commits = [history.git("rev-parse", f"HEAD~{number}") for number in range(5)]
    clones = Clones(history.folder, 2, 60)
    with clones.at(commits[4]) as old, clones.at(commits[0]) as new:
        assert old.tree != new.tree
    for commit, nearest in ((commits[1], new), (commits[3], old)):
        with clones.at(commit) as clone:
            assert clone.tree == nearest.tree
