"""One boot of a real machine: of what is on its disk, or of a kernel that comes by its wire."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bootharness.errors import CouldNotFindOut, NotWritten, UsageError
from bootharness.hardware.desk import Desk
from bootharness.hardware.doubts import not_by_wire, without_power
from bootharness.hardware.machines import HardwareMachine, machine_named
from bootharness.hardware.power_sign import PowerSign
from bootharness.hardware.recorder_forms import boot_program
from bootharness.hardware.watch_line import Booted, watch_line
from bootharness.hardware.wired import Wired, program_image, wired
from bootharness.host.deadline import Deadline
from bootharness.kernels.image import KernelImage
from bootharness.plan import OPTIONS, BootPlan, chosen
from bootharness.routes.loader import Loader
from bootharness.routes.net import net_image
from bootharness.routes.net_image import NetImage
from bootharness.routes.net_paths import PATHS
from bootharness.routes.table import route_of
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.milestones import NET_MILESTONES, Milestone, ordered
from bootharness.trace.network_facts import NetworkFacts, milestones

__all__ = ["WAIT_S", "boot_here", "boot_kernel", "boot_on", "trace_disk"]

WAIT_S = 600.0
"""For so long a boot of a gate waits for others on the same machine."""
_RECORDER = "recorder.0"
_NOT_HEARD = (
    "until_screen", "fail_on", "at_most_s", "send", "tracer", "faults", "more_nics",
    "shares", "run",
)  # fmt: skip


def boot_on(name: str, booted: Any, plan: BootPlan, *, keep: Path | None = None) -> BootTrace:
    """Boot a kernel on the machine of machines.toml that a plan names, by its wire.

    Raises UsageError for what cannot be, CouldNotFindOut where the machine is not to be had.
    """
    machine = machine_named(plan.host)
    return boot_kernel(machine, name, booted, plan, keep=keep, wait=Deadline.after(WAIT_S))


def boot_kernel(
    machine: HardwareMachine,
    name: str,
    booted: Any,
    plan: BootPlan,
    *,
    keep: Path | None = None,
    wait: Deadline | None = None,
) -> BootTrace:
    """Boot a kernel on a machine, by its wire. Raises what `boot_on` does."""
    if not isinstance(booted, KernelImage) or plan.route not in PATHS:
        raise UsageError(
            f"route {plan.route}: {machine.name} gets kernels by its wire: take {', '.join(PATHS)}"
        )
    if machine.wire is None:
        raise UsageError(f"[{machine.name}] wire: kernels come by it, and there is none")
    if machine.proxy and plan.net.ip != "4":
        raise UsageError(f"[{machine.name}] proxy: a proxy names files over IPv4, not --ip 6")
    values, usual = chosen(plan), chosen(BootPlan())
    for each in _NOT_HEARD:
        if values[each] != usual[each]:
            raise UsageError(
                f"{OPTIONS[each].spelling}: {machine.name} is heard over its serial line and wire "
                "alone"
            )
    until = "protected-mode" if plan.until == "setup" else plan.until
    on_line = Booted(name, booted, until=until, route=plan.route, recorder=False,
                     firmware=machine.banner)  # fmt: skip
    image = net_image(booted, plan)
    trace = _booted(machine, on_line, image, plan, keep=keep, wait=wait)
    return replace(trace, cmdline=plan.cmdline)


def boot_here(
    machine: HardwareMachine,
    source: str,
    plan: BootPlan,
    *,
    observer: object = None,
    keep: Path | None = None,
) -> BootTrace:
    """Fetch a kernel and boot it on a machine. What keeps us from finding out is in the trace."""
    try:
        return boot_kernel(machine, source, route_of(plan).fetch(source), plan, keep=keep)
    except CouldNotFindOut as error:
        ending = Ending("skipped", 0.0, str(error), error.cause)
        return BootTrace(source, plan.until, ending, plan.route)


def trace_disk(
    machine: HardwareMachine,
    kernel: KernelImage | None = None,
    loader: Loader | None = None,
    *,
    until: str = "setup",
    keep: Path | None = None,
) -> BootTrace:
    """Boot what is on a machine's disk, with the recorder in front where the machine has it so.

    ``kernel`` and ``loader`` are those on the disk, where they are known. What keeps us from
    finding out is in the trace.
    """
    recorder = machine.recorder != "none"
    if not recorder and until == "setup":
        until = "protected-mode"
    route = "mbr" if loader else "disk"
    name = kernel.source if kernel else machine.name
    booted = Booted(name, kernel, loader, until=until, route=route, recorder=recorder,
                    firmware=machine.banner)  # fmt: skip
    try:
        image = None
        if machine.recorder == "pxe":
            image = program_image(_RECORDER, boot_program(machine.baud))
        return _booted(machine, booted, image, BootPlan(), keep=keep, brought=False)
    except CouldNotFindOut as error:
        return BootTrace(name, until, Ending("skipped", 0.0, str(error), error.cause), route)


def _booted(
    machine: HardwareMachine,
    booted: Booted,
    image: NetImage | None,
    plan: BootPlan,
    *,
    keep: Path | None,
    wait: Deadline | None = None,
    brought: bool = True,
) -> BootTrace:
    """Switch it on and see; what its wire has shown is in the trace where the kernel was
    ``brought`` by it."""
    with ExitStack() as stack:
        desk = stack.enter_context(Desk(machine, wait=wait))
        wire = None
        if image is not None:
            wire = stack.enter_context(wired(machine, image, plan, keep))
        desk.on()
        if wire:
            wire.connection.started(time.monotonic())
        trace = watch_line(
            desk.line,
            booted,
            timeout_s=machine.timeout_seconds,
            silence_s=machine.silent_seconds,
            start_s=machine.start_seconds,
            network=wire.facts if wire and brought else None,
            power=PowerSign(desk.watts, machine.off_watts),
        )
        if wire:
            wire.interface.check()
            trace = not_by_wire(trace, wire.facts(), machine, brought=brought)
        trace = without_power(trace, machine.name, desk.is_on)
    trace = replace(trace, host=replace(trace.host, name=machine.name))
    if trace.network:
        trace = replace(trace, milestones=_with_wire(trace, trace.network))
    if keep:
        _keep(keep / "serial.txt", trace.serial, wire)
    return trace


def _keep(path: Path, serial: str, wire: Wired | None) -> None:
    """Write what came over the line beside what came over the wire. Raises NotWritten."""
    try:
        path.write_text(serial)
    except OSError as error:
        raise NotWritten(f"{path}: cannot be written: {error.strerror}") from error
    if wire and wire.connection.capture_lost:
        raise NotWritten(f"{path.parent}: {wire.connection.capture_lost}")


def _with_wire(trace: BootTrace, facts: NetworkFacts) -> tuple[Milestone, ...]:
    points = milestones(facts) | {each.name: each.seconds for each in trace.milestones}
    return ordered(points, NET_MILESTONES)
