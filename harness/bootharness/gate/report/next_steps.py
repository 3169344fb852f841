"""What to do next about boots that fail: to see one, to bisect it, to hold it as it is."""

import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from glob import escape

from bootharness.gate.groups import Group
from bootharness.gate.outcome import Standing
from bootharness.plan import OPTIONS, chosen

__all__ = ["next_steps", "stanza"]

_DAYS = 90
"""How long an expectation holds that nobody has thought about yet."""


def next_steps(group: Group) -> Iterator[tuple[str, str]]:
    """Yield what each step is for, and the command, or the lines of a matrix."""
    entry = group.first
    yield "reproduce", entry.again
    if group.standing is Standing.UNKNOWN:
        return
    if bisect := _bisect(group):
        yield "bisect", bisect
    if entry.result.decisive.cause:
        yield "hold", stanza(group)


def _bisect(group: Group) -> str:
    """Return the command that finds what broke it, from the last good kernel to the first bad one;
    where that is the same file, built anew, from commits."""
    since, cell = group.first.since, group.first.result.cell
    if not since or not since.last_good or not since.first_bad:
        return ""
    good, bad = since.last_good.kernel, since.first_bad.kernel
    how = shlex.split(group.first.again)[3:]
    if good == bad:
        built = ["bootharness", "bisect", "git", "GOOD", "BAD", "--build", "COMMAND"]
        return shlex.join([*built, "--image", cell.kernel, *how])
    return shlex.join(["bootharness", "bisect", good, bad, *how])


def stanza(group: Group) -> str:
    """Return the lines of a matrix that hold what fails until somebody has mended it."""
    lines = ["[[expect]]", f"kernel = {_written(group.fold.sources)}"]
    for name, _ in group.fold.where:
        values = {
            str(chosen(entry.result.cell.plan)[name]): None
            for entry in group.entries
            if chosen(entry.result.cell.plan)[name] is not None
        }
        if values and name in OPTIONS:
            lines.append(f"{name} = {_written((*values,))}")
    until = datetime.now(UTC).date() + timedelta(days=_DAYS)
    lines += [
        f"result = {json.dumps(group.cause)}",
        'reason = "say why it may fail"',
        'ticket = "say where it is mended"',
        f"expires = {until}",
    ]
    return "\n".join(lines)


def _written(values: tuple[str, ...]) -> str:
    """Write names, not patterns, as TOML."""
    escaped = [json.dumps(escape(each)) for each in values]
    return escaped[0] if len(escaped) == 1 else f"[{', '.join(escaped)}]"
