"""How a cell was booted, in words: what stands at the top of each boot of a page."""

from collections.abc import Iterable

from bootharness.gate.axes import axes
from bootharness.gate.outcome import Entry, GateOutcome
from bootharness.gate.report.words import kernel_name, payload, share
from bootharness.plan import AUTO, OPTIONS, chosen
from bootharness.routes.table import ROUTES
from bootharness.text import printable

__all__ = ["Fact", "common", "facts"]

Fact = tuple[str, str]
"""What it is, and its value, as people read them."""

# what is left to chance, or only limits a boot, is worth a line when somebody has chosen it
_IF_CHOSEN = ("tracer", "timeout_s", "idle_s", "bios", "faults", "nic", "qemu", "accelerator")


def facts(outcome: GateOutcome, entry: Entry) -> tuple[Fact, ...]:
    """Return all that a boot depends on, the kernel first; what has no part in it is left out."""
    cell, seen = entry.result.cell, entry.result.decisive.facts
    known = [("kernel", kernel_name(entry)), ("SHA-256", seen.sha256)]
    size, percent = payload(outcome, entry), share(outcome, entry)
    if size:
        known.append(
            ("payload", f"{size} bytes" + (f", {percent} of the limit" if percent else ""))
        )
    route = ROUTES.get(cell.plan.route)
    known.append(("route", f"{cell.plan.route}: {route.summary}" if route else cell.plan.route))
    known += _plan(entry)
    qemu = f"{seen.qemu_version}, {seen.accelerator}" if seen.qemu_version else ""
    return tuple((name, printable(value)) for name, value in [*known, ("QEMU", qemu)] if value)


def _plan(entry: Entry) -> Iterable[Fact]:
    values, place = chosen(entry.result.cell.plan), axes(entry.result.cell)
    for name, option in OPTIONS.items():
        value = values[name]
        usual = value in (option.default, AUTO)
        if name == "route" or not place[name] or (name in _IF_CHOSEN and usual):
            continue
        # the axis says "usual command line" where a reader of one boot wants to see it
        yield option.title, value if name == "cmdline" else place[name]


def common(all_facts: Iterable[tuple[Fact, ...]]) -> tuple[Fact, ...]:
    """Return the facts that are the same for all of these boots."""
    first, *others = [*all_facts] or [()]
    return tuple(fact for fact in first if all(fact in other for other in others))
