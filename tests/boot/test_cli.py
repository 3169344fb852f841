"""`bootharness boot` as its user runs it: exit statuses, output, and under `git bisect run`."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pexpect
import pytest

from bootharness.diagnosis import judge
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.report.document import read_trace
from tests.support.builders import patched_kernel
from tests.support.processes import COMMAND, REPOSITORY, environment, run

GOOD_SOURCE = "selfcheck:1000000"
SCHEMA = json.loads((REPOSITORY / "docs/trace.schema.json").read_text())


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good kernel, a bad one, and one that is none."""
    folder = tmp_path_factory.mktemp("kernels")
    good = selfcheck_kernel(4096)
    shutil.copy(good, folder / "vmlinuz-6.9")
    # it promises more than the file has
    patched_kernel(good, folder / "vmlinuz-6.10", size=4, syssize=100_000)
    (folder / "vmlinuz-6.11").write_text("make: *** [bzImage] Error 2\n")
    return folder


def one_line(text: str) -> str:
    assert "Traceback" not in text
    (line,) = text.splitlines()
    return line


def test_good_kernel_exits_0() -> None:
    done = run("boot", GOOD_SOURCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"GOOD {GOOD_SOURCE}")
    assert "1,000,000 bytes in memory equal the file" in done.stdout
    assert done.stderr == ""


def test_bad_kernel_exits_1_and_is_told_of(kernels: Path) -> None:
    done = run("boot", kernels / "vmlinuz-6.10")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("BAD  ")
    assert "payload-truncated: " in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("what", ["no kernel", "no package", "no qemu", "not a file", "unreadable"])
def test_what_cannot_be_found_out_exits_125(kernels: Path, tmp_path: Path, what: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    arguments = {
        "no kernel": (kernels / "vmlinuz-6.11",),
        "no package": ("deb:no-such-package-anywhere",),
        "no qemu": (GOOD_SOURCE, "--qemu", tmp_path / "qemu"),
        "not a file": (tmp_path / "pipe",),
        "unreadable": ("/proc/self/mem",),
    }[what]
    done = run("boot", *arguments)
    assert done.returncode == 125, done.stdout
    assert done.stdout.startswith("SKIP ")
    assert str(arguments[-1]).removeprefix("deb:") in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give a KERNEL"),
        (["no-such-file"], "no-such-file: no such file"),
        (["no-such-*"], "no-such-*: nothing matches"),
        (["/"], "no file in this folder is a bzImage"),
        (["deb:a b"], "deb:a b"),
        (["selfcheck:many"], "write selfcheck:BYTES"),
        (["selfcheck:17"], "16-byte paragraphs"),
        (["grow:1:selfcheck:16"], "16-byte paragraphs"),
        (["grow:16:selfcheck:4096"], "already has 4,096 bytes"),
        (["grow:many:selfcheck:16"], "write grow:BYTES:SOURCE"),
        (["grow:16:no-such-file"], "no-such-file: no such file"),
        (["selfcheck:16", "--until", "bannr"], "until 'bannr': did you mean banner?"),
        (["selfcheck:16", "--memory", "1"], "--memory"),
        (
            ["selfcheck:16", "--disk", "/etc/passwd"],
            "/etc/passwd: give one of them",
        ),
        (["--disk", "/etc/hostname"], "/etc/hostname: not a disk image"),
        (["selfcheck:16", "--initrd", "/"], "directory"),
        (["selfcheck:16", "--loader", "/etc/hostname"], "hostname.toml beside it"),
        (["selfcheck:16", "--json", "/no/such/folder/trace"], "there is no such folder"),
        (["selfcheck:16", "--json", "/etc/passwd"], "not a JSON file"),
        (["selfcheck:16", "--keep", "/etc"], "/etc: not empty"),
        (["selfcheck:16", "--nonsense"], "--nonsense"),
    ],
)
def test_wrong_usage_exits_129_with_one_sentence(arguments: list[str], words: str) -> None:
    done = run("boot", *arguments)
    assert done.returncode == 129, done.stdout
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_several_kernels_give_an_array_and_a_summary(kernels: Path) -> None:
    done = run("boot", GOOD_SOURCE, kernels, "--json", "-")
    assert done.returncode == 1
    documents = json.loads(done.stdout)
    assert [each["verdict"] for each in documents] == ["good", "good", "bad"]
    assert [Path(each["source"]).name for each in documents[1:]] == ["vmlinuz-6.9", "vmlinuz-6.10"]
    for each in documents:
        jsonschema.validate(each, SCHEMA)
    assert done.stderr.splitlines()[-1] == "2 good, 1 bad, 0 unknown"


def test_glob_takes_what_it_matches_in_the_order_of_versions(kernels: Path) -> None:
    done = run("boot", f"{kernels}/vmlinuz-*")
    heads = re.findall(r"^(GOOD|BAD|SKIP) +\S+(vmlinuz-\S+)", done.stdout, re.MULTILINE)
    assert heads == [("GOOD", "vmlinuz-6.9"), ("BAD", "vmlinuz-6.10"), ("SKIP", "vmlinuz-6.11")]
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "1 good, 1 bad, 1 unknown"


def test_unknown_outweighs_good_and_bad_outweighs_unknown(kernels: Path) -> None:
    unknown = kernels / "vmlinuz-6.11"
    assert run("boot", "selfcheck:16", unknown).returncode == 125
    assert run("boot", unknown, kernels / "vmlinuz-6.10").returncode == 1


@pytest.mark.parametrize("source", ["vmlinuz-6.9", "vmlinuz-6.10", "vmlinuz-6.11"])
def test_json_on_standard_output_is_pure_and_as_documented(kernels: Path, source: str) -> None:
    done = run("boot", kernels / source, "--json", "-", "--verbose")
    values = json.loads(done.stdout)
    jsonschema.validate(values, SCHEMA)
    assert values["verdict"] == {0: "good", 1: "bad", 125: "skip"}[done.returncode]
    assert values["summary"] in done.stderr
    assert judge(read_trace(done.stdout.encode())).summary == values["summary"]


def test_json_file_of_a_run_before_is_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    for kernel in ("selfcheck:16", "selfcheck:32"):
        assert run("boot", kernel, "--json", file).returncode == 0
        assert json.loads(file.read_text())["source"] == kernel


def test_keep_keeps_all_and_overwrites_nothing(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done = run("boot", "selfcheck:16", "--keep", kept, "--tracer", "both")
    assert done.returncode == 0, done.stderr
    assert f"kept in {kept}" in done.stdout
    names = {
        "bios-calls.txt", "bios.txt", "command.txt", "disassembly.txt", "disk.img",
        "gdb-trace.jsonl", "qemu.log", "recorder.log", "registers.txt", "screen.png", "screen.txt",
        "serial.log", "trace.json",
    }  # fmt: skip
    assert {path.name for path in kept.iterdir()} == names
    trace = read_trace((kept / "trace.json").read_bytes())
    assert (kept / "serial.log").read_bytes().decode() == trace.serial
    before = {path: path.read_bytes() for path in kept.iterdir()}
    again = run("boot", "selfcheck:32", "--keep", kept)
    assert again.returncode == 129
    assert "not empty" in one_line(again.stderr)
    assert {path: path.read_bytes() for path in kept.iterdir()} == before
    # what was kept boots again
    assert run("boot", "--disk", kept / "disk.img", "--until", "init").returncode == 0


def test_quiet_boot_keeps_as_much(tmp_path: Path) -> None:
    done = run("boot", "selfcheck:16", "--quiet", "--keep", tmp_path / "kept")
    assert done.stdout.count("\n") == 1
    kept = list((tmp_path / "kept").iterdir())
    assert {"trace.json", "registers.txt", "screen.txt"} <= {path.name for path in kept}
    assert {path.stat().st_uid for path in kept} == {os.getuid()}, "QEMU's user has none of it"


def test_keep_of_several_kernels_has_a_folder_for_each(tmp_path: Path, kernels: Path) -> None:
    run("boot", "selfcheck:16", kernels / "vmlinuz-6.11", "--keep", tmp_path / "kept")
    traces = [read_trace(path.read_bytes()) for path in sorted(tmp_path.glob("kept/*/trace.json"))]
    assert [judge(trace).verdict for trace in traces] == ["good", "skip"]


def test_verbose_prints_every_call(tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    done = run("boot", GOOD_SOURCE, "--verbose", "--json", file)
    trace = read_trace(file.read_bytes())
    lines = done.stdout.splitlines()
    calls = [line for line in lines if " INT " in line and "AH=0eh teletype" not in line]
    recorded = [str(call) for call in trace.bios_calls if call.function != 0x0E]
    # the recorder's clock is known the better, the longer the boot goes on
    assert [_without_time(call) for call in calls] == [_without_time(call) for call in recorded]
    assert any("teletype output('Booting from Hard Disk...\\r\\n')" in line for line in lines)
    said = [line.split("---- ")[1] for line in lines if "---- " in line]
    assert said == [milestone.name for milestone in trace.milestones]


def _without_time(line: str) -> str:
    return line.split(maxsplit=1)[1]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    # a file name is bytes; these are not UTF-8
    name = os.fsdecode(b"bzImage-\xe9\x1b[31m")
    shutil.copy(selfcheck_kernel(16), tmp_path / name)
    done = run("boot", tmp_path / name, "--json", "-")
    assert done.returncode == 0, done.stderr
    assert "bzImage-" in json.loads(done.stdout)["source"]
    assert "\x1b" not in done.stderr


def test_no_colours_but_on_a_terminal() -> None:
    assert "\x1b" not in run("boot", GOOD_SOURCE).stdout
    said = {}
    for no_colour in ("", "1"):
        env = environment(NO_COLOR=no_colour, TERM="xterm")
        terminal = pexpect.spawn(COMMAND[0], [*COMMAND[1:], "boot", GOOD_SOURCE],
                                 env=env, timeout=60, encoding="utf-8")  # fmt: skip
        said[no_colour] = terminal.read()
        terminal.wait()
        assert terminal.exitstatus == 0
        assert f"GOOD {GOOD_SOURCE}" in re.sub(r"\x1b\[[\d;]*m", "", said[no_colour])
    assert "\x1b[32m" in said[""]
    assert not re.search(r"\x1b\[[\d;]*3\dm", said["1"])


def test_reader_that_goes_away_is_no_bad_kernel() -> None:
    line = shlex.join([*COMMAND, "boot", GOOD_SOURCE, "--verbose"])
    done = subprocess.run(
        ["bash", "-c", f"{line} | head -1; exit ${{PIPESTATUS[0]}}"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.returncode == 141
    assert done.stderr == ""


def test_reader_that_goes_away_loses_nothing_of_what_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, "boot", GOOD_SOURCE, "--keep", str(kept)],
        env=environment(),
        stdout=writer,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 141
    assert json.loads((kept / "trace.json").read_bytes())["verdict"] == "good"
    assert (kept / "command.txt").exists()


def test_fault_of_our_own_is_no_bad_kernel(tmp_path: Path) -> None:
    # a module that breaks when it is imported stands for any bug
    (tmp_path / "harness_broken.py").write_text(
        "import sys; sys.modules['bootharness.watch.watch'] = None\n"
        "from bootharness.__main__ import main; main()\n"
    )
    done = subprocess.run(
        [COMMAND[0], str(tmp_path / "harness_broken.py"), "boot", "selfcheck:16"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 125
    assert "this is a bug in bootharness" in done.stderr


@pytest.fixture
def history(tmp_path: Path, kernels: Path) -> Path:
    """A repository of eight builds: bad from the sixth on, and the fourth was never built."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    for number in range(1, 9):
        version = "6.11" if number == 4 else "6.10" if number >= 6 else "6.9"
        shutil.copy(kernels / f"vmlinuz-{version}", folder / "bzImage")
        (folder / "number").write_text(str(number))
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", f"build {number}")
    git(folder, "bisect", "start", "HEAD", "HEAD~7")
    return folder


def git(folder: Path, *arguments: object) -> str:
    who = ("-c", "user.name=tester", "-c", "user.email=tester")
    done = subprocess.run(
        ["git", *who, *map(str, arguments)],
        cwd=folder,
        env=environment(GIT_CONFIG_GLOBAL="/dev/null"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


needs_git = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


@needs_git
def test_git_bisect_finds_the_first_bad_build(history: Path) -> None:
    said = git(history, "bisect", "run", *COMMAND, "boot", "bzImage")
    assert re.search(r"^\w{40} is the first bad commit\n[^$]*build 6", said, re.MULTILINE), said
    assert "build 4" not in said.partition("is the first bad commit")[2]


@needs_git
def test_git_bisect_stops_at_wrong_usage(history: Path) -> None:
    said = git(history, "bisect", "run", *COMMAND, "boot", "bzimage")
    assert "is the first bad commit" not in said
    assert "129" in said
    assert "bzimage: no such file" in said
