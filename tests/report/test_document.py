"""The JSON of a boot: complete, documented, and read back the same."""

import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.errors import UsageError
from bootharness.report.causes_page import causes_page
from bootharness.report.document import SCHEMA_VERSION, document, encode, read_trace, schema
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.milestones import Milestone
from tests.support.record import recorded
from tests.support.traces import handoff, loading_trace, move, read, teletype

TRACE = loading_trace(
    1024,
    [read(2048, 4), *teletype("\x1b[31mé\x00"), move(0x100000, 1024)],
    handoff=handoff(7),
    milestones=(Milestone("banner", 0.5),),
    serial="[0.0] Linux version 6.1 \U0001f427 \\xff\n",
)


def test_trace_comes_back_and_is_judged_the_same() -> None:
    text = encode(document(TRACE, judge(TRACE)))
    again = read_trace(text)
    assert again == TRACE
    assert judge(again) == judge(TRACE)


def test_document_has_what_the_schema_promises() -> None:
    values = json.loads(encode(document(TRACE, judge(TRACE))))
    assert values["schema_version"] == SCHEMA_VERSION
    assert (values["verdict"], values["cause"]) == ("good", None)
    assert values["placed_bytes"] == 1024
    assert values["handoff"]["memory_equal"] is True
    (moved,) = values["block_moves"]
    assert set(moved["table"]) == {"null", "gdt", "source", "destination", "cs", "ss"}
    assert (moved["index"], moved["destination"], moved["bytes"]) == (0, 0x100000, 1024)
    for key in (
        "summary", "kernel", "loader", "machine", "milestones", "bios_calls", "handoff",
        "serial", "timings",
    ):  # fmt: skip
        assert key in values
    promised = schema()
    assert set(values) == set(promised["properties"])


def test_trace_of_version_1_is_read_and_says_what_was_there() -> None:
    values = json.loads(recorded()["ipxe-script-error"])
    assert (values["schema_version"], values["machine"]["bios"]) == (1, "seabios")
    values["network"] |= {"path": "uefi-ipxe", "firmware": "uefi"}
    uefi = read_trace(encode(values))
    assert uefi.machine
    assert (uefi.route, uefi.tracer) == ("uefi-ipxe", "none")
    assert (uefi.machine.firmware, uefi.machine.bios, uefi.machine.disk_interface) == (
        "uefi", None, None,
    )  # fmt: skip
    disk = read_trace(recorded()["payload of 15,735,808 without the carry"])
    assert disk.machine
    assert (disk.route, disk.tracer, disk.machine.firmware, disk.machine.bios) == (
        "mbr", "recorder", "bios", "seabios",
    )  # fmt: skip


def test_trace_of_a_boot_that_did_not_take_place() -> None:
    ending = Ending("skipped", 0.0, "no QEMU", "tool-missing")
    trace = BootTrace("bzImage", "init", ending)
    values = json.loads(encode(document(trace, judge(trace))))
    assert (values["verdict"], values["cause"], values["summary"]) == (
        "skip", "tool-missing", "no QEMU",
    )  # fmt: skip
    assert values["kernel"] is None
    assert read_trace(encode(values)) == trace


def test_schema_in_the_documentation_is_this_one() -> None:
    assert json.loads(Path("docs/trace.schema.json").read_text()) == json.loads(
        json.dumps(schema())
    )


def test_causes_in_the_documentation_are_these() -> None:
    assert Path("docs/causes.md").read_text() == causes_page()


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b'{"schema_version": 1}', b"\xff", b"null"])
def test_other_files_are_refused_with_a_sentence(text: bytes) -> None:
    with pytest.raises(UsageError, match="not a trace of a boot"):
        read_trace(text)


def test_newer_schema_is_refused_with_a_sentence() -> None:
    values = msgspec.to_builtins(document(replace(TRACE), judge(TRACE))) | {
        "schema_version": SCHEMA_VERSION + 1
    }
    with pytest.raises(UsageError, match="use a newer one"):
        read_trace(encode(values))
