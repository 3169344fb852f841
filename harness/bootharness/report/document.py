"""A boot as JSON: the trace, its verdict, and what follows from both.

The schema has a version: within one version fields are added but never change their
meaning. docs/trace.schema.json is made from this file.
"""

import inspect
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bootharness.diagnosis import Diagnosis, Judgement, Verdict
from bootharness.errors import FormatError, UsageError
from bootharness.report.fields import field_meanings, structs_in
from bootharness.text import plainly
from bootharness.trace.block_moves import BlockMove
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.bounds import check_bounds
from bootharness.trace.proof import Proof

__all__ = ["SCHEMA_VERSION", "TRACE_BYTES", "document", "encode", "read_trace", "schema",
           "schema_of"]  # fmt: skip

SCHEMA_VERSION = 2
TRACE_BYTES = 1 << 28
"""More than any boot gives: its recording has 16 MiB at most."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Derived(Struct, frozen=True):
    """What stands beside the trace's own fields."""

    schema_version: int
    verdict: Verdict
    cause: str | None
    summary: str
    diagnosis: Diagnosis | None
    consequences: tuple[Diagnosis, ...]
    warnings: tuple[str, ...]
    placed_bytes: int
    proof: Proof
    screen: str
    block_moves: tuple[BlockMove, ...]


def document(trace: BootTrace, judgement: Judgement) -> dict[str, Any]:
    """Return the JSON document of a boot: its fields by name, for `encode`."""
    derived = _Derived(
        schema_version=SCHEMA_VERSION,
        verdict=judgement.verdict,
        cause=judgement.cause,
        summary=judgement.summary,
        diagnosis=judgement.diagnosis,
        consequences=judgement.consequences,
        warnings=judgement.warnings,
        placed_bytes=trace.placed_bytes,
        proof=trace.proof,
        screen=trace.screen,
        block_moves=trace.block_moves,
    )
    # as values they are: as plain ones a boot of many calls would fill the memory twice
    result = {
        name: getattr(part, name) for part in (derived, trace) for name in part.__struct_fields__
    }
    if trace.handoff:
        equal = {"memory_equal": trace.handoff.memory_equal}
        result["handoff"] = msgspec.to_builtins(trace.handoff) | equal
    return result


def encode(document: dict[str, Any]) -> bytes:
    """Return a document as text, indented, with a newline at its end."""
    try:
        text = msgspec.json.encode(document)
    except UnicodeEncodeError:  # a path that is not UTF-8
        text = msgspec.json.encode(_valid(msgspec.to_builtins(document)))
    return msgspec.json.format(text, indent=1) + b"\n"


def _valid(value: Any) -> Any:
    """Return plain values with escapes for the bytes that are no text."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {key: _valid(each) for key, each in value.items()}
        case list() | tuple():
            return [_valid(each) for each in value]
    return value


def read_trace(text: bytes) -> BootTrace:
    """Return the trace in a JSON document; what is derived is left for judging again.

    Raises UsageError, naming the field, when it is not such a document, or is of a newer version.
    """
    try:
        version = msgspec.json.decode(text, type=_Version).schema_version
        if version > SCHEMA_VERSION:
            raise UsageError(
                f"the trace has schema version {version}, and this bootharness knows up to "
                f"{SCHEMA_VERSION}: use a newer one"
            )
        trace = msgspec.json.decode(text, type=BootTrace)
        check_bounds(trace)
        return trace if version == SCHEMA_VERSION else _of_version_1(trace)
    except (msgspec.DecodeError, ValueError, FormatError) as error:
        raise UsageError(
            f"not a trace of a boot, as `boot --json` writes it: {plainly(error)}"
        ) from error


def _of_version_1(trace: BootTrace) -> BootTrace:
    """Return a trace of version 1, which did not tell its route, as one of today.

    It said of a UEFI that it was SeaBIOS, with a recorder, and of a network that it was a disk.
    """
    network, disk, loader, machine = trace.network, trace.disk, trace.loader, trace.machine
    route = "mbr" if loader or not machine else "disk" if disk else "direct"
    if loader and loader.name == "GRUB":
        route = "grub"
    trace = replace(trace, route=network.path if network else route)
    if machine and not disk:
        machine = replace(machine, disk_interface=None)
    if machine and network and network.firmware == "uefi":
        machine = replace(machine, firmware="uefi", bios=None)
        trace = replace(trace, tracer="none")
    return replace(trace, machine=machine)


class _Version(msgspec.Struct):
    schema_version: int


def schema_of(document: type, title: str) -> dict[str, Any]:
    """Return the JSON Schema of another of our documents."""
    (reference,), definitions = msgspec.json.schema_components(
        (document,), ref_template="#/$defs/{name}"
    )
    _describe(definitions, document)
    top = definitions.pop(reference["$ref"].rpartition("/")[2])
    return {"$schema": _DIALECT, **top, "title": title, "$defs": definitions}


def _describe(definitions: dict[str, dict[str, Any]], *documents: type) -> None:
    """Say of every field what it means, and set docstrings to the left, which Python indents up
    to 3.12."""
    kinds = {kind.__name__: kind for document in documents for kind in structs_in(document)}
    for name, definition in definitions.items():
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
        meanings = field_meanings(kinds[name]) if name in kinds else {}
        for field, schema in definition.get("properties", {}).items():
            if field in meanings:
                schema["description"] = meanings[field]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    (derived, trace), definitions = msgspec.json.schema_components(
        (_Derived, BootTrace), ref_template="#/$defs/{name}"
    )
    _describe(definitions, _Derived, BootTrace)
    first, second = (definitions.pop(part["$ref"].rpartition("/")[2]) for part in (derived, trace))
    definitions["Handoff"]["properties"]["memory_equal"] = {"type": ["boolean", "null"]}
    return {
        "$schema": _DIALECT,
        "title": f"bootharness trace, version {SCHEMA_VERSION}",
        "type": "object",
        "properties": first["properties"] | second["properties"],
        "required": [*first["required"], *second["required"]],
        "$defs": definitions,
    }
