"""What is read of a recording that a stranger made: its manifest, and the trace beside it."""

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec

from bootharness.diagnosis import judge
from bootharness.errors import BootHarnessError, UsageError
from bootharness.formats.qcow2 import empty_overlay
from bootharness.machine.tape import TAPE
from bootharness.recording.fields import FOLLOWED, fields_of
from bootharness.recording.manifest import LOG, MANIFEST, OVERLAY, ROM, Anchor, Recording
from bootharness.recording.questions import questions
from bootharness.report.document import document, read_trace
from tests.support.fuzz_files import TRACE, bent, garbled
from tests.support.fuzz_folder import fuzz_folder

__all__ = ["RECORDING_TARGETS"]


@cache
def _recording() -> tuple[Path, bytes]:
    folder = fuzz_folder("recording")
    for name in (TAPE, ROM, LOG):
        (folder / name).write_bytes(b"x" * 64)
    (folder / OVERLAY).write_bytes(empty_overlay(1 << 20))
    recording = Recording.of(
        folder, qemu="qemu-system-i386", qemu_version="7.2", build="0" * 64, interface="ahci",
        disk_sha256="0" * 64, nic=None, mac=None, end=1000, seconds=0.5,
        anchor=Anchor(1, 10, 0xE0000),
    )  # fmt: skip
    recording.write(folder)
    return folder, (folder / MANIFEST).read_bytes()


def manifest(data: bytes) -> None:
    """Read a manifest that was changed, or that is anything."""
    folder, good = _recording()
    chosen = random.Random(data)
    for text in (
        data,
        garbled(good, chosen),
        msgspec.json.encode(bent(msgspec.json.decode(good), chosen)),
    ):
        (folder / MANIFEST).write_bytes(text)
        try:
            found = Recording.read(folder)
        except UsageError as error:
            assert "\n" not in str(error), error
            continue
        assert found.end > 0
        assert found.anchor is None or 0 <= found.anchor.position <= found.end


def followed(data: bytes) -> None:
    """Ask a trace that was changed what is to be followed back in its recording."""
    values = bent(msgspec.to_builtins(document(TRACE, judge(TRACE))), random.Random(data))
    try:
        trace = read_trace(msgspec.json.encode(values))
    except BootHarnessError:
        return
    for cause in FOLLOWED:
        fields_of(trace, cause)
        questions(trace, cause)


RECORDING_TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (manifest, followed)
}
