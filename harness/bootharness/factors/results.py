"""What boots, gates and hunts have written of kernels, and the history, as one list."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.factors.values import Value
from bootharness.host.regular import read_regular
from bootharness.plan import BootPlan
from bootharness.runs.compiler import compiler_of, console_compiler
from bootharness.runs.history import History
from bootharness.runs.result import BootFacts

__all__ = ["RESULTS_BYTES", "Known", "read_results"]

RESULTS_BYTES = 1 << 30
"""The most that a file of results, or of features, may have."""
_MEASURED = (
    "release",
    "payload_bytes",
    "file_bytes",
    "setup_sects",
    "init_size",
    "protocol",
    "compression",
)


class Known(Struct, frozen=True):
    """What one boot says: of which kernel, its verdict and cause, and what was measured.

    ``sha256`` is the kernel's digest, empty where it is not known.
    """

    name: str
    source: str
    verdict: str
    cause: str | None
    features: dict[str, Value]
    sha256: str = ""


def read_results(paths: Iterable[Path], history: Path | None) -> Iterator[Known]:
    """Yield what files of JSON say, those of `boot`, `gate` and `bisect`, or the history.

    Raises UsageError, naming the file, for anything else.
    """
    for path in paths:
        try:
            document = msgspec.json.decode(read_regular(path, most=RESULTS_BYTES))
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
                cell = past.result.cell
                name = f"{cell.kernel} ({cell.plan.route}, {Path(cell.plan.loader).name})"
                for each in past.result.attempts:
                    features = _facts(each.facts) | _way(cell.plan)
                    yield Known(name, cell.kernel, each.verdict, each.cause, features,
                                each.facts.sha256)  # fmt: skip


def _document(document: Any) -> Iterator[Known]:
    if isinstance(document, list):
        for each in document:
            yield from _document(each)
    elif "boots" in document:
        for each in document["boots"]:
            facts = msgspec.convert(each["facts"], BootFacts)
            yield Known(each["label"], each["source"], each["verdict"], each["cause"],
                        _facts(facts), facts.sha256)  # fmt: skip
    elif "entries" in document:
        for each in document["entries"]:
            way = _way(msgspec.convert(each["cell"]["plan"], BootPlan))
            kernel = each["cell"]["kernel"]
            name = f"{kernel} ({each['way']})" if each["way"] else kernel
            for attempt in each["attempts"]:
                facts = msgspec.convert(attempt["facts"], BootFacts)
                yield Known(name, kernel, attempt["verdict"], attempt["cause"],
                            _facts(facts) | way, facts.sha256)  # fmt: skip
    else:
        yield _trace(document)


def _trace(trace: Any) -> Known:
    kernel = trace["kernel"] or {}
    header = kernel.get("header") or {}
    measured = header | kernel
    features = {name: measured[name] for name in _MEASURED if measured.get(name)}
    features |= compiler_of(console_compiler(trace["serial"]))
    if trace["loader"]:
        features["loader"] = trace["loader"]["name"]
    return Known(trace["source"], trace["source"], trace["verdict"], trace["cause"], features,
                 kernel.get("sha256", ""))  # fmt: skip


def _facts(facts: BootFacts) -> dict[str, Value]:
    if not facts.sha256:
        return {}
    measured = {name: getattr(facts, name) for name in _MEASURED if getattr(facts, name)}
    return measured | compiler_of(facts.compiler)


def _way(plan: BootPlan) -> dict[str, Value]:
    machine = plan.machine
    return {
        "loader": plan.loader,
        "route": plan.route,
        "memory_mib": machine.memory_mib,
        "machine type": machine.machine_type,
        **({"CPU": machine.cpu} if machine.cpu else {}),
        **({"CPUs": machine.smp} if machine.smp > 1 else {}),
        "disk interface": machine.disk_interface,
    }
