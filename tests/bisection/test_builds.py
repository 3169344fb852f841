"""Ranges that have to be built, with git and a shell; nothing is booted."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

import pytest
from msgspec.structs import replace

from bootharness.bisection.build import Build
from bootharness.bisection.build_log import MOST_BYTES, why_failed
from bootharness.bisection.git_range import GitRange
from bootharness.bisection.ranges import KernelRange, SizeRange, kernel_range
from bootharness.bisection.replay import replay
from bootharness.bisection.search import Observation, Search
from bootharness.bisection.toolchain import Toolchain, _identity, add_toolchain, toolchain
from bootharness.bisection.toolchain_range import ToolchainRange
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import BuildFailed, LaunchFailed, UsageError
from bootharness.host.workspace import Workspace
from tests.support.processes import eventually, run

HOST = Toolchain("host")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, with nothing built."""
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(tmp_path / "cache"))


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=tester", "-c", "user.email=tester", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Four commits, the third of which cannot be built, and a merge of two more."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    for number in range(1, 5):
        commit(folder, f"n{number}", "exit 3" if number == 3 else f"echo {number} >kernel")
    git(folder, "checkout", "-q", "-b", "side", "HEAD~1")
    commit(folder, "side 1")
    commit(folder, "side 2")
    git(folder, "checkout", "-q", "main")
    git(folder, "merge", "-q", "--no-edit", "side")
    return folder


def commit(folder: Path, subject: str, script: str | None = None) -> None:
    (folder / subject).write_text(subject)
    if script:
        (folder / "build.sh").write_text(script)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", subject)


@pytest.fixture
def commits(repository: Path) -> Iterator[GitRange]:
    build = Build("echo built >>log.txt; . ./build.sh", "kernel", HOST)
    with GitRange(repository, "HEAD~4", "HEAD", build) as searched:
        yield searched


def test_commits_are_built_once_and_the_repository_is_left_alone(
    repository: Path, commits: GitRange
) -> None:
    assert [commits.label(at)[13:] for at in range(len(commits))] == [
        "n1", "n2", "n3", "n4", "Merge branch 'side'",
    ]  # fmt: skip
    assert commits.ready(0) is None
    assert Path(commits.prepare(0)).read_text() == "1\n"
    assert Path(commits.prepare(3)).read_text() == "4\n"
    assert commits.ready(0) == commits.prepare(0)
    assert not (repository / "kernel").exists()
    assert git(repository, "status", "--short", "--branch") == "## main"
    assert git(repository, "worktree", "list").count("\n") == 0


def test_what_a_person_has_git_do_by_itself_is_not_done_in_clones(
    commits: GitRange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = tmp_path / "hooks" / "post-checkout"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (tmp_path / "gitconfig").write_text(
        f"[core]\nhooksPath = {hook.parent}\n[color]\nui = always\n[log]\nshowSignature = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert Path(commits.prepare(0)).read_text() == "1\n"
    assert commits.label(3)[13:] == "n4"


def test_build_that_fails_says_why_and_where_its_log_is(commits: GitRange) -> None:
    commits.prepare(0)  # whose kernel must not be taken for this one's
    with pytest.raises(BuildFailed, match=r"exit status 3: .*; see (.*/log)$") as raised:
        commits.prepare(2)
    log = Path(str(raised.value).rpartition("see ")[2])
    assert log.read_text() == ""
    assert raised.value.cause == "build-failed"


def test_replay_is_what_git_takes(repository: Path, commits: GitRange, tmp_path: Path) -> None:
    log = tmp_path / "replay"
    # in the order in which they may be booted, which is not git's
    search = Search(5).observed(*(
        Observation(at, Verdict.BAD if at > 1 else Verdict.GOOD, "no-init" if at > 1 else None)
        for at in (2, 4, 0, 1, 3)
    ))  # fmt: skip
    log.write_text(replay(commits.repository, [(commits.commits, search)]))
    said = git(repository, "bisect", "replay", str(log))
    assert f"{commits.commits[2]} is the first bad commit" in said


def test_replay_leaves_out_what_git_could_not_take(
    repository: Path, commits: GitRange, tmp_path: Path
) -> None:
    log = tmp_path / "replay"
    bad = (0, 4)  # the first one was mended before the second
    search = Search(5, any_cause=True).observed(*(
        Observation(at, Verdict.BAD if at in bad else Verdict.GOOD) for at in (4, 0, 1, 3)
    ))  # fmt: skip
    log.write_text(replay(commits.repository, [(commits.commits, search)]))
    assert f"# bad: {commits.label(0)}" in log.read_text()
    said = git(repository, "bisect", "replay", str(log))
    assert "ancestor" not in said
    assert "side" in said


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("HEAD", "HEAD~1", "no ancestor"),
        ("HEAD", "HEAD~0", "HEAD and HEAD~0 are the same commit"),
        ("x", "HEAD", "x: no such commit"),
        ("", "HEAD", "'': no such commit"),
    ],
)
def test_wrong_ends(repository: Path, good: str, bad: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        GitRange(repository, good, bad, Build("true", "kernel", HOST), 1)


def test_folder_without_a_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"^{tmp_path}: not a git repository"):
        GitRange(tmp_path, "v1", "v2", Build("true", "kernel", HOST))


def test_build_that_makes_nothing_or_takes_too_long(tmp_path: Path) -> None:
    with Workspace() as workspace:
        place = (tmp_path, tmp_path / "objects")
        place[1].mkdir()
        (tmp_path / "kernel").write_text("an old one")
        with pytest.raises(BuildFailed, match="made no kernel"):
            Build("true", "kernel", HOST).make("tree", *place, workspace)
        with pytest.raises(BuildFailed, match="not built within 0"):
            Build("sleep 60", "kernel", HOST, limit_s=0.2).make("tree", *place, workspace)


@pytest.mark.parametrize("name", ["KCFLAGS", "ARCH", "CC", "LLVM", "KBUILD_BUILD_USER"])
def test_flags_in_the_environment_make_another_build(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Build("make", "bzImage", HOST)
    before = build.kept("tree")
    monkeypatch.setenv("COLOUR", "red")
    assert build.kept("tree") == before
    monkeypatch.setenv(name, "x")
    assert build.kept("tree") != before


@pytest.mark.parametrize(("command", "place"), [("$O", "objects"), (".", "tree")])
def test_configuration_is_where_the_build_looks_for_it(
    tmp_path: Path, command: str, place: str
) -> None:
    tree, objects, config = tmp_path / "tree", tmp_path / "objects", tmp_path / "config"
    tree.mkdir()
    objects.mkdir()
    config.write_text("CONFIG_X=y\n")
    build = Build(f"cp {command}/.config {command}/kernel", "kernel", HOST, config)
    with Workspace() as workspace:
        assert build.make("tree", tree, objects, workspace).read_text() == "CONFIG_X=y\n"
    assert (tmp_path / place / ".config").exists()
    before = build.kept("tree")
    config.write_text("CONFIG_X=n\n")
    assert build.kept("tree") != before


def test_configuration_that_was_given_before_is_no_news_to_make(tmp_path: Path) -> None:
    """A kernel's tree asks Kconfig again where its .config is newer than what was made of it."""
    tree, objects, config = tmp_path / "tree", tmp_path / "objects", tmp_path / "config"
    for folder in (tree, objects):
        folder.mkdir()
    says = "if [ auto.conf -nt .config ]; then echo not asked; else echo asked; fi >kernel; "
    kconfig = (
        "echo CONFIG_NEW=y >>.config; until touch auto.conf; [ auto.conf -nt .config ]; do :; done"
    )
    given = []
    build = Build(f"cp .config given; {says}{kconfig}", "kernel", HOST, config)
    with Workspace() as workspace:
        for number, text in enumerate(("A", "A", "B", "A")):
            config.write_text(f"CONFIG_{text}=y\n")
            said = build.make(f"tree {number}", tree, objects, workspace).read_text()
            given.append((said.strip(), (tree / "given").read_text()))
    assert given == [
        ("asked", "CONFIG_A=y\n"), ("not asked", "CONFIG_A=y\n"),
        ("asked", "CONFIG_B=y\n"), ("asked", "CONFIG_A=y\n"),
    ]  # fmt: skip


def test_toolchain_of_its_own_sees_no_network_and_writes_only_what_is_built(tmp_path: Path) -> None:
    tree, objects = tmp_path / "tree", tmp_path / "objects"
    tree.mkdir()
    objects.mkdir()
    (tree / "Makefile").write_text("all:\n")
    # this very system stands for a Debian of its own
    chroot = Toolchain("gcc-10", Path("/"))
    script = "echo x >$O/kernel; ! touch made && test $(tail -n +3 /proc/net/dev | wc -l) = 1"
    if not shutil.which("bwrap"):
        assert chroot.argv("true", tree, objects)[0] == "bwrap"
        pytest.skip("bubblewrap is not installed")
    bare = ["bwrap", "--ro-bind", "/", "/", "--unshare-all", "true"]
    if subprocess.run(bare, capture_output=True, check=False).returncode:
        pytest.skip("bubblewrap may not make namespaces here")
    with Workspace() as workspace:
        made = Build(script, "kernel", chroot).make("tree", tree, objects, workspace)
    assert made.read_text() == "x\n"
    assert not (tree / "made").exists()


@pytest.fixture(params=["podman", "docker"])
def image(request: pytest.FixtureRequest) -> Iterator[str]:
    """An image of this very system's shell, in a container program that works here."""
    kind = request.param
    if not shutil.which(kind):
        pytest.skip(f"{kind} is not installed")
    name = f"localhost/bootharness-test-{os.getpid()}"
    with TemporaryFile() as layer:
        subprocess.run(
            ["tar", "-c", "-h", "/bin/sh", "/bin/cp", "/bin/sleep", *_libraries()],
            stdout=layer, stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        layer.seek(0)
        made = subprocess.run([kind, "import", "-", name], stdin=layer, capture_output=True,
                              check=False)  # fmt: skip
    bare = [kind, "run", "--rm", "--network=none", name, "sh", "-c", "true"]
    if made.returncode or subprocess.run(bare, capture_output=True, check=False).returncode:
        pytest.skip(f"{kind} runs no container here")
    yield f"{kind}:{name}"
    subprocess.run([kind, "rmi", "--force", name], capture_output=True, check=False)


def _libraries() -> set[str]:
    """Return the shared libraries of those programs."""
    said = subprocess.run(["ldd", "/bin/sh", "/bin/cp", "/bin/sleep"], capture_output=True,
                          text=True, check=True).stdout  # fmt: skip
    return {word for word in said.split() if word.startswith("/") and not word.endswith(":")}


def _containers(image: str) -> str:
    kind, _, name = image.partition(":")
    words = [kind, "ps", "--filter", f"ancestor={name}", "--format", "{{.ID}}"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_container_builds_and_ends_with_the_time_limit(tmp_path: Path, image: str) -> None:
    tree, objects = tmp_path / "tree", tmp_path / "objects"
    tree.mkdir()
    objects.mkdir()
    (tree / "Makefile").write_text("all:\n")
    inside = toolchain(image)
    with Workspace() as workspace:
        place = (tree, objects, workspace)
        good = Build("! cp Makefile made && cp Makefile $O/kernel", "kernel", inside)
        made = good.make("tree", *place)
        assert made.read_text() == "all:\n"
        assert made.stat().st_uid == os.getuid()
        assert not (tree / "made").exists()
        with pytest.raises(BuildFailed, match="exit status 3"):
            Build("exit 3", "kernel", inside).make("tree", *place)
        with pytest.raises(BuildFailed, match="not built within 2 s"):
            Build("sleep 600", "kernel", inside, limit_s=2).make("tree", *place)
        eventually(lambda: _containers(image).split())


def test_containers_and_nix_are_words_before_the_command(tmp_path: Path) -> None:
    words = toolchain("podman:gcc:10").argv("make", tmp_path, tmp_path / "o")
    assert words[:3] == ["podman", "run", "--rm"]
    assert "--network=none" in words
    assert f"--volume={tmp_path}:{tmp_path}:ro" in words
    assert f"--volume={tmp_path / 'o'}:{tmp_path / 'o'}" in words
    assert words[-6:-3] == ["gcc:10", "sh", "-c"]
    assert words[-2:] == ["sh", "make"]
    assert toolchain("nix:gcc10,gnumake").argv("make bzImage", tmp_path) == [
        "nix-shell", "-p", "gcc10", "gnumake", "--run", "sh -c 'make bzImage'",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["gcc-99", "gcc", "podman:", "../x", ""])
def test_unknown_toolchain(name: str) -> None:
    with pytest.raises(UsageError, match="toolchain"):
        toolchain(name)
    if name != "gcc-99":
        with pytest.raises(UsageError, match="name a compiler"):
            add_toolchain(name, "sid")


def test_what_builds_is_named_with_its_version_and_with_ccache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "real-ccache").write_text("#!/bin/sh\necho 'cc (Tests) 7.1'\n")
    (programs / "real-ccache").chmod(0o755)
    (programs / "cc").symlink_to("real-ccache")
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr("bootharness.bisection.toolchain._identity", _identity.__wrapped__)
    assert Build("make", "bzImage", HOST).by == "cc (Tests) 7.1, by way of ccache"
    (programs / "real-ccache").rename(programs / "real-cc")
    (programs / "cc").unlink()
    (programs / "cc").symlink_to("real-cc")
    assert Build("make", "bzImage", HOST).by == "cc (Tests) 7.1"
    assert Build("make CC='ccache gcc'", "b", HOST).by == "cc (Tests) 7.1, by way of ccache"
    assert Build("make", "bzImage", Toolchain("podman:gcc:10")).by == "podman:gcc:10"


def test_toolchains_on_the_command_line() -> None:
    listed = run("toolchain", "list")
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.startswith("host ")
    wrong = run("toolchain", "add", "tcc", "--suite", "sid")
    assert wrong.returncode == 129
    assert "name a compiler of Debian, such as gcc-10" in wrong.stderr


def test_tree_is_built_by_each_toolchain(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "Makefile").write_text("all:\n")
    build = Build("cp Makefile $O/kernel", "kernel", HOST)
    with ToolchainRange(tmp_path / "tree", ("host", "podman:gcc"), build) as searched:
        assert [searched.label(at) for at in range(len(searched))] == ["host", "podman:gcc"]
        assert Path(searched.prepare(0)).read_text() == "all:\n"
        assert searched.ready(0) == searched.prepare(0)
    with pytest.raises(UsageError, match="would build inside of"):
        ToolchainRange(tmp_path / "tree", ("host",), replace(build, command="make"))
    with pytest.raises(UsageError, match="toolchain host: it is given twice"):
        ToolchainRange(tmp_path / "tree", ("host", "podman:gcc", "host"), build)


def test_ranges_of_the_command_line(tmp_path: Path) -> None:
    for name in ("vmlinuz-6.10", "vmlinuz-6.9"):
        shutil.copy(__file__, tmp_path / name)
    found = kernel_range([f"{tmp_path}/vmlinuz-*"])
    assert isinstance(found, KernelRange)
    assert [found.label(at) for at in range(2)] == ["vmlinuz-6.9", "vmlinuz-6.10"]
    for wrong in ("selfcheck:16_..32", "selfcheck:16..3__2", f"grow:16..{'9' * 5000}:x"):
        with pytest.raises(UsageError):
            kernel_range([wrong])
    sizes = kernel_range(["grow:1_600..3200:selfcheck:16"])
    assert isinstance(sizes, SizeRange)
    assert len(sizes) == 101
    assert sizes.prepare(100) == "grow:3200:selfcheck:16"
    names = [f"deb:linux-image-{number}-cloud-amd64/sid" for number in ("6.9", "6.10+deb13")]
    packages = KernelRange(tuple(names))
    assert [packages.label(at) for at in range(2)] == ["6.9", "6.10+deb13"]
    assert packages.downloads


@pytest.mark.parametrize(
    ("command", "image", "said"),
    [
        (" ", "kernel", "--build: it is empty"),
        ("echo \udcff", "kernel", "it is not UTF-8"),
        ("true", "/boot/vmlinuz", "a path inside of the tree"),
        ("true", "../vmlinuz", "a path inside of the tree"),
        ("true", ".", "a path inside of the tree"),
    ],
)
def test_build_that_cannot_be(command: str, image: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Build(command, image, HOST)


def test_build_that_makes_a_folder_is_in_nobodys_way(repository: Path) -> None:
    for command, makes in (("mkdir kernel", False), ("echo 1 >kernel", True)):
        with GitRange(repository, "HEAD~1", "HEAD", Build(command, "kernel", HOST), 1) as commits:
            if makes:
                assert Path(commits.prepare(1)).read_text() == "1\n"
            else:
                with pytest.raises(BuildFailed, match="what the build made is no file"):
                    commits.prepare(1)


def test_damaged_build_is_made_anew(repository: Path) -> None:
    build = Build("echo 1 >kernel", "kernel", HOST)
    with GitRange(repository, "HEAD~1", "HEAD", build, 1) as commits:
        kernel = Path(commits.prepare(1))
        kernel.write_text("")
        assert commits.ready(1) is None
        assert Path(commits.prepare(1)).read_text() == "1\n"


def test_log_of_a_build_is_bounded_and_keeps_its_head_and_its_tail(tmp_path: Path) -> None:
    objects = tmp_path / "objects"
    objects.mkdir()
    noisy = "echo the head; seq 2000000; echo the tail >&2; exit 7"
    old = tmp_path / "cache/builds/old/log"
    old.parent.mkdir(parents=True)
    old.write_text("an old head\n" + "x" * 2 * MOST_BYTES + "\nan old tail\n")
    said = "exit status 7: 1999999 / 2000000 / the tail; see "
    with Workspace() as workspace, pytest.raises(BuildFailed, match=said) as raised:
        Build(noisy, "kernel", HOST).make("tree", tmp_path, objects, workspace)
    log = Path(str(raised.value).rpartition("see ")[2])
    for file, head, tail in ((log, "the head", "the tail"), (old, "an old head", "an old tail")):
        assert file.stat().st_size <= MOST_BYTES
        lines = file.read_text().splitlines()
        assert (lines[0], lines[-1]) == (head, tail)
    written = sum(len(f"{number}\n") for number in range(1, 2_000_001)) + 2 * len("the head\n")
    left_out = next(line for line in log.read_text().splitlines() if "left out" in line)
    kept = log.stat().st_size - len(f"\n{left_out}\n")
    assert left_out == f"[{written - kept:,} bytes are left out here]"


def test_build_that_says_nothing_is_told_as_such(tmp_path: Path) -> None:
    objects = tmp_path / "objects"
    objects.mkdir()
    said = "exit status 7: the build said nothing; see .*/log"
    with Workspace() as workspace, pytest.raises(BuildFailed, match=said):
        Build("exit 7", "kernel", HOST).make("tree", tmp_path, objects, workspace)


MAKE_GIVES_UP = """make[2]: *** [scripts/Makefile.build:250: lib/string.o] Error 1
make[2]: *** Waiting for unfinished jobs....
  CC      lib/sort.o
make[1]: *** [Makefile:2009: lib] Error 2
make: *** [Makefile:238: __sub-make] Error 2
"""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "  CC      lib/string.o\nlib/string.c:9:10: fatal error: linux/new.h: No such file or "
            "directory\n    9 | #include <linux/new.h>\ncompilation terminated.\n",
            "lib/string.c:9:10: fatal error: linux/new.h: No such file or directory",
        ),
        (
            "ld: init/main.o: in function `start':\nmain.c:(.text+0x1): undefined reference to "
            "`parts'\n",
            "main.c:(.text+0x1): undefined reference to `parts'",
        ),
        (
            "  HOSTLD  scripts/kconfig/conf\n"
            'crypto/Kconfig:1396: can\'t open file "arch/Kconfig"\n',
            'crypto/Kconfig:1396: can\'t open file "arch/Kconfig"',
        ),
        (
            "make[3]: *** No rule to make target 'a.c', needed by 'a.o'.  Stop.\n",
            "make[3]: *** No rule to make target 'a.c', needed by 'a.o'.  Stop.",
        ),
    ],
)
def test_build_that_fails_says_what_make_only_passes_on(
    said: str, why: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text(said + MAKE_GIVES_UP)
    assert why_failed(log) == why
    log.write_text(MAKE_GIVES_UP)  # then nothing better is known
    assert why_failed(log).endswith("[Makefile:238: __sub-make] Error 2")


@pytest.mark.long
def test_build_whose_child_stays_behind_is_over_when_it_ends(tmp_path: Path) -> None:
    objects = tmp_path / "objects"
    objects.mkdir()
    with Workspace() as workspace:
        build = Build("sleep 600 & echo 1 >kernel", "kernel", HOST)
        assert build.make("tree", tmp_path, objects, workspace).read_text() == "1\n"


@pytest.mark.parametrize("command", ["make -j8 bzImage", "make -sj bzImage", "make --jobs=4"])
def test_build_that_does_several_things_at_once_is_known(command: str) -> None:
    assert Build(command, "kernel", HOST).parallel


@pytest.mark.parametrize("command", ["make bzImage", "make -C x bzImage", "./do-j", "ninja-join"])
def test_build_that_does_one_thing_at_a_time_is_known(command: str) -> None:
    assert not Build(command, "kernel", HOST).parallel


def test_toolchain_that_cannot_be_made_says_the_first_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    stub = programs / "mmdebstrap"
    stub.write_text(
        "#!/bin/sh\necho I: running\necho E: gpgv is required\n"
        "echo E: mmdebstrap failed to run\nexit 1\n"
    )
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr("bootharness.bisection.toolchain.TOOLCHAIN_TOOLS", ())
    with pytest.raises(LaunchFailed, match="cannot be made: E: gpgv is required; see "):
        add_toolchain("gcc-8", "bullseye")
