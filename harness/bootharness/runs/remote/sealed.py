"""What came of a boot as it travels: small, for one scheduler passes on those of all workers.

The document and the picture are written by columns and compressed as one. Their texts, what the
BIOS and the kernel said among them, go apart: most of it is in `usual.txt`, which both sides have.
"""

import lzma
import re
import zlib
from functools import cache
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import FormatError
from bootharness.formats.columns import from_columns, to_columns
from bootharness.formats.zipped import unzipped
from bootharness.report.document import TRACE_BYTES
from bootharness.runs.picture import pack
from bootharness.runs.result import Attempt
from bootharness.runs.work import pack_trace

__all__ = ["Sealed"]

_SMALL = 1 << 16
"""Of so much the better compression saves a hundred bytes, and takes longer than all else."""
_ZLIB_LEVEL = 9
_LZMA_BYTES = 1 << 26
"""What unpacking may take beside what is unpacked."""
_END = "\r\n"
_STAMP = re.compile(r"\[ *([0-9]{1,9})\.([0-9]{6})\] ")
_MICRO = 10**6


class _Lines(Struct, frozen=True, array_like=True):
    """A text whose lines begin with when they were said, in microseconds, apart; or, of no text,
    only how many of the document's letters it has, the last ones."""

    text: str | int
    stamps: Any = None


class Sealed(Struct, frozen=True):
    """An attempt that is sent."""

    attempt: Attempt
    values: bytes
    texts: bytes

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Seal an attempt, where it was made."""
        if not (attempt.trace and attempt.picture):
            return cls(attempt, b"", b"")
        trace, picture = (
            msgspec.json.decode(unzipped(each, most=TRACE_BYTES))
            for each in (attempt.trace, attempt.picture)
        )
        said = _cut_out(trace)
        drawn = _cut_out(picture)
        values = [to_columns(trace), to_columns(picture)]
        texts = [
            {name: _apart(each) for name, each in said.items()},
            {
                name: _Lines(len(each)) if said.get(name, "").endswith(each) else _apart(each)
                for name, each in drawn.items()
            },
        ]
        return cls(
            replace(attempt, trace=b"", picture=b""),
            _compressed(msgspec.msgpack.encode(values)),
            _deflated(msgspec.msgpack.encode(texts)),
        )

    def opened(self) -> Attempt:
        """Return the attempt, as if it had been made here. Raises FormatError where it has more
        than a trace can have: a worker elsewhere is not believed blindly."""
        if not self.values:
            return self.attempt
        values = msgspec.msgpack.decode(_decompressed(self.values))
        trace, picture = map(from_columns, values)
        said, drawn = msgspec.msgpack.decode(_inflated(self.texts), type=list[dict[str, _Lines]])
        trace |= {name: _together(each) for name, each in said.items()}
        picture |= {
            name: trace[name][-each.text :] if isinstance(each.text, int) else _together(each)
            for name, each in drawn.items()
        }
        return replace(self.attempt, trace=pack_trace(trace), picture=pack(picture))


def _compressed(values: bytes) -> bytes:
    preset = 1 if len(values) < _SMALL else 6
    how = {"id": lzma.FILTER_LZMA2, "preset": preset, "dict_size": 1 << 20, "pb": 0}
    return lzma.compress(values, filters=[how])


def _decompressed(packed: bytes) -> bytes:
    decompressor = lzma.LZMADecompressor(memlimit=_LZMA_BYTES)
    return _whole(decompressor.decompress(packed, TRACE_BYTES), decompressor.eof)


def _whole(content: bytes, ended: bool) -> bytes:
    if not ended:
        raise FormatError(f"cut short, or more than {TRACE_BYTES:,} bytes when it is unpacked")
    return content


def _cut_out(document: dict[str, Any]) -> dict[str, str]:
    """Take the texts out of a document, whose fields stay where they are."""
    texts = {name: each for name, each in document.items() if isinstance(each, str) and each}
    document |= dict.fromkeys(texts)
    return texts


def _apart(text: str) -> _Lines:
    lines, stamps = text.split(_END), list[int | None]()
    for number, line in enumerate(lines):
        found = _STAMP.match(line)
        stamp = int(found[1]) * _MICRO + int(found[2]) if found else None
        if found and stamp is not None and found[0] == _stamped(stamp):
            lines[number] = line[found.end() :]
        else:
            stamp = None
        stamps.append(stamp)
    return _Lines(_END.join(lines), to_columns(stamps)) if any(stamps) else _Lines(text)


def _together(lines: _Lines) -> str:
    assert isinstance(lines.text, str)
    if not lines.stamps:
        return lines.text
    each = zip(from_columns(lines.stamps), lines.text.split(_END), strict=True)
    return _END.join(line if stamp is None else _stamped(stamp) + line for stamp, line in each)


def _stamped(stamp: int) -> str:
    """Return when a line was said, as Linux writes it."""
    return f"[{stamp // _MICRO:5}.{stamp % _MICRO:06}] "


def _deflated(text: bytes) -> bytes:
    deflating = zlib.compressobj(_ZLIB_LEVEL, zdict=_usual())
    return deflating.compress(text) + deflating.flush()


def _inflated(packed: bytes) -> bytes:
    inflating = zlib.decompressobj(zdict=_usual())
    return _whole(inflating.decompress(packed, TRACE_BYTES), inflating.eof)


@cache
def _usual() -> bytes:
    return Path(__file__).with_name("usual.txt").read_bytes().replace(b"\n", _END.encode())
