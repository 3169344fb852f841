"""What a worker does: boot one cell and judge it."""

import time
import zlib
from dataclasses import replace
from pathlib import Path

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import CouldNotFindOut
from bootharness.one_boot import boot_direct, boot_grub, boot_net_source, boot_source
from bootharness.report.document import document, encode
from bootharness.routes.loader import Loader
from bootharness.runs.cell import STAGE1, Cell
from bootharness.runs.picture import pack, picture
from bootharness.runs.result import Attempt, BootFacts
from bootharness.runs.warnings import console_warnings
from bootharness.trace.boot_trace import BootTrace

__all__ = ["boot_cell", "boot_facts", "named_loader", "skipped"]

# `bootharness boot` does not know these
_OWN_PATHS = ("direct", "grub")
# the second level takes a third of the time of the sixth, for a tenth more bytes
_ZLIB_LEVEL = 2


def boot_cell(cell: Cell) -> Attempt:
    """Boot a cell once. What keeps us from finding out is an attempt too, with verdict SKIP.

    Raises UsageError for what cannot be built.
    """
    began = time.monotonic()
    try:
        trace = _boot(cell)
    except CouldNotFindOut as error:
        return skipped(error)
    judgement = judge(trace)
    return Attempt(
        verdict=judgement.verdict,
        cause=judgement.cause,
        sentence=judgement.summary,
        seconds=round(time.monotonic() - began, 3),
        facts=boot_facts(trace),
        picture=pack(picture(trace, judgement, None if cell.path in _OWN_PATHS else cell.plan)),
        trace=zlib.compress(encode(document(trace, judgement)), _ZLIB_LEVEL),
    )


def skipped(error: CouldNotFindOut) -> Attempt:
    """Return an attempt that found nothing out."""
    return Attempt(Verdict.SKIP, error.cause, str(error))


def named_loader(name: str) -> Loader:
    """Return a cell's loader. Raises UsageError when it cannot be read."""
    return Loader.stage1() if name == STAGE1 else Loader.read(Path(name))


def _boot(cell: Cell) -> BootTrace:
    if cell.plan.net:
        return boot_net_source(cell.kernel, cell.plan)
    if cell.path == "direct":
        return boot_direct(cell.kernel, cell.plan)
    if cell.path == "grub":
        return boot_grub(cell.kernel, cell.plan)
    return boot_source(cell.kernel, named_loader(cell.loader), cell.plan)


def boot_facts(trace: BootTrace) -> BootFacts:
    """Return what of a boot is compared with others."""
    facts = BootFacts(
        milestones={point.name: point.seconds for point in trace.milestones},
        warnings=console_warnings(trace.serial),
        qemu_version=trace.machine.qemu_version if trace.machine else "",
        accelerator=trace.machine.accelerator if trace.machine else "",
    )
    if trace.kernel is None:
        return facts
    kernel, header = trace.kernel, trace.kernel.header
    return replace(
        facts,
        release=kernel.release,
        sha256=kernel.sha256,
        file_bytes=kernel.file_bytes,
        payload_bytes=kernel.payload_bytes,
        setup_sects=header.setup_sects,
        init_size=header.init_size or 0,
        protocol=f"{header.version >> 8}.{header.version & 0xFF:02}",
        compression=kernel.compression,
    )
