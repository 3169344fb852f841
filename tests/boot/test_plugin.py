"""The pytest plugin as its users have it: their test files, run by a pytest of their own."""

import re
import shlex
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bootharness.host.cache import cache_dir
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.kernels.source import fetch
from bootharness.network.namespace import why_no_namespace
from tests.support.builders import patched_kernel, serial_writer
from tests.support.processes import environment, run
from tests.support.programs import program

pytest_plugins = ["pytester"]

CACHE = cache_dir()
"""The tests' own; pytester gives every test a home of its own."""
QEMU_OF_SELFCHECK = "qemu-system-i386"

USERS_FILE = """
def test_boots(boot_judgement):
    boot_judgement.require_good()

def test_descriptors(boot_trace):
    for move in boot_trace.block_moves:
        assert move.table.destination.access == 0x93
        assert move.table.destination.base == move.destination >= 0x100000

def test_progress(boot_trace, kernel):
    assert boot_trace.placed_bytes == kernel.payload_bytes
    assert [point.name for point in boot_trace.milestones][-1] == "init"

def test_console(machine):
    machine.serial.console.expect("payload ok", timeout=30)
"""


@pytest.fixture
def user(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A user's project: a folder of tests, this checkout's plugin, and a cache that is warm."""
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("BOOTHARNESS_CACHE", str(CACHE))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.makepyfile(USERS_FILE)
    return pytester


@pytest.fixture
def boots(user: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that gets a line for every boot: QEMU is a script that notes its start."""
    log = user.path / "boots"
    log.touch()
    log.chmod(0o666)  # as root QEMU is another user
    folder = user.mkdir("bin")
    program(folder, QEMU_OF_SELFCHECK, f'echo "$*" >>{log}; exec $real "$@"')
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return log


def count(boots: Path) -> int:
    return sum("-option-rom" in line for line in boots.read_text().splitlines())


@pytest.fixture
def bad_kernel(user: pytest.Pytester) -> Path:
    """A kernel that promises more than its file has."""
    return patched_kernel(
        selfcheck_kernel(4096), user.path / "vmlinuz-bad", size=4, syssize=100_000
    )


def test_users_file_is_good(user: pytest.Pytester, boots: Path) -> None:
    result = user.runpytest_subprocess("--kernel", "selfcheck:100000")
    result.assert_outcomes(passed=4)
    assert count(boots) == 1  # the machine of the last test boots without a recorder
    assert len(boots.read_text().splitlines()) >= 2


def test_two_kernels_have_two_ids(user: pytest.Pytester, boots: Path) -> None:
    kernels = ("--kernel", "selfcheck:16", "--kernel", "grow:16:selfcheck:16")
    result = user.runpytest_subprocess("-v", "-k", "not console", *kernels)
    result.assert_outcomes(passed=6)
    for each in ("selfcheck:16", "grow:16:selfcheck:16"):
        result.stdout.fnmatch_lines([f"*::test_boots[[]{each}[]] PASSED*"])
    assert count(boots) == 2


def test_kernels_of_the_project(user: pytest.Pytester) -> None:
    (user.mkdir("builds") / "bzImage").write_bytes(selfcheck_kernel(16).read_bytes())
    user.path.joinpath("kernels.toml").write_text(
        '[[kernel]]\nid = "ours"\nsource = "builds/bzImage"\n'
        '[[kernel]]\nid = "larger"\nsource = "grow:4096:builds/bzImage"\n'
    )
    user.mkdir("elsewhere")
    result = user.run(
        sys.executable, "-c", "import os, pytest; os.chdir('elsewhere'); "
        "raise SystemExit(pytest.main(['-v', '-k', 'test_boots', '--rootdir=..', '..']))",
    )  # fmt: skip
    result.stdout.fnmatch_lines(["*::test_boots[[]ours[]] PASSED*"])
    result.stdout.fnmatch_lines(["*::test_boots[[]larger[]] PASSED*"])


def test_collecting_boots_nothing(user: pytest.Pytester, boots: Path) -> None:
    result = user.runpytest_subprocess("--co", "-q", "--kernel", "selfcheck:16")
    result.stdout.fnmatch_lines(["*::test_boots[[]selfcheck:16[]]", "*::test_console*"])
    assert boots.read_text() == ""


def test_workers_boot_each_kernel_once(user: pytest.Pytester, boots: Path) -> None:
    kernels = ("--kernel", "selfcheck:16", "--kernel", "selfcheck:32", "--kernel", "selfcheck:48")
    result = user.runpytest_subprocess("-n", "2", "-k", "not console", *kernels)
    result.assert_outcomes(passed=9)
    assert count(boots) == 3


@pytest.mark.long
def test_distribution_that_was_asked_for_stays(user: pytest.Pytester) -> None:
    result = user.runpytest_subprocess(
        "-n", "2", "--dist", "load", "-v", "-k", "test_boots", "--kernel", "selfcheck:16"
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["scheduling tests via LoadScheduling"])


def test_failure_shows_the_boot(user: pytest.Pytester, bad_kernel: Path) -> None:
    result = user.runpytest_subprocess("-k", "test_boots", "--kernel", bad_kernel)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- boot -*",
            "BAD payload-truncated",
            "*syssize*",
            "last BIOS calls:",
            "*INT 13h AH=42h extended read*",
            "*INT 10h AH=0eh teletype output('stage1: R\\r\\n')*",
            "*INT 18h *boot failed*",
            "serial line:",
            "reproduce: bootharness boot *",
        ]
    )


@pytest.mark.long
def test_failure_of_one_line_for_who_asks_for_a_good_boot(
    user: pytest.Pytester, bad_kernel: Path
) -> None:
    user.makepyfile(
        """
        from bootharness import Verdict

        def test_shortest(boot_judgement):
            boot_judgement.require_good()

        def test_by_hand(boot_judgement):
            assert boot_judgement.verdict is Verdict.GOOD, boot_judgement.summary
        """
    )
    result = user.runpytest_subprocess("--kernel", bad_kernel)
    result.assert_outcomes(failed=2)
    shortest, by_hand = result.stdout.str().split("_ test_by_hand")
    (asked,) = [line for line in shortest.splitlines() if line.startswith(">")]
    assert asked.endswith("boot_judgement.require_good()")
    (why,) = [line for line in shortest.splitlines() if line.startswith("E")]
    assert re.fullmatch(r"E +AssertionError: BAD payload-truncated: .* syssize .*", why)
    said = [line for line in by_hand.splitlines() if line.startswith("E  ")]
    assert len(said) == 4
    assert max(map(len, said[1:])) < 100
    assert "<Judgement bad: payload-truncated>" in said[2]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param([], id="one process"),
        pytest.param(["-n", "1"], id="a worker", marks=pytest.mark.long),
    ],
)
def test_report_of_a_boot_is_told_once(
    user: pytest.Pytester, bad_kernel: Path, options: list[str]
) -> None:
    arguments = ("-k", "not console and not progress", "--kernel", bad_kernel)
    user.makepyfile(
        """
        def test_first(boot_judgement): boot_judgement.require_good()
        def test_second(boot_judgement): boot_judgement.require_good()
        def test_third(boot_trace): assert boot_trace.reached("banner")
        """
    )
    result = user.runpytest_subprocess(*arguments, "--junitxml", "report.xml", *options)
    result.assert_outcomes(failed=3)
    said = result.stdout.str()
    assert said.count("last BIOS calls:") == said.count("reproduce: ") == 1
    other = re.findall(r"^BAD payload-truncated; its report is with (.*)$", said, re.MULTILINE)
    assert len(other) == 2
    assert {each.partition("::")[2] for each in other} == {"test_first[vmlinuz-bad]"}
    texts = [
        each.text or "" for each in ElementTree.parse(user.path / "report.xml").iter("failure")
    ]
    assert ["last BIOS calls:" in each for each in texts] == [True, False, False]
    assert all("BAD payload-truncated" in each for each in texts)


@pytest.mark.parametrize(
    ("options", "outcome"),
    [([], {"skipped": 2, "passed": 1}), (["--boot-strict"], {"failed": 2, "passed": 1})],
)
def test_what_was_not_found_out_is_never_green(
    user: pytest.Pytester, options: list[str], outcome: dict[str, int]
) -> None:
    user.makepyfile(
        """
        import bootharness
        import pytest

        def test_no_verdict():
            silent = bootharness.Diagnosis("kernel-silent", "it runs and says nothing")
            bootharness.Judgement(bootharness.Verdict.SKIP, silent.sentence, silent).require_good()

        def test_no_kernel():
            bootharness.fetch("not-built-yet")

        def test_what_is_expected_is_none_of_our_business():
            with pytest.raises(bootharness.CouldNotFindOut):
                bootharness.fetch("not-built-yet")
        """
    )
    result = user.runpytest_subprocess("-rsf", *options)
    result.assert_outcomes(**outcome)
    result.stdout.fnmatch_lines(["*kernel-silent: it runs and says nothing*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_failure_says_how_to_see_it_again(user: pytest.Pytester, bad_kernel: Path) -> None:
    user.makepyfile(
        """
        import pytest

        @pytest.mark.boot(until="banner", memory_mib=64, cmdline="console=ttyS0 a=1")
        def test_boots(boot_judgement):
            assert boot_judgement.verdict == "good"
        """
    )
    result = user.runpytest_subprocess("--kernel", bad_kernel)
    (line,) = re.findall(r"^reproduce: bootharness (.*)$", result.stdout.str(), re.MULTILINE)
    words = shlex.split(line)
    assert words[words.index("--memory") + 1] == "64"
    assert words[words.index("--cmdline") + 1] == "console=ttyS0 a=1"
    again = run(*words)
    assert again.returncode == 1, again.stderr
    assert "payload-truncated" in again.stdout


def test_junit_file_has_the_facts_and_is_valid_whatever_a_guest_says(
    user: pytest.Pytester,
) -> None:
    loader = serial_writer(user.path, b"\0\x1b[31mred\x07\xff]]>&<\x0b\n", then="int 0x18")
    result = user.runpytest_subprocess(
        "-k", "test_boots", "--kernel", "selfcheck:4096", "--boot-loader", loader.name,
        "--junitxml", "report.xml",
    )  # fmt: skip
    result.assert_outcomes(failed=1)
    assert "\x1b[31mred" not in result.stdout.str()
    assert r"red\x07" in result.stdout.str()
    case = ElementTree.parse(user.path / "report.xml").find(".//testcase")
    assert case is not None
    facts = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
    assert facts["boot_verdict"] == "bad"
    assert facts["boot_cause"]
    assert facts["boot_kernel_payload_bytes"] == "4096"
    assert len(facts["boot_kernel_sha256"]) == 64
    assert facts["boot_kernel_release"] == "selfcheck"
    assert re.fullmatch(r"\d+\.\d+\.\d+", facts["boot_qemu_version"])


def test_without_qemu_tests_are_skipped_with_the_reason(
    user: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(user.mkdir("empty")))
    result = user.runpytest_subprocess("-rs", "--kernel", "selfcheck:16")
    result.assert_outcomes(skipped=4)
    result.stdout.fnmatch_lines(["SKIPPED*tool-missing: *qemu-system* is not installed*"])


@pytest.fixture
def no_packages(user: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> str:
    """A kernel that cannot be had: there is no package list."""
    for tool in ("apt-get", "apt-cache"):
        program(user.mkdir(tool), tool, "exit 100")
        monkeypatch.setenv("PATH", str(user.path / tool), prepend=":")
    return "deb:linux-image-none=1"


def test_kernel_that_cannot_be_had_is_skipped_with_the_reason(
    user: pytest.Pytester, no_packages: str
) -> None:
    result = user.runpytest_subprocess("-rs", "--kernel", no_packages)
    result.assert_outcomes(skipped=4)
    result.stdout.fnmatch_lines(["SKIPPED*kernel-unavailable: *linux-image-none*"])


@pytest.mark.parametrize(
    ("variable", "options", "failed"),
    [
        ("", ["--boot-strict"], True),
        ("true", [], True),
        ("true", ["--no-boot-strict"], False),
        ("false", [], False),
    ],
)
def test_what_was_not_found_out_fails_where_that_is_wanted(
    user: pytest.Pytester, no_packages: str, monkeypatch: pytest.MonkeyPatch, variable: str,
    options: list[str], failed: bool,
) -> None:  # fmt: skip
    monkeypatch.setenv("CI", variable)
    arguments = ("-k", "test_boots", "--kernel", no_packages, *options)
    result = user.runpytest_subprocess(*arguments)
    result.assert_outcomes(**{"errors" if failed else "skipped": 1})
    if failed:
        result.stdout.fnmatch_lines(["*kernel-unavailable: *--no-boot-strict would skip it*"])


def test_file_that_is_no_kernel_fails(user: pytest.Pytester) -> None:
    (user.path / "vmlinuz").write_text("not built")
    result = user.runpytest_subprocess("-k", "test_boots", "--kernel", user.path / "vmlinuz")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*not-a-kernel: *vmlinuz*give a bzImage*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_kernels_with_one_name_are_two(user: pytest.Pytester, boots: Path) -> None:
    """Build folders have a bzImage each."""
    for size in (16, 32):
        folder = user.mkdir(f"build-{size}")
        (folder / "bzImage").write_bytes(selfcheck_kernel(size).read_bytes())
    kernels = ("--kernel", "build-16/bzImage", "--kernel", "build-32/bzImage")
    result = user.runpytest_subprocess("-v", "-k", "test_boots", *kernels)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*::test_boots[[]build-32/bzImage[]] PASSED*"])
    assert count(boots) == 2


def refused(user: pytest.Pytester, *options: str) -> str:
    """Run pytest, which must refuse to, and return its one line."""
    result = user.runpytest_subprocess(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = f"{result.stdout.str()}\n{result.stderr.str()}"
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said
    (line,) = re.findall(r"(?:^| )(?:ERROR|pytest: error): (?!usage: )(.*)", said, re.MULTILINE)
    return str(line)


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--boot-until", "bannr"], "--boot-until: until 'bannr': did you mean banner?"),
        (["--boot-tracer", "strace"], "argument --boot-tracer: invalid choice: 'strace'"),
        (["--boot-memory", "much"], "argument --boot-memory: invalid int value: 'much'"),
        (["--boot-memory", "1"], "--boot-memory: memory 1: it has to be at least 2"),
        (["--boot-timeout", "0"], "--boot-timeout: timeout 0.0: it has to be at least 0.1"),
        (["--boot-timeout", "nan"], "--boot-timeout: timeout nan: it has to be at least 0.1"),
        (["--boot-loader", "none.asm"], "--boot-loader none.asm: no such file"),
        (["--boot-loader", "."], "--boot-loader .: no such file"),
        (["--boot-initrd", "none.img"], "options: none.img: no such file"),
        (["--boot-bios", "none.bin"], "options: none.bin: no such file"),
        (["--boot-nic", "e1000"], "options: --nic e1000: the route mbr makes no use of it"),
        (
            ["--boot-machine-type", "pc,x"],
            "--boot-machine-type: machine type 'pc,x': it has to be like",
        ),
        (["--boot-route", "pigeon"], "options: route 'pigeon': known are mbr, "),
        (
            ["--boot-net-fault", "stall:blok=2"],
            "--boot-net-fault: network fault 'stall:blok=2': of stall can be said: file, block",
        ),
        (["--kernel", ""], 'a kernel has the name "": is there a variable that is not set?'),
        (["--kernel", "none"], "none: no such file; a kernel is "),
        (["--kernel", "none", "--boot-route", "disk"], "none: no such file; here a disk image "),
        (["--kernel", "none*"], "none*: nothing matches; a kernel is "),
        (["--kernel", "."], ".: no file in this folder is a bzImage"),
        (["--kernel", "selfcheck:x"], "selfcheck:x: write selfcheck:BYTES"),
        (["--kernel", "grow:x:y"], "grow:x:y: write grow:BYTES:SOURCE"),
        (["--gate-baseline", "none"], "--gate-baseline: none: no such file"),
        (["--gate-baseline", "two"], "--gate-baseline two: 2 kernels, and one is wanted"),
    ],
)
def test_wrong_options_are_usage_errors(
    user: pytest.Pytester, boots: Path, options: list[str], words: str
) -> None:
    for size in (16, 32):
        (user.mkdir("two") if size == 16 else user.path / "two").joinpath(f"{size}").write_bytes(
            selfcheck_kernel(size).read_bytes()
        )
    kernel = [] if "--kernel" in options else ["--kernel", "selfcheck:16"]
    line = refused(user, *options, *kernel)
    assert line.startswith(words)
    assert boots.read_text() == ""


@pytest.mark.long
def test_workers_refuse_what_one_process_refuses(user: pytest.Pytester) -> None:
    assert refused(user, "-n", "1", "--kernel", "none").startswith("none: no such file")
    user.makepyfile("import pytest\n@pytest.mark.boot(colour=1)\ndef test_it(boot_trace): ...\n")
    line = refused(user, "-n", "2", "--kernel", "selfcheck:16")
    assert "::test_it[selfcheck:16]: @pytest.mark.boot: colour: known are route, " in line


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("[[kernel", "/kernels.toml: not a table of kernels: "),
        ("[kernels]", "/kernels.toml: there is no [[kernel]] in it"),
        ("[[kernel]]\nid = 'a'", "/kernels.toml: [[kernel]] number 1 needs an id and a source"),
    ],
)
def test_table_of_kernels_that_is_wrong_is_a_usage_error(
    user: pytest.Pytester, table: str, words: str
) -> None:
    (user.path / "kernels.toml").write_text(table)
    assert words in refused(user)


def test_table_of_kernels_that_is_asked_for_has_to_be_there(user: pytest.Pytester) -> None:
    user.makeini("[pytest]\nkernels_toml = ours.toml\n")
    assert refused(user).endswith("/ours.toml: No such file or directory")


@pytest.mark.long
def test_without_a_kernel_nothing_is_booted_and_nothing_passes(
    user: pytest.Pytester, boots: Path
) -> None:
    result = user.runpytest_subprocess("-rs")
    result.assert_outcomes(skipped=4)
    result.stdout.fnmatch_lines(["SKIPPED*no kernel to boot: *--kernel FILE*kernels.toml*"])
    strict = user.runpytest_subprocess("--boot-strict")
    strict.assert_outcomes(errors=4)
    strict.stdout.fnmatch_lines(["*no kernel to boot: *--kernel FILE*kernels.toml*"])
    assert boots.read_text() == ""


def test_tests_without_a_kernel_of_their_own_run_all_the_same(user: pytest.Pytester) -> None:
    user.makepyfile("def test_loader(stage1):\n    assert len(stage1.binary) <= 440\n")
    user.runpytest_subprocess().assert_outcomes(passed=1)


def test_gate_without_candidates_is_a_usage_error(user: pytest.Pytester) -> None:
    line = refused(user, "--gate-baseline", "selfcheck:16")
    assert line.startswith("--gate-baseline: no kernel to boot: ")


def test_marker_changes_the_plan(user: pytest.Pytester, boots: Path) -> None:
    user.makepyfile(
        """
        import pytest

        @pytest.mark.boot(until="setup", memory_mib=64, disk_interface="ide")
        def test_marked(boot_trace):
            assert boot_trace.until == "setup"
            assert boot_trace.milestones[-1].name == "setup-entered"
            assert boot_trace.machine.memory_bytes == 64 << 20
            assert boot_trace.machine.disk_interface == "ide"

        def test_unmarked(boot_trace):
            assert boot_trace.until == "init"
            assert boot_trace.machine.memory_bytes == 512 << 20
        """
    )
    result = user.runpytest_subprocess("--kernel", "selfcheck:16")
    result.assert_outcomes(passed=2)
    assert count(boots) == 2


def test_marker_and_option_take_patterns(user: pytest.Pytester) -> None:
    user.makepyfile(
        """
        import pytest

        @pytest.mark.boot(until="payload ok", fail_on="command line wrong")
        def test_marked(boot_trace, boot_judgement):
            boot_judgement.require_good()
            assert boot_trace.marker.line == "selfcheck: payload ok"

        def test_of_the_options(boot_judgement):
            assert boot_judgement.cause == "fail-on-seen"
        """
    )
    options = ("--boot-until", "initrd ok", "--boot-fail-on", "no", "--boot-fail-on", "header ok")
    result = user.runpytest_subprocess("--kernel", "selfcheck:16000", *options)
    result.assert_outcomes(passed=2)


@pytest.mark.sample(4)
@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("boot(colour=1)", "colour: known are route, until, "),
        ("boot('banner')", "'banner': known are route, until, "),
        (
            "boot(until='bannr')",
            "until 'bannr': did you mean banner?",
        ),
        ("boot(fail_on=['fine', 'WARN('])", "fail on 'WARN(' is no regular expression"),
        ("boot(send='boot:')", "send 'boot:': it is PATTERN=>TEXT"),
        ("boot(memory_mib=1)", "memory 1: it has to be at least 2"),
        ("boot(initrd='no.img')", "no.img: no such file"),
        ("netboot('pxelinux', 'stall:blok=2')", "of stall can be said: file, block"),
        ("netboot('carrier-pigeon')", "route 'carrier-pigeon': known are "),
        ("netboot(colour=1)", "colour: known are root, servers, nic"),
        ("netboot(3)", "route 3: text is wanted"),
        ("netboot(root='none')", "none: No such file or directory"),
        ("netboot('ipxe', root='.')", "the route ipxe boots a kernel"),
        ("netboot(servers='kea:none')", "none: no such file"),
        ("netboot('ipxe', servers='command:x')", "the route ipxe"),
        ("netboot(servers='command:x', root='.')", "root and servers: give one of them"),
        ("netboot('ipxe', 3)", "network fault 3: text is wanted"),
        ("boot(faults=3)", "network fault 3: text is wanted"),
        ("boot(disk_faults='hang')", "disk fault 'hang': say which sector"),
        ("boot(cmdline=None)", "command line None: text is wanted"),
        ("boot(loader=3)", "loader 3: text is wanted"),
        ("boot(memory_mib='64')", "memory '64': a number is wanted"),
        ("boot(timeout_s=float('nan'))", "timeout nan: it has to be at least 0.1"),
    ],
)
def test_marker_that_cannot_be_is_a_usage_error(
    user: pytest.Pytester, boots: Path, marker: str, words: str
) -> None:
    user.makepyfile(f"import pytest\n@pytest.mark.{marker}\ndef test_marked(boot_trace): ...\n")
    result = user.runpytest_subprocess("--kernel", "selfcheck:16")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    name = marker.partition("(")[0]
    result.stderr.fnmatch_lines([f"ERROR: *test_marked*: @pytest.mark.{name}: *{words}*"])
    assert boots.read_text() == ""


def test_loader_that_cannot_be_fails_in_one_sentence(user: pytest.Pytester) -> None:
    (user.path / "bad.asm").write_text("mov eax\n")
    result = user.runpytest_subprocess(
        "-k", "test_boots", "--boot-loader", "bad.asm", "--kernel", "selfcheck:16"
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: options: nasm refuses *bad.asm*"])
    assert "Traceback" not in result.stderr.str()


def test_failure_keeps_what_the_boot_has_left(user: pytest.Pytester, bad_kernel: Path) -> None:
    user.makepyfile(
        """
        def test_first(boot_judgement):
            assert boot_judgement.verdict == "good"

        def test_second(boot_judgement):
            assert boot_judgement.verdict == "good"
        """
    )
    result = user.runpytest_subprocess("--kernel", bad_kernel)
    result.assert_outcomes(failed=2)
    said = result.stdout.str()
    kept = {Path(each) for each in re.findall(r"^kept in (.*)$", said, re.MULTILINE)}
    assert len(kept) == 1
    assert "not all of it" not in said
    (back,) = re.findall(r"^recorded, and .* to go back in it: bootharness debug (.*)$", said,
                         re.MULTILINE)  # fmt: skip
    assert Path(back) == next(iter(kept)) / "trace.json"
    assert {path.name for path in kept.pop().iterdir()} == {
        "bios-calls.txt", "bios.txt", "command.txt", "disassembly.txt", "qemu.log", "recorder.log",
            "recording",
        "registers.txt", "screen.png", "screen.txt", "serial.log", "trace.json",
    }  # fmt: skip


def test_failure_with_a_machine_keeps_what_it_looks_like(user: pytest.Pytester) -> None:
    user.makepyfile(
        """
        def test_console(machine):
            machine.serial.console.expect("payload ok", timeout=30)
            assert not machine.status
        """
    )
    result = user.runpytest_subprocess("--kernel", "selfcheck:16")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- machine -*", "at 0x* in * mode"])
    (kept,) = re.findall(r"^kept in (.*)$", result.stdout.str(), re.MULTILINE)
    names = {"qemu.log", "registers.txt", "screen.png", "screen.txt", "serial.log"}
    assert {path.name for path in Path(kept).iterdir()} == names
    assert "Booting from Hard Disk" in (Path(kept) / "screen.txt").read_text()
    assert "payload ok" in (Path(kept) / "serial.log").read_text()


def test_the_gate_gives_its_verdicts_as_test_results(
    user: pytest.Pytester, bad_kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOTHARNESS_HISTORY", str(user.path / "history"))
    user.path.joinpath("test_the_gate_gives_its_verdicts_as_test_results.py").unlink()
    (user.path / "vmlinuz-none").write_bytes(b"no kernel")
    arguments = (
        "--kernel", "selfcheck:131072", "--kernel", str(bad_kernel),
        "--kernel", str(user.path / "vmlinuz-none"), "--gate-baseline", "selfcheck:65536",
        "--boot-until", "setup", "--junitxml", "junit.xml",
    )  # fmt: skip
    result = user.runpytest_subprocess(*arguments)
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*gate?vmlinuz-bad?*", "payload-truncated: *"])
    result.stdout.fnmatch_lines(["*gate?vmlinuz-none?*", "not-a-kernel: *"])
    result.stdout.no_fnmatch_line("*Traceback*")
    cases = ElementTree.parse(user.path / "junit.xml").iter("testcase")
    standings = {
        case.get("name"): each.get("value")
        for case in cases
        for each in case.iter("property")
        if each.get("name") == "gate_standing"
    }
    assert standings["gate[selfcheck:131072]"] == "good"
    assert standings["gate[vmlinuz-bad]"] == "bad"


@pytest.mark.long
def test_the_gate_tells_what_fails_as_the_baseline_does_from_what_is_newly_bad(
    user: pytest.Pytester, bad_kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOTHARNESS_HISTORY", str(user.path / "history"))
    next(user.path.glob("test_*.py")).unlink()
    before = patched_kernel(
        selfcheck_kernel(4096), user.path / "vmlinuz-before", size=4, syssize=90_000
    )
    arguments = (
        "--kernel", str(bad_kernel), "--gate-baseline", str(before),
        "--boot-until", "setup", "--junitxml", "junit.xml",
    )  # fmt: skip
    refused = user.runpytest_subprocess(*arguments)
    refused.assert_outcomes(failed=1)
    refused.stdout.fnmatch_lines(
        [
            f"the baseline is bad itself: {before}*: payload-truncated",
            "fails as the baseline does (payload-truncated): no regression*",
        ]
    )
    accepted = user.runpytest_subprocess(*arguments, "--gate-still-failing", "accept")
    accepted.assert_outcomes(passed=1)
    properties = [
        (each.get("name"), each.get("value"))
        for each in ElementTree.parse(user.path / "junit.xml").iter("property")
    ]
    assert ("gate_standing", "still") in properties
    assert any(
        name == "gate_warning" and value and value.startswith("the baseline is bad itself")
        for name, value in properties
    )
    good = (*arguments[:3], "selfcheck:65536", *arguments[4:])
    user.runpytest_subprocess(*good, "--gate-still-failing", "accept").assert_outcomes(failed=1)


def test_marker_names_a_folder_of_boot_files(user: pytest.Pytester) -> None:
    """There is no kernel to give."""
    folder = user.mkdir("tftp")
    shutil.copyfile(fetch("selfcheck:16000").path, folder / "vmlinuz")
    (folder / "boot.ipxe").write_text("#!ipxe\nkernel vmlinuz\nboot\n")
    user.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.boot(until="setup")

        @pytest.mark.netboot(root="tftp")
        def test_whole(netboot_trace):
            assert netboot_trace.handoff.memory_equal
            assert netboot_trace.network.roles["kernel"] == "vmlinuz"

        @pytest.mark.netboot("net-root", root="tftp", bootfile="boot.ipxe")
        def test_named(netboot_trace):
            assert netboot_trace.reached("setup-entered")
        """
    )
    user.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


@pytest.mark.long
@pytest.mark.skipif(why_no_namespace() is not None, reason="no namespaces")
def test_own_servers_are_booted_from(user: pytest.Pytester) -> None:
    folder = user.mkdir("tftp")
    shutil.copyfile(fetch("selfcheck:16000").path, folder / "vmlinuz")
    (folder / "boot.ipxe").write_text("#!ipxe\nkernel vmlinuz\nboot\n")
    (user.path / "dnsmasq.conf").write_text(
        "port=0\nno-ping\ndhcp-range=10.7.0.5,10.7.0.9\ndhcp-boot=boot.ipxe\nenable-tftp\n"
        f"tftp-root={folder}\n"
    )
    user.makepyfile(
        """
        import pytest

        @pytest.mark.boot(until="setup")
        @pytest.mark.netboot(servers="dnsmasq:dnsmasq.conf")
        def test_whole(netboot_trace):
            assert netboot_trace.handoff.memory_equal
            assert netboot_trace.network.server == "dnsmasq at 10.7.0.1"
        """
    )
    user.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
