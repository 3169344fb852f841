"""The command that boots the same again."""

import shlex
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bootharness.plan import AUTO, OPTIONS, STAGE1, BootPlan, choose, chosen
from bootharness.plan.fault_line import FaultList
from bootharness.trace.boot_trace import BootTrace

__all__ = ["again", "command"]


def again(trace: BootTrace, plan: BootPlan, *more: str) -> str:
    """Return the command that boots again what a trace is of; otherwise as `command`."""
    source, plan = _as_booted(trace, plan)
    return command(source, plan, *more)


def command(source: str, plan: BootPlan, *more: str) -> str:
    """Return the `bootharness` command for a boot, ``more`` words at its end, for a shell."""
    values, usual = chosen(plan), chosen(BootPlan())
    words = ["bootharness", "boot", source]
    for name, option in OPTIONS.items():
        if values[name] is True:
            words.append(option.spelling)
        elif values[name] != usual[name]:
            for value in _written(values[name]):
                words += [option.spelling, value]
    return shlex.join([*words, *more])


def _as_booted(trace: BootTrace, plan: BootPlan) -> tuple[str, BootPlan]:
    """Return what is booted, by a plan that says so.

    A test may have a loader that its plan does not name. One that is in no file is on the disk
    image, and so that is what is booted again.
    """
    loader = trace.loader
    # a screen's pattern, or a command, says by itself how far it has to come
    until = trace.until if trace.until_screen is None and trace.run is None else AUTO
    plan = replace(plan, until=until, until_screen=trace.until_screen)
    if loader is None or loader.name in (plan.loader, plan.route, "GRUB"):
        return trace.source, plan
    if loader.name == STAGE1 or Path(loader.name).is_file():
        return trace.source, replace(plan, loader=loader.name)
    usual = chosen(BootPlan())
    on_disk = {name: usual[name] for name in ("loader", "initrd", "cmdline")}
    path = trace.disk.path if trace.disk else trace.source
    return path, choose(plan, {**on_disk, "route": "disk"})


def _written(value: Any) -> list[str]:
    """Return a value as it is written on a command line, each of several by itself."""
    if isinstance(value, FaultList | tuple):
        return [str(each) for each in value]
    return [f"{value:g}" if isinstance(value, float) else str(value)]
