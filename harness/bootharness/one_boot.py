"""Boot once and see everything.

    source --fetch--> kernel --prepare--> Medium --Qemu--> Machine --watch--> BootTrace

What is not needed to start QEMU is imported while it starts: 0.2 s of a boot.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootharness.errors import (
    CouldNotFindOut,
    LaunchFailed,
    QemuCrashed,
    ToolMissing,
    UsageError,
)
from bootharness.host.workspace import Workspace
from bootharness.kernels.image import KernelImage
from bootharness.machine.choice import chosen_machine, wider
from bootharness.machine.qemu import Qemu
from bootharness.machine.saved import NotRestored
from bootharness.plan import QEMU, BootPlan, MachineConfig
from bootharness.routes.disk import DiskImage
from bootharness.routes.guest import prepared
from bootharness.routes.medium import Medium
from bootharness.routes.table import by_firmware, route_of

if TYPE_CHECKING:
    from bootharness.routes.net_root import NetRoot
    from bootharness.routes.net_servers import NetServers
    from bootharness.trace.boot_trace import BootTrace
    from bootharness.trace.observer import Observer
    from bootharness.watch.recorded import Anew

__all__ = ["boot", "boot_medium"]

_CAPTURE_FILE = "wire.pcap"


def boot(
    source: "str | KernelImage | DiskImage | NetRoot | NetServers",
    plan: BootPlan,
    *,
    observer: "Observer | None" = None,
    keep: Path | None = None,
    record: bool = False,
    catch: int = 0,
) -> "BootTrace":
    """Boot a kernel, or what else the plan's route boots, and return all that was seen.

    ``source`` is its name, or what has been fetched already. ``keep`` is a folder for what is left
    of the boot; what it cannot take is named in the trace's ``post_mortem.missing``. A bad boot is
    recorded there, with ``record`` any; with ``catch`` it is booted up to so many times, each time
    recorded, until it is bad. What keeps us from finding out is in the trace, with the ending
    ``skipped``. Raises UsageError for what cannot be.
    """
    name = source if isinstance(source, str) else source.source
    plan = by_firmware(plan)
    route = route_of(plan)
    if keep and any(keep.iterdir()):
        raise UsageError(f"{keep}: not empty; keep a boot in a new folder")
    try:
        plan = route.ready(plan)
        booted = route.fetch(source) if isinstance(source, str) else source
        if isinstance(booted, KernelImage) and (why := route.foresee(booted, plan)):
            return _foreseen(name, booted, plan, why)
        if plan.host != QEMU:
            return _on_machine(name, booted, plan, keep, record=record or bool(catch))
        if catch and keep:
            return _caught(name, booted, plan, keep, catch)
        trace = _booted(name, booted, plan, observer, keep, record=record)
        ran = trace.machine.qemu if trace.machine else ""
        said = trace.ending.detail if trace.ending.kind == "complaint" else ""
        wide = wider(plan.machine, ran, said)
        if wide is None:
            return trace
        # what the header did not say the kernel has: the QEMU was our choice, and the wrong one
        for path in keep.iterdir() if keep else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        plan = replace(plan, machine=wide)
        again = _booted(name, booted, plan, observer, keep, record=record)
        return again.instead_of(trace)
    except CouldNotFindOut as error:
        from bootharness.trace.boot_trace import BootTrace, Ending

        if keep and isinstance(error, LaunchFailed):
            (keep / "qemu-command.txt").write_text(f"{error.command}\n")
        ending = Ending("skipped", 0.0, str(error), error.cause)
        return BootTrace(name, plan.until, ending, plan.route)


def _booted(
    name: str,
    booted: "KernelImage | DiskImage | NetRoot | NetServers",
    plan: BootPlan,
    observer: "Observer | None",
    keep: Path | None,
    *,
    record: bool,
) -> "BootTrace":
    """Prepare and boot, from the beginning where a saved machine is not taken."""
    try:
        return _once(name, booted, plan, observer, keep, record=record)
    except NotRestored:
        plan = replace(plan, net=replace(plan.net, cold=True))
        return _once(name, booted, plan, observer, keep, record=record)


def _once(
    name: str,
    booted: "KernelImage | DiskImage | NetRoot | NetServers",
    plan: BootPlan,
    observer: "Observer | None",
    keep: Path | None,
    *,
    record: bool,
) -> "BootTrace":
    with Workspace() as workspace, prepared(booted, plan, workspace) as (medium, ready):
        trace = boot_medium(
            name,
            medium,
            ready,
            workspace,
            observer=observer,
            keep=keep,
            record=record,
            anew=partial(_anew, booted, plan),
        )
    return replace(trace, run=plan.guest.run)


@contextmanager
def _anew(
    booted: "KernelImage | DiskImage | NetRoot | NetServers", plan: BootPlan
) -> Iterator[Medium]:
    """Prepare it once more, for another boot: a network is used up by one."""
    with Workspace() as workspace, prepared(booted, plan, workspace) as (medium, _):
        yield medium


def _caught(
    name: str,
    booted: "KernelImage | DiskImage | NetRoot | NetServers",
    plan: BootPlan,
    keep: Path,
    times: int,
) -> "BootTrace":
    """Boot until it is bad, recorded."""
    from bootharness.watch.kept import keep_made
    from bootharness.watch.recorded import caught

    with Workspace() as workspace, prepared(booted, plan, workspace) as (medium, ready):
        config = chosen_machine(ready.machine, narrow=medium.narrow)
        anew = partial(_anew, booted, plan) if medium.wire else lambda: nullcontext(medium)
        trace = caught(name, medium, ready, config, keep, anew, times)
        trace = keep_made(trace, workspace.path, keep)
    return replace(trace, run=plan.guest.run)


def _on_machine(
    name: str,
    booted: "KernelImage | DiskImage | NetRoot | NetServers",
    plan: BootPlan,
    keep: Path | None,
    *,
    record: bool,
) -> "BootTrace":
    if record:
        raise UsageError(f"--record: a boot of {plan.host} cannot be recorded, only one in QEMU")
    from bootharness.hardware.boot import boot_on  # most boots are in QEMU

    return boot_on(name, booted, plan, keep=keep)


def _foreseen(name: str, kernel: KernelImage, plan: BootPlan, why: str) -> "BootTrace":
    from bootharness.trace.boot_trace import BootTrace, Ending

    return BootTrace(
        name,
        plan.until,
        Ending("foreseen", 0.0, why),
        plan.route,
        kernel=kernel.facts,
        cmdline=plan.cmdline,
    )


def boot_medium(
    name: str,
    medium: Medium,
    plan: BootPlan,
    workspace: Workspace,
    *,
    observer: "Observer | None" = None,
    keep: Path | None = None,
    record: bool = False,
    anew: "Anew | None" = None,
) -> "BootTrace":
    """Boot a medium that has been prepared, by a plan that is settled; otherwise as `boot`.

    ``anew`` prepares it once more, where one is used up by a boot.

    Raises CouldNotFindOut when the machine does not even start.
    """
    config = chosen_machine(plan.machine, narrow=medium.narrow)
    try:
        trace = _watched(name, medium, plan, config, workspace, observer, keep)
    except QemuCrashed as crashed:
        if "tracer" not in route_of(plan).takes:
            raise
        # where another code runs into the recorder's breakpoints; gdb's are QEMU's own
        by_gdb, config = replace(plan, tracer="gdb"), replace(config, accelerator="tcg")
        try:
            with Workspace() as another:
                trace = _watched(name, medium, by_gdb, config, another, observer, keep)
        except ToolMissing as error:
            raise crashed from error
    if keep is None:
        return trace
    from bootharness.watch.kept import keep_made
    from bootharness.watch.recorded import with_recording
    from bootharness.watch.rerun import with_exceptions

    if medium.wire and medium.wire.capture_lost:
        trace = trace.with_missing(medium.wire.capture_lost)
    logs = medium.wire.logs if medium.wire else None
    trace = with_exceptions(trace, medium, plan, config)
    again = anew if anew and medium.wire else lambda: nullcontext(medium)
    trace = with_recording(trace, medium, plan, config, keep, again, asked=record)
    return keep_made(trace, workspace.path, keep, logs)


def _watched(
    name: str,
    medium: Medium,
    plan: BootPlan,
    config: MachineConfig,
    workspace: Workspace,
    observer: "Observer | None",
    keep: Path | None,
) -> "BootTrace":
    """Start the machine, and watch it until the boot is over."""
    if keep and medium.wire:
        medium.wire.capture(workspace.path / _CAPTURE_FILE)
    counted = plan.at_most_s is not None
    # servers of somebody's own may say before the first packet what others do not
    restorable = "cold" in route_of(plan).takes and plan.restorable
    if medium.wire and restorable:
        medium.wire.keep_waiting()
    with Qemu(
        config,
        medium.device,
        workspace,
        tracer=plan.tracer,
        counted=counted,
        saves=f"IP {plan.net.ip}, VLAN {plan.net.vlan}" if restorable else None,
    ) as qemu:
        medium.started(qemu.launched)
        if observer:
            observer.started()
        from bootharness.watch.see import see

        return see(name, qemu, medium, plan, observer=observer, keep=keep)
