"""For how long a script of iPXE's waits of its own will."""

import math
import re
from collections.abc import Iterable

__all__ = ["sleep_s"]

_VALUE = rb"(\d{1,9}|\$\{[^}\r\n]{1,60}\})(?![^\s|&])"
_SLEEP = re.compile(rb"(?:^|[\s|&])sleep[ \t]+" + _VALUE)
_TIMEOUT = re.compile(
    rb"(?:^|[\s|&])(?:prompt|choose|sync)\b[^\r\n]{0,200}?(?:--timeout|-t)[ \t=]+" + _VALUE
)
_SET = re.compile(rb"(?:^|[\s|&])set[ \t]+([^\s:]{1,60})(?::\w{1,12})?[ \t]+" + _VALUE)
_DEPTH = 4
"""How many settings may lead to one another; who wrote them is not to be trusted."""


def sleep_s(scripts: Iterable[bytes]) -> float:
    """Return for how long scripts may wait, in seconds: asleep, or for a key. One wait may follow
    another, and nothing be asked for between. Infinity where a setting says it that no script has.
    """
    text = b"\n".join(each for each in scripts if each.startswith(b"#!ipxe"))
    settings: dict[bytes, set[bytes]] = {}
    for name, value in _SET.findall(text):
        settings.setdefault(name, set()).add(value)
    asleep = sum(_most(value, settings) for value in _SLEEP.findall(text))
    return asleep + sum(_most(value, settings) / 1000 for value in _TIMEOUT.findall(text))


def _most(value: bytes, settings: dict[bytes, set[bytes]], depth: int = _DEPTH) -> float:
    if not value.startswith(b"$"):
        return float(value)
    name = value[2:-1].partition(b":")[0]
    values = settings.get(name, ()) if depth else ()
    return max((_most(each, settings, depth - 1) for each in values), default=math.inf)
