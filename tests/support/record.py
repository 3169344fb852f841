"""Boot faults and keep the traces, for the rules to be tested on what machines really did.

python -m tests.support.record [NAME...] boots all, or those whose name has a NAME in it, and
writes tests/support/recorded.jsonl.xz; each line names a boot and has its trace.
"""

import json
import lzma
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bootharness.diagnosis import judge
from bootharness.report.document import SCHEMA_VERSION
from bootharness.trace.boot_trace import BootTrace
from tests.support import net_matrix
from tests.support.faults import BROUGHT, FAULTS, run

__all__ = ["RECORDED", "recorded"]

RECORDED = Path(__file__).with_name("recorded.jsonl.xz")
NET_PATHS = ("ipxe", "ipxe-http", "pxelinux")
# what is kept has to stay small: those with more are told by others of their kind
_MOST_BYTES = 600_000
_TIME = re.compile(r"(\d+\.\d{3})\d+")


class _Boot(msgspec.Struct):
    name: str
    trace: msgspec.Raw


def recorded() -> dict[str, bytes]:
    """Return the traces that were kept, as JSON, by the names of their boots."""
    lines = lzma.decompress(RECORDED.read_bytes()).splitlines()
    boots = [msgspec.json.decode(line, type=_Boot) for line in lines]
    return {boot.name: bytes(boot.trace) for boot in boots}


def _traces(wanted: list[str]) -> Iterator[tuple[str, BootTrace]]:
    for faults, brought in ((FAULTS, False), (BROUGHT, True)):
        for fault in faults:
            name = fault.name + ", brought" * brought
            if not wanted or any(each in name for each in wanted):
                with tempfile.TemporaryDirectory() as folder:
                    yield name, run(fault, Path(folder), brought=brought)
    for case in net_matrix.cases():
        if case.path in NET_PATHS and (not wanted or any(each in str(case) for each in wanted)):
            yield str(case), net_matrix.run(case)


def _text(trace: BootTrace) -> str:
    """Return a trace as JSON, in milliseconds and without what the temporary folder was called."""
    text = json.dumps(msgspec.to_builtins(trace) | {"schema_version": SCHEMA_VERSION})
    text = _TIME.sub(r"\1", text)
    folder = tempfile.gettempdir() + "/tmp"
    while folder in text:
        begin = text.index(folder)
        text = text.replace(text[begin : begin + len(folder) + 8], "/recorded")
    return text


def main() -> None:
    """Boot, and keep the traces together with those that are there already."""
    kept = recorded() if RECORDED.exists() else {}
    texts = {name: trace.decode() for name, trace in kept.items()}
    for name, trace in _traces(sys.argv[1:]):
        print(f"{name}: {judge(trace).cause or 'good'}", flush=True)
        if len(text := _text(trace)) < _MOST_BYTES:
            texts[name] = text
    lines = (f'{{"name": {json.dumps(name)}, "trace": {text}}}\n' for name, text in texts.items())
    RECORDED.write_bytes(lzma.compress("".join(lines).encode(), preset=9))


if __name__ == "__main__":
    main()
