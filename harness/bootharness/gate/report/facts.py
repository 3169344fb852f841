"""How a cell was booted, in words: what stands at the top of each boot of a page."""

from collections.abc import Iterable
from pathlib import Path

from bootharness.gate.outcome import Entry, GateOutcome
from bootharness.gate.report.words import booted_on, kernel_name, payload, share
from bootharness.runs.how import Fact, plan_facts
from bootharness.text import printable

__all__ = ["common", "facts"]


def facts(outcome: GateOutcome, entry: Entry) -> tuple[Fact, ...]:
    """Return all that a boot depends on, the kernel first; what has no part in it is left out."""
    cell, seen = entry.result.cell, entry.result.decisive.facts
    percent = share(outcome, entry)
    loader = Path(cell.plan.loader).name
    of_limit = printable(f", {percent} of what {loader} can load") if percent else ""
    known = (
        ("kernel", printable(kernel_name(entry))),
        ("SHA-256", seen.sha256),
        ("payload", payload(outcome, entry, " bytes") + of_limit),
        *plan_facts(cell.plan),
        ("QEMU", f"{seen.qemu_version}, {seen.accelerator}" if seen.qemu_version else ""),
        ("computer", printable(booted_on(entry))),
    )
    return tuple((name, value) for name, value in known if value)


def common(all_facts: Iterable[tuple[Fact, ...]]) -> tuple[Fact, ...]:
    """Return the facts that are the same for all of these boots."""
    first, *others = [*all_facts] or [()]
    return tuple(fact for fact in first if all(fact in other for other in others))
