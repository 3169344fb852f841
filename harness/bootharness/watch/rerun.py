"""A second boot of what was reset, with QEMU's log of interrupts: which exceptions led to it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec.structs import replace

from bootharness.errors import CouldNotFindOut
from bootharness.formats.intlog import GuestException, triple_fault
from bootharness.host.workspace import Workspace
from bootharness.machine.argv import INTERRUPT_PIPE
from bootharness.machine.qemu import Qemu
from bootharness.plan import BootPlan, MachineConfig
from bootharness.routes.medium import Medium
from bootharness.trace.boot_trace import BootTrace
from bootharness.watch.see import see

__all__ = ["with_exceptions"]

# QEMU writes some 20 kB for every block move; only the end of it matters
_LOG_BYTES = 1 << 20
_FLUSH_S = 5.0
# logging makes a boot slower
_SLOWER, _AT_LEAST_S = 5, 10


def with_exceptions(
    trace: BootTrace, medium: Medium, plan: BootPlan, config: MachineConfig
) -> BootTrace:
    """Return the trace of a boot that was reset with the exceptions that led to it.

    Boots again for that, under TCG. Any other trace is returned as it is, and so is one of a
    boot from a network, or from a faulty disk, which has come to its end, or by a UEFI, whose
    variables are no longer what they were. A second boot that takes
    another course is told of in ``missing``.
    """
    seen = trace.post_mortem
    gone = medium.wire or medium.faulty or medium.device.firmware == "uefi"
    if gone or seen is None or trace.ending.kind != "guest-reset" or trace.reached("banner"):
        return trace
    limit = min(plan.timeout_s, _AT_LEAST_S + _SLOWER * trace.ending.seconds)
    plan = replace(plan, timeout_s=limit, tracer="recorder")
    try:
        exceptions = _exceptions(trace.source, medium, plan, replace(config, accelerator="tcg"))
    except CouldNotFindOut as error:
        return trace.with_missing(f"no exceptions are known: {error}")
    return replace(trace, post_mortem=replace(seen, exceptions=exceptions))


def _exceptions(
    source: str, medium: Medium, plan: BootPlan, config: MachineConfig
) -> tuple[GuestException, ...]:
    with Workspace() as workspace:
        log = workspace.path / "interrupts.log"
        with _end_of_pipe(workspace, log):
            tracer = plan.tracer
            with Qemu(config, medium.device, workspace, tracer=tracer, interrupts=True) as qemu:
                again = see(source, qemu, medium, plan, observer=None, keep=None)
        if again.ending.kind != "guest-reset":
            raise _AnotherCourse(
                f"a second boot, to see them, ended otherwise ({again.ending.kind})"
            )
        return triple_fault(log.read_text(errors="replace").splitlines())


class _AnotherCourse(CouldNotFindOut):
    cause = "machine-lost"


@contextmanager
def _end_of_pipe(workspace: Workspace, log: Path) -> Iterator[None]:
    """Write the end of what goes into the pipe to a file, and let the rest go by."""
    pipe = workspace.path / INTERRUPT_PIPE
    os.mkfifo(pipe)
    # held open: no opening of the other ends waits, and no closing ends it too early
    end = os.open(pipe, os.O_RDWR)
    with log.open("wb") as file:
        tail = workspace.start(
            ["tail", "-c", str(_LOG_BYTES), str(pipe)],
            stdout=file,
            stderr=subprocess.DEVNULL,
        )
    try:
        yield
    finally:
        os.close(end)
        with suppress(subprocess.TimeoutExpired):
            tail.wait(_FLUSH_S)
        tail.kill()
        tail.wait()
