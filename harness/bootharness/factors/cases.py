"""Cases for `factors`: of every kernel that was booted what came of it, and what is known of it."""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from io import StringIO
from pathlib import Path

from msgspec import Struct, field

from bootharness.errors import UsageError
from bootharness.factors.results import RESULTS_BYTES, Known
from bootharness.factors.rules import Case
from bootharness.factors.values import Value, read_column
from bootharness.host.regular import is_regular, read_regular
from bootharness.kernels.image import FILE_LIMIT
from bootharness.text import hint

__all__ = ["cases", "read_features"]

_CONFIGURATION_BYTES = 1 << 24
_OF_THE_BANNER = ("compiler", "compiler version")
_SYMBOL = re.compile(r"^(?:(CONFIG_\w+)=(.*)|# (CONFIG_\w+) is not set)$", re.MULTILINE)


class _Boots(Struct):
    """The boots of one kernel in one way, and what they say of it."""

    first: Known
    verdicts: Counter[str] = field(default_factory=Counter)
    features: dict[str, Value] = field(default_factory=dict)


def cases(
    known: Iterable[Known], *, cause: str | None, more: dict[str, dict[str, Value]]
) -> list[Case]:
    """Return a case of each kernel that was found out about, in each way that it was booted.

    With a ``cause`` what is bad for another one is left out. ``more`` are features by kernel, by
    its source or its file's name; a configuration that lies beside a kernel is taken too. What the
    banner says of a kernel holds for its other boots, in which none may have come.

    Raises UsageError for a cause that none of them has.
    """
    found: dict[tuple[str, ...], _Boots] = {}
    banners: dict[str, dict[str, Value]] = {}
    causes: set[str] = set()
    for each in known:
        if each.verdict == "bad" and each.cause:
            causes.add(each.cause)
        banner = {name: each.features[name] for name in _OF_THE_BANNER if name in each.features}
        if banner and each.sha256:
            banners[each.sha256] = banner
        if each.verdict == "skip" or (each.verdict == "bad" and cause and each.cause != cause):
            continue
        told = sorted(
            f"{name} {value}" for name, value in each.features.items()
            if name not in _OF_THE_BANNER
        )  # fmt: skip
        boots = found.setdefault((each.name, each.sha256, *told), _Boots(each))
        boots.verdicts[each.verdict] += 1
        boots.features |= each.features
    if cause and cause not in causes:
        others = hint(cause, sorted(causes)) if causes else "none is bad at all"
        raise UsageError(f"--cause {cause}: none of these kernels is bad with it; {others}")
    return [_case(each, banners, more) for each in found.values()]


def _case(
    boots: _Boots, banners: dict[str, dict[str, Value]], more: dict[str, dict[str, Value]]
) -> Case:
    kernel = boots.first
    names = (kernel.name, kernel.source, Path(kernel.source).name)
    own = next((more[name] for name in names if name in more), {})
    features = banners.get(kernel.sha256, {}) | boots.features
    features = features | _configuration(kernel.source, str(features.get("release", ""))) | own
    bad, times = boots.verdicts["bad"], boots.verdicts.total()
    return Case(kernel.name, 2 * bad >= times, features, times, bad, kernel.sha256 or kernel.source)


def read_features(path: Path) -> dict[str, dict[str, Value]]:
    """Return what a CSV file says of kernels, by its first column.

    Raises UsageError when it is none.
    """
    try:
        text = read_regular(path, most=RESULTS_BYTES).decode()
        reader = csv.DictReader(StringIO(text, newline=""), restval="")
        rows, names = [*reader], [*(reader.fieldnames or ())]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: not a CSV file: {error}") from error
    first = next(iter(names), None)
    if first is None or len(names) < 2:
        raise UsageError(f"{path}: the first line names the columns, the kernel's first")
    found: dict[str, dict[str, Value]] = {row[first]: {} for row in rows}
    for name in names[1:]:
        there = [row for row in rows if row[name]]
        column = read_column(name, [row[name] for row in there])
        for row, value in zip(there, column, strict=True):
            found[row[first]][name] = value
    return found


def _configuration(source: str, release: str) -> dict[str, Value]:
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
