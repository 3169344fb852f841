"""Cases for `factors`: what boots, gates and hunts have written, and the history, of kernels."""

import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import StringIO
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.factors.rules import Case
from bootharness.host.regular import is_regular, read_regular
from bootharness.kernels.image import FILE_LIMIT
from bootharness.runs.history import History
from bootharness.runs.result import BootFacts

__all__ = ["Known", "cases", "read_features", "read_results"]

_RESULTS_BYTES = 1 << 30
_CONFIGURATION_BYTES = 1 << 24
_MEASURED = (
    "payload_bytes",
    "file_bytes",
    "setup_sects",
    "init_size",
    "protocol",
    "compression",
)
_COMPILER = re.compile(
    r"Linux version \S+ \([^()]*\) \((?P<compiler>\S+) \(.*?\) (?P<version>[\d.]+)"
)
_SYMBOL = re.compile(r"^(?:(CONFIG_\w+)=(.*)|# (CONFIG_\w+) is not set)$", re.MULTILINE)


class Known(Struct, frozen=True):
    """What one result says: of which kernel, its verdict and cause, and what was measured."""

    name: str
    source: str
    verdict: str
    cause: str | None
    features: dict[str, int | float | str]


def cases(
    known: Iterable[Known], *, cause: str | None, more: dict[str, dict[str, int | float | str]]
) -> list[Case]:
    """Return a case of each kernel that was found out about.

    With a ``cause`` a kernel that is bad for another one is left out. ``more`` are features
    by kernel, by its source or its file's name; a configuration that lies beside a kernel is
    taken too.
    """
    found: dict[str, Case] = {}
    for each in known:
        bad = each.verdict == "bad"
        if each.verdict == "skip" or (bad and cause and each.cause != cause):
            continue
        names = (each.name, each.source, Path(each.source).name)
        own = next((more[name] for name in names if name in more), {})
        release = str(each.features.get("release", ""))
        features = {name: value for name, value in each.features.items() if name != "release"}
        features |= _configuration(each.source, release) | own
        found[each.name] = Case(each.name, bad, features)
    return [*found.values()]


def read_results(paths: Iterable[Path], history: Path | None) -> Iterator[Known]:
    """Yield what files of JSON say, those of `boot`, `gate` and `bisect`, or the history.

    Raises UsageError, naming the file, for anything else.
    """
    for path in paths:
        try:
            document = msgspec.json.decode(read_regular(path, most=_RESULTS_BYTES))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"{path}: not a JSON file of results: {error}") from error
        try:
            for known in _document(document):
                yield msgspec.convert(msgspec.to_builtins(known), Known)
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError,
                msgspec.ValidationError) as error:  # fmt: skip
            raise UsageError(f"{path}: not what boot, gate or bisect --json writes") from error
    if history:
        with History(history) as results:
            for past in results.results():
                cell, seen = past.result.cell, past.result.decisive
                features = _facts(seen.facts) | {
                    "loader": cell.plan.loader,
                    "route": cell.plan.route,
                }
                features["memory_mib"] = cell.plan.machine.memory_mib
                name = f"{cell.kernel} ({cell.plan.route}, {Path(cell.plan.loader).name})"
                yield Known(name, cell.kernel, seen.verdict, seen.cause, features)


def _document(document: Any) -> Iterator[Known]:
    if isinstance(document, list):
        for each in document:
            yield from _document(each)
    elif "boots" in document:
        for each in document["boots"]:
            features = _facts(msgspec.convert(each["facts"], BootFacts))
            yield Known(each["label"], each["source"], each["verdict"], each["cause"], features)
    elif "entries" in document:
        for each in document["entries"]:
            facts = msgspec.convert(each["attempts"][0]["facts"], BootFacts)
            plan = each["cell"]["plan"]
            way = {"loader": plan["loader"], "route": plan["route"]}
            kernel = each["cell"]["kernel"]
            name = f"{kernel} ({each['way']})" if each["way"] else kernel
            yield Known(name, kernel, each["verdict"], each["cause"], _facts(facts) | way)
    else:
        yield _trace(document)


def _trace(trace: Any) -> Known:
    kernel = trace["kernel"] or {}
    features = {name: kernel[name] for name in _MEASURED if name in kernel}
    header = kernel.get("header") or {}
    features |= {name: header[name] for name in ("setup_sects", "init_size") if header.get(name)}
    if kernel:
        features["release"] = kernel["release"]
    if compiler := _COMPILER.search(trace["serial"]):
        features["compiler"] = compiler["compiler"]
        features["compiler version"] = compiler["version"]
    if trace["loader"]:
        features["loader"] = trace["loader"]["name"]
    return Known(trace["source"], trace["source"], trace["verdict"], trace["cause"], features)


def _facts(facts: BootFacts) -> dict[str, int | float | str]:
    measured = {name: getattr(facts, name) for name in (*_MEASURED, "release")}
    return measured if facts.sha256 else {}


def read_features(path: Path) -> dict[str, dict[str, int | float | str]]:
    """Return what a CSV file says of kernels, by its first column.

    Raises UsageError when it is none.
    """
    try:
        text = read_regular(path, most=_RESULTS_BYTES).decode()
        reader = csv.DictReader(StringIO(text, newline=""), restval="")
        rows, names = [*reader], [*(reader.fieldnames or ())]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: not a CSV file: {error}") from error
    first = next(iter(names), None)
    if first is None or len(names) < 2:
        raise UsageError(f"{path}: the first line names the columns, the kernel's first")
    return {
        row[first]: {name: _value(row[name]) for name in names if name != first and row[name]}
        for row in rows
    }


def _value(text: str) -> int | float | str:
    """Return a number where it is one: 6.10 is a version and not 6.1."""
    for kind in (int, float):
        with suppress(ValueError, OverflowError):
            if str(kind(text)) == text and isfinite(kind(text)):
                return kind(text)
    return text


def _configuration(source: str, release: str) -> dict[str, int | float | str]:
    """Return the symbols of a configuration that lies beside a kernel's file."""
    path = Path(source)
    if not is_regular(path, most=FILE_LIMIT):
        return {}
    beside = (Path(f"{path}.config"), path.parent / f"config-{release.replace('/', '')}")
    for place in beside:
        with suppress(UsageError):  # it is not there
            text = read_regular(place, most=_CONFIGURATION_BYTES).decode(errors="replace")
            return {found[1] or found[3]: found[2] or "n" for found in _SYMBOL.finditer(text)}
    return {}
