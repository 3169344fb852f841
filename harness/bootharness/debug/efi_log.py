"""The log of a UEFI's recorder as JSON: what gdb's `efi` runs, for gdb has a Python of its own."""

import sys
from pathlib import Path

import msgspec

from bootharness.formats.uefi_record import Decoder
from bootharness.trace.uefi_calls import CallLog

__all__ = ["as_json"]


def as_json(log: bytes) -> bytes:
    """Return the calls in a log, each with all its fields and the name of its error."""
    calls = CallLog()
    calls.feed(Decoder().feed(log))
    return msgspec.json.encode([
        {**{name: getattr(call, name) for name in call.__struct_fields__}, "error": call.error}
        for call in calls.calls(float)
    ])  # fmt: skip


if __name__ == "__main__":
    sys.stdout.buffer.write(as_json(Path(sys.argv[1]).read_bytes()))
