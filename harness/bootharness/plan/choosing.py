"""Every option of a plan by its name, and a plan with other values of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.plan.boot_plan import BootPlan
from bootharness.plan.disk_fault import DiskFaults
from bootharness.plan.fault import Faults
from bootharness.plan.fault_line import FaultList
from bootharness.plan.guest_plan import GuestPlan
from bootharness.plan.machine_config import MachineConfig
from bootharness.plan.net_plan import NetPlan
from bootharness.plan.option import Option, options_of

__all__ = ["OPTIONS", "choose", "chosen"]

OPTIONS: dict[str, Option] = {
    each.name: each
    for part in (BootPlan, NetPlan, MachineConfig, GuestPlan)
    for each in options_of(part)
}
"""Every option of a plan, by the name of its field, whichever part of the plan that is in."""
_FAULTS: dict[str, type[Faults | DiskFaults]] = {"faults": Faults, "disk_faults": DiskFaults}


def chosen(plan: BootPlan) -> dict[str, Any]:
    """Return the values of a plan's options by their names."""
    return {name: value for part in _parts(plan) for name, value in _values(part)}


def choose(plan: BootPlan, values: Mapping[str, Any]) -> BootPlan:
    """Return a plan with other values of its options, given by their names.

    Faults may be as people write them. Raises UsageError for what cannot be chosen.
    """
    if unknown := [name for name in values if name not in OPTIONS]:
        raise UsageError(f"{', '.join(unknown)}: known are {', '.join(OPTIONS)}")
    given = dict(values)
    for name, kind in _FAULTS.items():
        if name in given and not isinstance(given[name], kind):
            given[name] = _faults(kind, given[name])
    for name, option in OPTIONS.items():
        if option.repeated and name not in _FAULTS and name in given:
            texts = given[name]
            given[name] = (texts,) if isinstance(texts, str) else _texts(texts)
    own, network, machine, guest = (
        {name: given[name] for name, _ in _values(part) if name in given} for part in _parts(plan)
    )
    return replace(
        plan,
        **own,
        net=replace(plan.net, **network),
        machine=replace(plan.machine, **machine),
        guest=replace(plan.guest, **guest),
    )


def _faults(kind: type[Faults | DiskFaults], given: Any) -> FaultList:
    """Return faults as people write them, one or several. Raises UsageError."""
    several = [given] if isinstance(given, str) else given
    for each in several if isinstance(several, list | tuple) else [several]:
        if not isinstance(each, str):
            raise UsageError(f"{kind.what} {each!r}: text is wanted, as {kind.example}")
    return kind.parse(several)


def _texts(values: Any) -> Any:
    return tuple(values) if isinstance(values, list | tuple) else values


def _parts(plan: BootPlan) -> tuple[Struct, Struct, Struct, Struct]:
    return plan, plan.net, plan.machine, plan.guest


def _values(part: Struct) -> Iterator[tuple[str, Any]]:
    return ((each.name, getattr(part, each.name)) for each in options_of(type(part)))
