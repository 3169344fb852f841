"""Writes an image to the first hard disk of a machine, which fetches it by its wire; or asks what
disk that is."""

import time
from contextlib import ExitStack

from bootharness.errors import DiskNotWritten, LineLost, UsageError
from bootharness.formats.ethernet import ip_bytes
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.hardware.desk import Desk
from bootharness.hardware.disk_parcels import DiskOrder, parcels, question
from bootharness.hardware.disk_report import DiskReport, SeenDisk, why_refused
from bootharness.hardware.line import Line
from bootharness.hardware.machines import HardwareMachine
from bootharness.hardware.recorder_forms import divisor
from bootharness.hardware.wired import program_image, wired
from bootharness.host.assembler import assemble_flat, shipped
from bootharness.host.deadline import Deadline
from bootharness.network.addresses import SERVER_HOST
from bootharness.plan import BootPlan
from bootharness.routes.disk import DiskImage

__all__ = ["see_disk", "write_disk"]

_PROGRAM = "disk-writer.0"
_SLOWEST_BYTES_PER_S = 100_000
_READ_S = 0.25


def write_disk(machine: HardwareMachine, image: DiskImage, word: str) -> SeenDisk:
    """Write an image, zeros and all, to the disk that a person calls by ``word``, its signature or
    its serial number; read back, it has the sums of the image. Return what disk that was.

    The machine compares, and writes nothing to any other. Raises UsageError for another disk and
    for what cannot be, DiskNotWritten where it was not written whole.
    """
    if machine.wire is None:
        raise UsageError(f"[{machine.name}] wire: an image comes by it, and there is none")
    if image.shape.kind != "disk":
        raise UsageError(f"{image.source}: it is no image of a hard disk")
    order = DiskOrder.named(word)
    sectors = -(-image.size_bytes // SECTOR_BYTES)
    files = parcels(order, image.read, sectors)
    limit_s = machine.timeout_seconds + image.size_bytes / _SLOWEST_BYTES_PER_S
    return _came_of_it(machine, _told(machine, files, limit_s), word, sectors)


def see_disk(machine: HardwareMachine) -> SeenDisk:
    """Switch a machine on, have it say what its first hard disk is, and switch it off.

    Raises UsageError without a wire, DiskNotWritten and LineLost where it does not say.
    """
    if machine.wire is None:
        raise UsageError(f"[{machine.name}] wire: who asks for its disk comes by it; there is none")
    report = _told(machine, question(), machine.timeout_seconds)
    if report.disk and report.refused:
        return report.disk
    return _came_of_it(machine, report, "", 0)


def _told(machine: HardwareMachine, files: dict[str, bytes], limit_s: float) -> DiskReport:
    """Return what the boot program tells that fetches the files."""
    program = assemble_flat(
        shipped("mbr/disk_writer.asm"),
        DIVISOR=divisor(machine.baud),
        SERVER=int.from_bytes(ip_bytes(machine.proxy or SERVER_HOST), "little"),
    )
    with ExitStack() as stack:
        desk = stack.enter_context(Desk(machine))
        served = program_image(_PROGRAM, program, files)
        wire = stack.enter_context(wired(machine, served, BootPlan(), None))
        desk.on()
        wire.connection.started(time.monotonic())
        report = _heard(desk.line, limit_s, machine.silent_seconds)
        wire.interface.check()
    return report


def _heard(line: Line, limit_s: float, silent_s: float) -> DiskReport:
    """Return what was told until the machine has stopped, or says nothing any more."""
    report, limit, silence = DiskReport(), Deadline.after(limit_s), Deadline.after(silent_s)
    while not (report.over or limit.expired or silence.expired):
        fresh = line.read(min(_READ_S, limit.remaining))
        if fresh:
            silence = Deadline.after(silent_s)
        report.feed(fresh)
    return report


def _came_of_it(machine: HardwareMachine, report: DiskReport, word: str, sectors: int) -> SeenDisk:
    disk, name = report.disk, machine.name
    if disk and report.written:
        return disk
    if disk and report.refused:
        why = why_refused(disk, word, sectors)
        raise UsageError(
            f"--write-disk {word}: the disk of {name} has {disk}; {why}: nothing was written"
        )
    if report.why:
        raise DiskNotWritten(f"the disk of {name} is not written: {report.why}")
    if disk:
        raise DiskNotWritten(f"{name} stopped telling while its disk was written: write it again")
    raise LineLost(
        f"{machine.line}: the boot program that writes disks has told nothing: does {name} boot "
        "from the network first, and is the baud rate its own?"
    )
