"""What a failing test says: its diagnosis, what the boot has left, and how to see it again."""

import shlex
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bootharness.errors import BootHarnessError
from bootharness.plan import BootPlan
from bootharness.plugin.fixtures import FOLDER, MACHINE, PLAN, TRACE

if TYPE_CHECKING:
    from bootharness.diagnosis import Judgement
    from bootharness.machine.machine import Machine
    from bootharness.trace.boot_trace import BootTrace

__all__ = ["pytest_exception_interact", "pytest_runtest_makereport"]

_LAST_CALLS = 6
_SERIAL_LINES = 12
_EVIDENCE_LINES = 16
_REPORTED = pytest.StashKey[dict[Path, str]]()
"""Which test's failure has the report of a boot, by the folder of what that boot has left."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a failing test its diagnosis, and every test of a boot its facts for JUnit."""
    trace = item.stash.get(TRACE, None)
    if trace is None or call.when != "call":
        report = yield
        if call.when == "call" and report.failed and MACHINE in item.stash:
            _add(report, "machine", _left_by_machine(*item.stash[MACHINE]))
        return report
    from bootharness.diagnosis import judge

    judgement = judge(trace)
    item.user_properties += _properties(trace, judgement)
    report = yield
    if report.failed:
        reported = item.config.stash.setdefault(_REPORTED, {})
        first = reported.setdefault(item.stash[FOLDER], item.nodeid)
        if first == item.nodeid:
            left = _left(trace, item.stash[PLAN], item.stash[FOLDER])
            _add(report, "boot", f"{_section(trace, judgement)}\n\n{left}")
        else:
            _add(report, "boot", f"{_verdict(judgement)}; its report is with {first}")
    return report


def _add(report: pytest.TestReport, name: str, text: str) -> None:
    """Add a section to what a failure says, which is in a JUnit file too."""
    add = getattr(report.longrepr, "addsection", None)  # of all of pytest's own, but not of text
    if add:
        add(name, text)
    else:
        report.sections.append((name, text))


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """With --boot-debug, open the boot of a failing test in gdb."""
    if not (isinstance(node, pytest.Item) and node.config.getoption("--boot-debug")):
        return
    trace = node.stash.get(TRACE, None)
    if trace is None:
        return
    capture = node.config.pluginmanager.getplugin("capturemanager")
    if capture:
        capture.suspend(in_=True)
    try:
        _debug(trace)
    finally:
        if capture:
            capture.resume()


def _debug(trace: "BootTrace") -> None:
    from bootharness.debug.prepare import prepare_trace
    from bootharness.debug.run import debug
    from bootharness.host.workspace import Workspace

    try:
        with Workspace() as workspace:
            prepared = prepare_trace(trace, None, workspace.path / "disk.img")
            print()
            debug(prepared, workspace, "plain")
    except BootHarnessError as error:
        print(f"--boot-debug: {error}")


def _properties(trace: "BootTrace", judgement: "Judgement") -> list[tuple[str, str]]:
    facts: dict[str, object] = {"verdict": judgement.verdict, "cause": judgement.cause or ""}
    if trace.kernel:
        facts |= {
            "kernel_release": trace.kernel.release,
            "kernel_sha256": trace.kernel.sha256,
            "kernel_payload_bytes": trace.kernel.payload_bytes,
        }
    if trace.machine:
        facts |= {
            "qemu_version": trace.machine.qemu_version,
            "accelerator": trace.machine.accelerator,
        }
    return [(f"boot_{name}", str(value)) for name, value in facts.items()]


def _verdict(judgement: "Judgement") -> str:
    return f"{judgement.verdict.upper()} {judgement.cause or ''}".strip()


def _section(trace: "BootTrace", judgement: "Judgement") -> str:
    from bootharness.formats.call_lines import call_lines
    from bootharness.text import first_lines, last_lines, printable

    lines = [_verdict(judgement), printable(judgement.summary)]
    if judgement.diagnosis:
        evidence = first_lines(judgement.diagnosis.evidence, _EVIDENCE_LINES)
        lines += [f"  | {line}" for line in evidence]
    for sentence in trace.recorded.sentences if trace.recorded else ():
        lines.append(f"  going back in its recording: {printable(sentence)}")
    lines += ["", "last BIOS calls:"]
    lines += [f"  {line}" for line in call_lines(trace.bios_calls)][-_LAST_CALLS:]
    lines += ["", "serial line:"]
    lines += [f"  {line}" for line in last_lines(trace.serial, _SERIAL_LINES) or ["(nothing)"]]
    return "\n".join(lines)


def _left(trace: "BootTrace", plan: BootPlan, folder: Path) -> str:
    """Write down what a boot has left, once, and say where that is and how to see it again."""
    from bootharness.report.again import again
    from bootharness.watch.kept import keep_account

    missing = trace.post_mortem.missing if trace.post_mortem else ()
    if not (folder / "trace.json").exists():  # the same test may have been run again
        missing += keep_account(trace, plan, folder)
    lines = [f"reproduce: {again(trace, plan, '--verbose')}"]
    debug = shlex.join(["bootharness", "debug", str(folder / "trace.json")])
    if trace.recorded:
        lines.append(f"recorded, and played once, the same; to go back in it: {debug}")
    elif trace.disk:
        lines.append(f"in gdb: {debug}")
    lines.append(f"kept in {folder}")
    return "\n".join(lines + [f"not all of it: {'; '.join(missing)}"] * bool(missing))


def _left_by_machine(machine: "Machine", folder: Path) -> str:
    """Look at a machine that a test has to itself, write down what is seen, and say where."""
    from bootharness.machine.postmortem import post_mortem
    from bootharness.watch.kept import Folder, keep_evidence

    seen = post_mortem(machine)
    missing = keep_evidence(machine, b"", folder, alive=seen is not None)
    if seen:
        texts = Folder(folder)
        texts.write("registers.txt", f"{seen.registers}\n".encode())
        texts.write("screen.txt", f"{seen.screen}\n".encode())
        missing += seen.missing + texts.problems
    lines = [f"at 0x{seen.cpu.linear:06x} in {seen.cpu.mode} mode"] if seen else ["QEMU is gone"]
    lines.append(f"kept in {folder}")
    return "\n".join(lines + [f"not all of it: {'; '.join(missing)}"] * bool(missing))
