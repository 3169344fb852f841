"""What a worker does: boot one cell and judge it."""

import time
import zlib
from typing import Any

from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import CouldNotFindOut
from bootharness.one_boot import boot
from bootharness.plan import QEMU
from bootharness.report.document import document, encode
from bootharness.runs.cell import Cell
from bootharness.runs.compiler import console_compiler
from bootharness.runs.picture import pack, picture
from bootharness.runs.result import Attempt, BootFacts
from bootharness.runs.warnings import console_warnings
from bootharness.runs.where import this_host
from bootharness.trace.boot_trace import BootTrace

__all__ = ["boot_cell", "boot_facts", "pack_trace", "skipped"]

# the second level takes a third of the time of the sixth, for a tenth more bytes
_ZLIB_LEVEL = 2


def boot_cell(cell: Cell) -> Attempt:
    """Boot a cell once, on this computer. What keeps us from finding out is an attempt too, with
    verdict SKIP.

    Raises UsageError for what cannot be built.
    """
    began = time.monotonic()
    trace = boot(cell.kernel, cell.plan)
    judgement = judge(trace)
    return Attempt(
        verdict=judgement.verdict,
        cause=judgement.cause,
        sentence=judgement.summary,
        seconds=round(time.monotonic() - began, 3),
        facts=replace(boot_facts(trace), survived=judgement.warnings),
        picture=pack(picture(trace, judgement)),
        trace=pack_trace(document(trace, judgement)),
        host=this_host(),
    )


def _real(trace: BootTrace) -> str:
    return "" if trace.host.name == QEMU else trace.host.name


def pack_trace(document: dict[str, Any]) -> bytes:
    """Return the document of a boot as it is kept."""
    return zlib.compress(encode(document), _ZLIB_LEVEL)


def skipped(error: CouldNotFindOut) -> Attempt:
    """Return an attempt that found nothing out."""
    return Attempt(Verdict.SKIP, error.cause, str(error))


def boot_facts(trace: BootTrace) -> BootFacts:
    """Return what of a boot is compared with others."""
    facts = BootFacts(
        milestones={point.name: point.seconds for point in trace.milestones},
        warnings=console_warnings(trace.serial),
        qemu_version=trace.machine.qemu_version if trace.machine else "",
        # seconds of a real machine are compared with its own alone
        accelerator=trace.machine.accelerator if trace.machine else _real(trace),
        compiler=console_compiler(trace.serial),
        guest_s=trace.guest_s,
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
        protocol=header.protocol,
        compression=kernel.compression,
    )
