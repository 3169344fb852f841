"""What becomes of a boot whose QEMU, gdb or harness is killed, stopped, flooded or missing."""

import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import UsageError
from bootharness.kernels.source import fetch
from bootharness.machine import gdb as gdb_module
from bootharness.machine import machine as machine_module
from bootharness.machine.qemu import Qemu
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, MachineConfig
from bootharness.report.document import document, encode, read_trace
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.milestones import Milestone
from bootharness.trace.observer import Observer
from bootharness.watch import see as session
from tests.support.boots import boot_through
from tests.support.builders import edited_stage1, serial_writer
from tests.support.processes import COMMAND, environment, eventually, processes_with
from tests.support.programs import GDB, QEMU, program
from tests.support.talker import talking_kernel

KERNEL = "selfcheck:100000"
PID_FILE = 'echo $$ >"$0.pid"; exec $real "$@"'
# tests that run in the background have Ctrl-C ignored, and so would what they start
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from bootharness.__main__ import main
main()
"""
HANG = ("load_kernel:\n", "load_kernel:\n        jmp     $\n")


class At(Observer):
    """Looks on until the first milestone, then does something, once."""

    wants_progress = True

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = [act]

    def milestone(self, milestone: Milestone) -> None:
        while self._act:
            self._act.pop()()


def pid_of(path: str) -> int:
    return int(Path(f"{path}.pid").read_text())


def killed(path: str) -> At:
    return At(lambda: os.kill(pid_of(path), signal.SIGKILL))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for all temporary files; at the end it is empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def nothing_is_left(folder: Path) -> None:
    eventually(lambda: processes_with(str(folder)))
    eventually(folder.iterdir)


def boot_with(
    qemu: str, *, observer: Observer | None = None, loader: Loader | None = None, **plan: object
) -> BootTrace:
    machine = MachineConfig(qemu=qemu, accelerator="tcg")
    chosen = BootPlan(machine=machine, **plan)  # type: ignore[arg-type]
    if loader:
        return boot_through(loader, fetch(KERNEL), chosen, observer=observer)
    return boot(KERNEL, chosen, observer=observer)


@pytest.mark.parametrize("tracer", ["recorder", "gdb", "both"])
def test_killed_qemu_is_no_bad_kernel(tmp_path: Path, temporary: Path, tracer: str) -> None:
    qemu = program(tmp_path, QEMU, PID_FILE)
    trace = boot_with(qemu, observer=killed(qemu), tracer=tracer)
    judgement = judge(trace)
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "machine-lost")
    # what had been seen by then is kept: QEMU was killed at the first milestone
    assert trace.reached("bios-handoff")
    assert trace.machine
    nothing_is_left(temporary)


@pytest.mark.parametrize("tracer", ["gdb", "both"])
def test_killed_gdb_is_no_bad_kernel(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, tracer: str
) -> None:
    gdb = program(tmp_path, GDB, PID_FILE)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    trace = boot_with(QEMU, observer=killed(gdb), tracer=tracer)
    judgement = judge(trace)
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "machine-lost")
    assert judgement.summary.startswith("gdb ")  # it went away, or does not answer
    nothing_is_left(temporary)


@pytest.mark.parametrize("tracer", ["recorder", "both"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_harness_leaves_nothing(
    tmp_path: Path, temporary: Path, number: signal.Signals, tracer: str
) -> None:
    edited_stage1(tmp_path, lambda source: source.replace(*HANG), "hang.asm")
    arguments = ("boot", KERNEL, "--loader", tmp_path / "hang.asm", "--tracer", tracer, "-v")
    with subprocess.Popen(
        [COMMAND[0], "-c", INTERRUPTIBLE, *map(str, arguments)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as harness:
        assert harness.stdout
        said = next(line for line in harness.stdout if "LBA 2052" in line)
        assert "INT 13h AH=42h" in said
        assert any("qemu-system" in process for process in processes_with(str(temporary)))
        assert any("janitor" in process for process in processes_with(str(temporary)))
        harness.send_signal(number)
        errors = harness.communicate(timeout=30)[1]
    assert harness.returncode == (130 if number == signal.SIGINT else -number)
    assert "Traceback" not in errors
    nothing_is_left(temporary)


def test_twenty_boots_at_once_share_nothing(temporary: Path) -> None:
    def one(number: int) -> BootTrace:
        return boot(KERNEL, BootPlan(cmdline=f"console=ttyS0 number={number}"))

    with ThreadPoolExecutor(20) as pool:
        traces = list(pool.map(one, range(20)))
    for number, trace in enumerate(traces):
        assert judge(trace).verdict is Verdict.GOOD, judge(trace).summary
        assert trace.serial.count("the command line is") == 1
        assert f'"console=ttyS0 number={number}"' in trace.serial
    assert len({trace.disk.path for trace in traces if trace.disk}) == 20
    nothing_is_left(temporary)


def test_stopped_qemu_is_waited_for(tmp_path: Path) -> None:
    qemu = program(tmp_path, QEMU, PID_FILE)

    def stop() -> None:
        os.kill(pid_of(qemu), signal.SIGSTOP)
        threading.Timer(1.5, os.kill, (pid_of(qemu), signal.SIGCONT)).start()

    trace = boot_with(qemu, observer=At(stop), idle_s=0.5)
    assert judge(trace).verdict is Verdict.GOOD, judge(trace).summary
    assert trace.ending.seconds > 1.5


# In a process of its own, for it stops itself: longer than both of its limits, with the
# guest running on and writing more than the harness reads at once.
STOPPED = """
import os, signal, sys
from bootharness.one_boot import boot
from bootharness.diagnosis import judge
from bootharness.plan import BootPlan
from tests.boot.test_lifecycle import At
plan = BootPlan(timeout_s=3, idle_s=1)
stop = At(lambda: os.kill(os.getpid(), signal.SIGSTOP))
trace = boot(sys.argv[1], plan, observer=stop)
print(judge(trace).verdict, trace.ending.seconds > 4, judge(trace).summary)
"""


def test_stopped_harness_finds_the_boot_where_it_is() -> None:
    with subprocess.Popen(
        [COMMAND[0], "-c", STOPPED, KERNEL], env=environment(), stdout=subprocess.PIPE, text=True
    ) as harness:
        os.waitid(os.P_PID, harness.pid, os.WSTOPPED)
        with pytest.raises(subprocess.TimeoutExpired):
            harness.communicate(timeout=4)
        harness.send_signal(signal.SIGCONT)
        said = harness.communicate(timeout=60)[0]
    assert said.startswith("good True"), said


def test_guest_that_gets_a_tenth_of_the_time_is_not_to_blame(
    tmp_path: Path, temporary: Path
) -> None:
    often_stopped = program(
        tmp_path,
        QEMU,
        "(while sleep 0.01 && kill -STOP $$; do sleep 0.12; kill -CONT $$; done) 2>/dev/null &\n"
        'exec $real "$@"',
    )
    loader = serial_writer(tmp_path, b"x" * 100, then="jmp again")
    trace = boot_with(often_stopped, loader=loader, timeout_s=3, idle_s=60)
    assert (trace.ending.kind, trace.ending.cause) == ("skipped", "host-busy")
    assert "give it more time (--timeout) or fewer boots at once" in trace.ending.detail
    assert judge(trace).verdict is Verdict.SKIP
    nothing_is_left(temporary)


@pytest.mark.long
@pytest.mark.parametrize("text", [b"x" * 100, b"Linux version flood\n"])
def test_serial_flood_ends_by_the_time_limit(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    kept = 1 << 10
    monkeypatch.setattr(session, "_SERIAL_BYTES", kept)
    loader = serial_writer(tmp_path, text, then="jmp again")
    trace = boot_with(QEMU, loader=loader, timeout_s=4, idle_s=60)
    assert trace.ending.kind == "timeout" or trace.ending.cause == "host-busy"
    assert 4 < trace.ending.seconds < 40
    assert kept < len(trace.serial) < kept + 100
    assert re.search(r"\n\[[\d,]+ bytes left out\]\n", trace.serial)
    nothing_is_left(temporary)


@pytest.mark.parametrize(
    "call", ["mov ax, 0x0e41\nint 0x10", "mov ah, 0x88\nint 0x15", "mov ax, 0x201\nint 0x13"]
)
def test_flood_of_bios_calls_is_bad_and_soon(tmp_path: Path, call: str) -> None:
    path = tmp_path / "calls.asm"
    path.write_text(f"bits 16\nagain: {call}\njmp again\n")
    trace = boot_with(QEMU, loader=Loader.read(path), timeout_s=60, idle_s=60)
    assert judge(trace).verdict is Verdict.BAD
    assert trace.ending.kind == "idle"
    assert "BIOS calls asked for nothing new" in trace.ending.detail
    assert len(trace.bios_calls) < 100_000


def test_any_byte_on_the_serial_line_comes_through(tmp_path: Path) -> None:
    loader = serial_writer(tmp_path, bytes([*b"a\0b\x1b[31m", 0xFF, 0xC3, *b"\x07end\n"]),
                           then="cli\nhlt")  # fmt: skip
    trace = boot_with(QEMU, loader=loader, idle_s=0.3)
    assert trace.ending.kind in ("idle", "halted")  # whichever a busy host lets come first
    assert trace.serial == "a\0b\x1b[31m\\xff\\xc3\x07end\n"
    assert read_trace(encode(document(trace, judge(trace)))).serial == trace.serial


def test_what_a_guest_writes_to_the_recorders_port_disturbs_nobody(tmp_path: Path) -> None:
    loader = edited_stage1(
        tmp_path,
        lambda source: source.replace("load_setup:\n", "load_setup:\n mov al, 1\n out 0xe9, al\n"),
    )
    trace = boot_with(QEMU, loader=loader)
    assert judge(trace).verdict is Verdict.GOOD
    assert trace.foreign_bytes == 1
    assert len(trace.block_moves) > 1


def skipped(trace: BootTrace, cause: str, *words: str) -> None:
    judgement = judge(trace)
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, cause)
    for word in words:
        assert word in judgement.summary
    assert "\n" not in judgement.summary


def test_machine_type_that_qemu_does_not_know(temporary: Path) -> None:
    plan = BootPlan(machine=MachineConfig(machine_type="nonsense"))
    with pytest.raises(UsageError, match=r"--machine-type nonsense: qemu-system-\S+ has no such"):
        boot(KERNEL, plan)
    nothing_is_left(temporary)


def test_what_qemu_refuses_is_said_in_its_words_and_kept_with_its_command(
    tmp_path: Path, temporary: Path
) -> None:
    bios, keep = tmp_path / "odd.bin", tmp_path / "kept"
    bios.write_bytes(bytes(100))
    keep.mkdir()
    trace = boot(KERNEL, BootPlan(machine=MachineConfig(bios=str(bios))), keep=keep)
    skipped(trace, "launch-failed", f"refuses to start: could not load PC BIOS '{bios}'")
    assert "-nodefaults" not in judge(trace).summary
    assert " -nodefaults " in (keep / "qemu-command.txt").read_text()
    nothing_is_left(temporary)


def test_qemu_that_ends_at_once(tmp_path: Path, temporary: Path) -> None:
    qemu = program(tmp_path, QEMU, "echo 'out of order' >&2; exit 3")
    skipped(boot_with(qemu), "launch-failed", "status 3", "refuses to start: out of order")
    nothing_is_left(temporary)


def test_qemu_that_never_answers(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_module, "_GREETING_S", 0.3)
    qemu = program(tmp_path, QEMU, "exec sleep 1000")
    skipped(boot_with(qemu), "launch-failed", "does not answer on QMP: no greeting")
    nothing_is_left(temporary)


@pytest.mark.parametrize("content", [None, "not a program", "#!/no/such/interpreter\n"])
def test_qemu_that_cannot_be_run(tmp_path: Path, temporary: Path, content: str | None) -> None:
    path = tmp_path / QEMU
    if content:
        path.write_text(content)
        path.chmod(0o755)
    skipped(boot_with(str(path)), "tool-missing", str(path))
    nothing_is_left(temporary)


def test_missing_gdb(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    qemu = program(tmp_path, QEMU, 'exec $real "$@"')
    fetch(KERNEL)  # as long as there is a NASM
    Loader.stage1()
    plan = BootPlan(tracer="gdb", machine=MachineConfig(qemu=qemu, accelerator="tcg"))
    only = tmp_path / "bin"
    only.mkdir()
    monkeypatch.setenv("PATH", str(only))
    skipped(boot(KERNEL, plan), "tool-missing", "apt-get install gdb")
    nothing_is_left(temporary)


def test_gdb_that_never_answers(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gdb_module, "_REPLY_S", 0.3)
    program(tmp_path, GDB, "exec sleep 1000")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    skipped(boot_with(QEMU, tracer="gdb"), "machine-lost", "gdb does not answer")
    nothing_is_left(temporary)


def test_temporary_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc")
    skipped(boot_with(QEMU), "launch-failed", "/proc", "set TMPDIR")


@pytest.mark.parametrize(("starved_s", "cause"), [(0.0, "kernel-panic"), (30.0, "host-busy")])
def test_ticks_that_the_host_kept_back_are_not_the_kernels_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starved_s: float, cause: str
) -> None:
    monkeypatch.setattr(Qemu, "starved_seconds", lambda _: starved_s)
    words = b"Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug\n"
    judgement = judge(boot(talking_kernel(tmp_path, words), BootPlan(until="init")))
    assert judgement.cause == cause
    assert "IO-APIC + timer doesn't work" in judgement.summary
    assert ("no_timer_check" in judgement.summary) is (cause == "host-busy")
