"""How a boot is made, in words: what stands at the top of each in a report."""

from collections.abc import Iterator
from typing import Any

from bootharness.plan import AUTO, OPTIONS, BootPlan, chosen
from bootharness.routes.table import ROUTES
from bootharness.text import printable

__all__ = ["Fact", "plan_facts"]

Fact = tuple[str, str]
"""What it is, and its value, as people read them."""

# what only watches or limits a boot is worth a line when somebody has chosen it
_IF_CHOSEN = ("tracer", "timeout_s", "idle_s", "smp", "host")
_UNITS = {"memory_mib": "MiB", "timeout_s": "s", "idle_s": "s"}


def plan_facts(plan: BootPlan) -> Iterator[Fact]:
    """Yield the route of a plan and each option that has a part in its boot."""
    route = ROUTES.get(plan.route)  # a route of the past may be gone
    yield "route", printable(f"{plan.route}: {route.summary}" if route else plan.route)
    for name, value in chosen(plan).items():
        option = OPTIONS[name]
        if name == "route" or (route and not route.uses(name)):
            continue
        shown = _written(name, value, plan)
        if not shown or value == AUTO:
            continue
        if name not in _IF_CHOSEN or value != option.default:
            yield option.title, printable(shown)


def _written(name: str, value: Any, plan: BootPlan) -> str:
    if name == "initrd" and value is None and plan.wants_userspace:
        return "a tiny /init"
    if name in _UNITS:
        return f"{f'{value:g}' if isinstance(value, float) else f'{value:,}'} {_UNITS[name]}"
    if isinstance(value, tuple):
        return ", ".join(map(repr, value))
    return str(value or "")
