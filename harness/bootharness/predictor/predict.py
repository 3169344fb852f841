"""Predict a boot: the same trace as a real one's, up to the handoff, in milliseconds."""

from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import CouldNotFindOut, NotEmulated, UsageError
from bootharness.kernels.image import KernelImage
from bootharness.machine.board import board_of
from bootharness.plan import BootPlan, MachineConfig
from bootharness.predictor.adverse import adversities
from bootharness.predictor.predict_disk import UNTIL, predict_disk
from bootharness.routes.disk import DiskImage
from bootharness.routes.table import route_of
from bootharness.trace.boot_trace import BootTrace, Ending

__all__ = ["predict", "predict_disk"]


def predict(
    source: str | KernelImage | DiskImage, plan: BootPlan, *, bios: str = "seabios"
) -> BootTrace:
    """Return the trace that a boot would have, from the BIOS to the kernel's entry.

    ``source`` and ``plan`` are as for `boot`, ``bios`` is one of `BIOSES`. What keeps us from
    finding out is in the trace, with the ending ``skipped``. Raises UsageError for what cannot
    be, a route that is not a loader on a disk among it.
    """
    name = source if isinstance(source, str) else source.source
    route = route_of(plan)
    if route.lay_out is None:
        return _of_network(name, source, plan)
    try:
        plan = route.ready(plan)
        _check_emulated(plan.machine)
        booted = route.fetch(source) if isinstance(source, str) else source
        disk = route.lay_out(booted, plan)
        trace = predict_disk(disk, bios=bios, memory_bytes=plan.machine.memory_bytes)
        if judge(trace).verdict is Verdict.GOOD:
            trace = replace(trace, adverse=tuple(adversities(trace, disk, bios=bios)))
        return replace(trace, route=plan.route)
    except CouldNotFindOut as error:
        ending = Ending("skipped", 0.0, str(error), error.cause)
        return BootTrace(name, UNTIL, ending, plan.route)


def _of_network(name: str, source: str | KernelImage | DiskImage, plan: BootPlan) -> BootTrace:
    """Return what is known of a boot from a network beforehand: what rules it out, or nothing.

    Raises UsageError for a route of which not even that is known.
    """
    route = route_of(plan)
    if not (route.from_network and "cmdline" in route.takes):
        raise UsageError(
            f"route {route.name}: only what a loader on a disk does is emulated, and of a kernel "
            "from a network what rules it out is known: boot it instead"
        )
    try:
        plan = route.ready(plan)
        kernel = route.fetch(source) if isinstance(source, str) else source
        if why := route.foresee(kernel, plan):
            ending = Ending("foreseen", 0.0, why)
            facts = kernel.facts if isinstance(kernel, KernelImage) else None
            return BootTrace(name, UNTIL, ending, route.name, kernel=facts, cmdline=plan.cmdline)
        raise NotEmulated(
            f"route {route.name}: the kernel's header, its command line and the machine's memory "
            "do not rule it out, and what the boot programs do with it is not emulated: boot it "
            "instead"
        )
    except CouldNotFindOut as error:
        ending = Ending("skipped", 0.0, str(error), error.cause)
        return BootTrace(name, UNTIL, ending, route.name)


def _check_emulated(machine: MachineConfig) -> None:
    """Raise NotEmulated for a machine in which a loader may come to something else."""
    asked = ""
    if machine.cpu:
        asked = f"--cpu {machine.cpu}"
    elif not board_of(machine.machine_type).has_pci:
        asked = f"--machine-type {machine.machine_type}"
    if asked:
        raise NotEmulated(f"{asked}: the emulator is a PC with a CPU of its own; boot it instead")
