"""Connect to a machine that has been started, watch it boot, and write the trace."""

import os
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootharness.errors import CouldNotFindOut, LaunchFailed, MachineLost, QemuCrashed
from bootharness.host.ocr import Reader
from bootharness.kernels.initrd import INIT_MARKER
from bootharness.machine.argv import GDB_SOCKET
from bootharness.machine.guest_clock import guest_seconds
from bootharness.machine.machine import Machine
from bootharness.machine.postmortem import post_mortem
from bootharness.machine.qemu import Qemu
from bootharness.machine.rsp import Stub
from bootharness.plan import BootPlan
from bootharness.routes.medium import Medium
from bootharness.routes.table import ROUTES
from bootharness.text import count
from bootharness.trace.bios_milestones import bios_milestones
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.efi_disk import EfiDisk
from bootharness.trace.efi_program import EfiProgram
from bootharness.trace.machine_facts import MachineFacts, PostMortem
from bootharness.trace.manager_points import ManagerPoints, manager_points
from bootharness.trace.milestones import ordered
from bootharness.trace.network_facts import milestones
from bootharness.trace.observer import Observer
from bootharness.trace.signed_file import SignedFile
from bootharness.trace.signs import firmware_signs, kernel_signs
from bootharness.trace.uefi_images import started
from bootharness.trace.uefi_milestones import uefi_milestones
from bootharness.watch.course import Course
from bootharness.watch.entry_tracer import EntryTracer
from bootharness.watch.gdb_tracer import GdbTracer
from bootharness.watch.known_end import KnownEnd
from bootharness.watch.lookout import Lookout
from bootharness.watch.loop_tracer import LoopTracer
from bootharness.watch.recorder_tracers import RecorderTracer, UefiTracer
from bootharness.watch.saving import restored
from bootharness.watch.tracers import Tracer
from bootharness.watch.watch import Watch
from bootharness.watch.words import Words

if TYPE_CHECKING:
    from bootharness.machine.gdb import Gdb

__all__ = ["see"]

_SAMPLES = 20
_NOTHING_TO_SEE = ("reached", "skipped")
# a hundred times what a kernel says; of a guest that writes on and on, both ends are kept
_SERIAL_BYTES = 1 << 22


def see(
    source: str,
    qemu: Qemu,
    medium: Medium,
    plan: BootPlan,
    *,
    observer: Observer | None,
    keep: Path | None,
    entries: tuple[int, ...] | None = None,
    known: KnownEnd | None = None,
) -> BootTrace:
    """Return all that was seen of a boot. With ``entries`` the machine has a recorder without
    breakpoints, and stops at these addresses of a kernel; ``known`` is the end of a boot that is
    had again.

    Raises CouldNotFindOut when the machine does not even start, QemuCrashed where QEMU itself
    failed under the recorder.
    """
    try:
        return _seen(source, qemu, medium, plan, observer, keep, entries, known)
    except (MachineLost, LaunchFailed) as error:
        if plan.tracer == "recorder" and qemu.crashed:
            raise QemuCrashed(str(error)) from error
        raise


def _seen(
    source: str,
    qemu: Qemu,
    medium: Medium,
    plan: BootPlan,
    observer: Observer | None,
    keep: Path | None,
    entries: tuple[int, ...] | None,
    known: KnownEnd | None,
) -> BootTrace:
    connecting = qemu.now()
    own_init = medium.initrd is not None and plan.initrd is None
    signs = kernel_signs(INIT_MARKER, own_init=own_init)
    signs += firmware_signs() if medium.wire or medium.device.firmware == "uefi" else []
    gdb = _gdb(qemu, medium) if plan.tracer != "recorder" else None
    reader = Reader(qemu.workspace)
    with ExitStack() as stack:
        if gdb:
            stack.enter_context(closing(gdb))
        machine = stack.enter_context(Machine(qemu))
        stack.enter_context(reader)
        from_saved = restored(machine, medium)
        connecting += from_saved.saved_s if from_saved else 0.0
        by_stub = entries is not None or (known is not None and known.raises)
        if by_stub:
            stub = stack.enter_context(Stub(qemu.workspace.path / GDB_SOCKET))
        tracer: Tracer
        if entries is not None:
            tracer = EntryTracer(machine, stub, entries)
        elif known and known.raises:
            tracer = LoopTracer(machine, stub, known)
        else:
            tracer = _tracer(machine, medium, plan, gdb)
        connected = machine.now()
        medium.begin(machine, waits=gdb is not None or by_stub)
        course = Course(
            machine, medium, plan, Words(machine, signs), Lookout.of(plan), observer=observer
        )
        watch, guest_s = Watch.of(course, tracer, reader, known), None
        try:
            ending = watch.run()
            if plan.at_most_s is not None and ending.kind == "reached":
                guest_s = guest_seconds(machine, connected)
            if medium.wire:
                medium.wire.finish()
        except CouldNotFindOut as error:
            if plan.tracer == "recorder" and qemu.crashed:
                raise
            ending = Ending("skipped", round(machine.now(), 6), str(error), error.cause)
        timings = {"connecting": connecting, "connected": connected, "ended": machine.now()}
        remains = _remains(watch, ending, keep)
        lacks = () if ending.kind in _NOTHING_TO_SEE else machine.cpu_lacks()
        if qemu.tape:
            machine.end_tape()
        qemu.kill()  # it takes as long to go as the trace to be made
        watch.saving.finish()
        trace = _trace(source, watch, ending, timings)
        facts = trace.machine and replace(trace.machine, cpu_lacks=lacks, restored=from_saved)
        signed = _signed_files(watch, ending)
        programs, disk = _efi(watch, ending)
        return replace(
            trace, machine=facts, post_mortem=remains, guest_s=guest_s, signed_files=signed,
            efi_programs=programs, efi_disk=disk,
        )  # fmt: skip


def _efi(watch: Watch, ending: Ending) -> tuple[tuple[EfiProgram, ...], EfiDisk | None]:
    """Look at what a UEFI was to start, where no kernel came out of that, or a damaged one, and at
    its disk where it has started nothing."""
    course, handoff = watch.course, watch.course.uefi_handoff
    of_disk = course.medium.device.firmware == "uefi" and not course.medium.wire
    entered = handoff is not None and handoff.memory_equal is not False
    if not of_disk or entered or ending.kind in _NOTHING_TO_SEE:
        return (), None
    from bootharness.watch.efi_programs import efi_disk, efi_programs

    calls = watch.tracer.uefi_calls()
    disk = None if started(calls) else efi_disk(course.medium)
    return efi_programs(course.medium, calls), disk


def _signed_files(watch: Watch, ending: Ending) -> tuple[SignedFile, ...]:
    """Look at how files are signed, where somebody may have refused them."""
    medium = watch.course.medium
    if not medium.device.secure or ending.kind in _NOTHING_TO_SEE:
        return ()
    from bootharness.watch.signatures import signed_files

    folder = watch.machine.qemu.workspace.path
    return signed_files(medium, watch.tracer.uefi_calls(), folder)


def _remains(watch: Watch, ending: Ending, keep: Path | None) -> PostMortem | None:
    """Look at the machine when somebody may want to know more; a good boot needs no time."""
    if not keep and ending.kind in _NOTHING_TO_SEE:
        return None
    if faulty := watch.course.medium.faulty:
        faulty.let_go()
    seen = post_mortem(watch.machine)
    lookout = watch.course.lookout
    shows_menu = watch.course.medium.managed and watch.course.before_a_kernel
    if seen and not seen.screen.strip() and (keep or lookout.reads_screen or shows_menu):
        seen = replace(seen, ocr=watch.hearing.read_off())
    if keep:
        from bootharness.watch.kept import keep_evidence

        closest = lookout.sought.closest_screen if lookout.sought else None
        unkept = keep_evidence(
            watch.machine, watch.tracer.log(), keep, alive=seen is not None, closest=closest
        )
        seen = replace(seen, missing=seen.missing + unkept) if seen else None
    return seen


def _gdb(qemu: Qemu, medium: Medium) -> "Gdb":
    """Start gdb where it is wanted: it takes as long as QEMU takes to answer."""
    from bootharness.machine.gdb import Gdb  # most boots do without

    wide = "x86_64" in Path(qemu.config.qemu).name
    return Gdb(qemu.workspace, wide=wide, elf=medium.loader.elf if medium.loader else None)


def _tracer(machine: Machine, medium: Medium, plan: BootPlan, gdb: "Gdb | None") -> Tracer:
    if medium.device.firmware == "uefi":
        return UefiTracer(machine)
    recorder = RecorderTracer(machine) if plan.tracer != "gdb" else None
    if gdb is None:
        assert recorder
        return recorder
    assert medium.disk
    return GdbTracer(machine, medium.disk, gdb, recorder)


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
    course, machine, tracer = watch.course, watch.machine, watch.tracer
    medium, plan, lookout = course.medium, course.plan, course.lookout
    kernel = medium.kernel.facts if medium.kernel else None
    disk, calls = medium.disk.facts if medium.disk else None, tracer.calls()
    network = medium.wire.facts() if medium.wire else None
    handoff = course.handoff
    if handoff:
        handoff = replace(handoff, calls=tracer.kept(handoff.calls))
    if network:
        points = milestones(network)
    elif medium.device.firmware == "uefi":
        points = uefi_milestones(tracer.uefi_calls(), course.kernel_base)
    else:
        entered = course.handoff is not None
        points = bios_milestones(
            calls, kernel if course.names_kernel else None, disk, handed_off=entered
        )
    manager = ManagerPoints()
    if medium.managed:
        manager = manager_points(calls[: handoff.calls] if handoff else calls)
    return BootTrace(
        source=source,
        until=plan.until,
        ending=ending,
        route=plan.route,
        kernel=kernel,
        loader=medium.loader.facts if medium.loader else None,
        disk=disk,
        machine=_machine_facts(machine, medium),
        tracer=tracer.name,
        milestones=ordered(
            points | manager.points | course.milestones, ROUTES[plan.route].milestones
        ),
        bios_calls=calls,
        gdb_calls=tracer.second_opinion(),
        until_screen=plan.until_screen,
        fail_on=plan.fail_on,
        at_most_s=plan.at_most_s,
        closest=lookout.sought.closest if lookout.sought and not watch.hearing.marker else None,
        marker=watch.hearing.marker,
        failed_on=course.failed_on,
        send=plan.send,
        sent=tuple(watch.hearing.sent),
        handoff=handoff,
        uefi_calls=tracer.uefi_calls(),
        uefi_handoff=course.uefi_handoff,
        heard=course.words.heard,
        manager=manager.name,
        boot_screen=watch.hearing.resting.text,
        serial=_serial_text(machine.qemu.serial_log),
        serial_arrivals=watch.hearing.arrivals.every,
        bios_log=watch.loading.bios_log,
        calls_left_out=tracer.left_out,
        foreign_bytes=watch.foreign_bytes if course.handoff else tracer.foreign_bytes,
        cmdline=plan.cmdline if "cmdline" in ROUTES[plan.route].takes else None,
        events=tuple(watch.events),
        network=network,
        faulty_disk=medium.faulty.facts() if medium.faulty else None,
        samples=tuple(watch.looks.samples[-_SAMPLES:]),
        timings={name: round(seconds, 6) for name, seconds in timings.items()},
    )


def _machine_facts(machine: Machine, medium: Medium) -> MachineFacts:
    config, firmware = machine.config, medium.device.firmware
    words = dict(pairwise(machine.qemu.argv))
    return MachineFacts(
        qemu=config.qemu,
        qemu_version=machine.qmp.qemu_version,
        accelerator=config.accelerator,
        machine_type=config.machine_type,
        disk_interface=medium.interface,
        memory_bytes=config.memory_bytes,
        command_line=tuple(machine.qemu.argv),
        bios="seabios" if firmware == "bios" else None,
        bios_file=config.bios,
        firmware=firmware,
        secure_boot=bool(medium.device.secure),
        firmware_asked=config.firmware,
        boot_entries=config.boot_entries,
        firmware_vars=config.firmware_vars,
        cpu=words.get("-cpu"),
        cpu_asked=config.cpu,
        smp=config.smp,
        slow=machine.slow,
    )
