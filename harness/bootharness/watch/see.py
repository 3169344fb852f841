"""Connect to a machine that has been started, watch it boot, and write the trace."""

import os
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bootharness.errors import CouldNotFindOut, FormatError
from bootharness.kernels.initrd import INIT_MARKER
from bootharness.machine.machine import Machine
from bootharness.machine.postmortem import post_mortem
from bootharness.machine.qemu import Qemu
from bootharness.plan import BootPlan
from bootharness.routes.bootable import Bootable
from bootharness.routes.direct import DirectImage
from bootharness.routes.net_image import NetImage
from bootharness.text import count
from bootharness.trace.boot_trace import (
    MILESTONES,
    BootTrace,
    Ending,
    MachineFacts,
    PostMortem,
    ordered,
)
from bootharness.trace.milestones import bios_milestones
from bootharness.trace.observer import Observer
from bootharness.trace.signs import kernel_signs, program_sign
from bootharness.trace.wire import NET_MILESTONES, milestones
from bootharness.watch.facts import disk_facts, kernel_facts, loader_facts
from bootharness.watch.tracers import GdbTracer, NoTracer, RecorderTracer, Tracer
from bootharness.watch.watch import Watch

if TYPE_CHECKING:
    from bootharness.machine.gdb import Gdb
    from bootharness.routes.net_connection import Connection

__all__ = ["see"]

_SAMPLES = 20
_NOTHING_TO_SEE = ("reached", "skipped")
# a hundred times what a kernel says; of a guest that writes on and on, both ends are kept
_SERIAL_BYTES = 1 << 22


def see(
    source: str,
    qemu: Qemu,
    disk: Bootable,
    plan: BootPlan,
    *,
    observer: Observer | None,
    keep: Path | None,
    connection: "Connection | None" = None,
) -> BootTrace:
    """Return all that was seen of a boot.

    Raises CouldNotFindOut when the machine does not even start.
    """
    connecting = qemu.now()
    own_init = disk.initrd is not None and plan.initrd is None
    signs = kernel_signs(INIT_MARKER, own_init=own_init)
    signs += [program_sign()] if connection else []
    gdb = _gdb(qemu, disk, plan)
    with closing(gdb) if gdb else nullcontext(), Machine(qemu) as machine:
        tracer = _tracer(machine, disk, plan, gdb)
        connected = machine.now()
        watch = Watch(machine, tracer, disk, plan, signs, observer, connection)
        try:
            ending = watch.run()
            if connection:
                connection.finish()
        except CouldNotFindOut as error:
            ending = Ending("skipped", round(machine.now(), 6), str(error), error.cause)
        except FormatError as error:
            lost = f"{error}: the guest writes to the recorder's port; --tracer gdb needs none"
            ending = Ending("skipped", round(machine.now(), 6), lost, "machine-lost")
        timings = {"connecting": connecting, "connected": connected, "ended": machine.now()}
        trace = _trace(source, watch, ending, timings)
        return replace(trace, post_mortem=_remains(watch, ending, keep))


def _remains(watch: Watch, ending: Ending, keep: Path | None) -> PostMortem | None:
    """Look at the machine when somebody may want to know more; a good boot needs no time."""
    if not keep and ending.kind in _NOTHING_TO_SEE:
        return None
    seen = post_mortem(watch.machine)
    if keep:
        from bootharness.watch.kept import keep_evidence

        unkept = keep_evidence(watch.machine, watch.tracer.log(), keep, alive=seen is not None)
        seen = replace(seen, missing=seen.missing + unkept) if seen else None
    return seen


def _gdb(qemu: Qemu, disk: Bootable, plan: BootPlan) -> "Gdb | None":
    """Start gdb where it is wanted: it takes as long as QEMU takes to answer."""
    if plan.tracer == "recorder" or isinstance(disk, NetImage | DirectImage):
        return None
    from bootharness.machine.gdb import Gdb  # most boots do without

    wide = "x86_64" in Path(qemu.config.qemu).name
    return Gdb(qemu.workspace, wide=wide, elf=disk.loader.elf if disk.loader else None)


def _tracer(machine: Machine, disk: Bootable, plan: BootPlan, gdb: "Gdb | None") -> Tracer:
    if isinstance(disk, NetImage):
        return NoTracer() if disk.firmware == "uefi" else RecorderTracer(machine)
    if gdb is None or isinstance(disk, DirectImage):
        return RecorderTracer(machine)
    return GdbTracer(machine, disk, gdb, RecorderTracer(machine) if plan.tracer == "both" else None)


def _serial_text(log: Path) -> str:
    with log.open("rb") as file:
        left_out = log.stat().st_size - _SERIAL_BYTES
        if left_out <= 0:
            text = file.read()
        else:
            text = file.read(_SERIAL_BYTES // 2)
            text += f"\n[{count(left_out, 'byte')} left out]\n".encode()
            file.seek(-_SERIAL_BYTES // 2, os.SEEK_END)
            text += file.read(_SERIAL_BYTES // 2)
    return text.decode("utf-8", "backslashreplace")


def _trace(source: str, watch: Watch, ending: Ending, timings: dict[str, float]) -> BootTrace:
    machine, disk, tracer = watch.machine, watch.disk, watch.tracer
    kernel = kernel_facts(disk.kernel) if disk.kernel else None
    facts, calls = disk_facts(disk), tracer.calls()
    points = bios_milestones(calls, kernel, facts, handed_off=watch.handoff is not None)
    points |= watch.milestones
    network = watch.connection.facts() if watch.connection else None
    if network:
        points = milestones(network) | watch.milestones
    order = NET_MILESTONES if network else MILESTONES
    config = machine.config
    return BootTrace(
        source=source,
        until=watch.plan.until,
        ending=ending,
        kernel=kernel,
        loader=loader_facts(disk.loader) if disk.loader else None,
        disk=facts,
        machine=MachineFacts(
            qemu=config.qemu,
            qemu_version=machine.qmp.qemu_version,
            accelerator=config.accelerator,
            machine_type=config.machine_type,
            disk_interface=config.disk_interface,
            memory_bytes=config.memory_bytes,
            command_line=tuple(machine.qemu.argv),
            bios_file=str(config.bios) if config.bios else None,
        ),
        tracer=watch.plan.tracer,
        milestones=ordered(points, order),
        bios_calls=calls,
        gdb_calls=tracer.second_opinion(),
        handoff=watch.handoff,
        serial=_serial_text(machine.qemu.serial_log),
        bios_log=watch.bios_log,
        events=tuple(watch.events),
        network=network,
        samples=tuple(watch.samples[-_SAMPLES:]),
        timings={name: round(seconds, 6) for name, seconds in timings.items()},
    )
