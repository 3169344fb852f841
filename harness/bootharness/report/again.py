"""The command that boots the same again."""

import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

from bootharness.plan import BootPlan, NetPlan
from bootharness.trace.boot_trace import BootTrace

__all__ = ["again"]

_OPTIONS = {
    "tracer": "--tracer",
    "cmdline": "--cmdline",
    "initrd": "--initrd",
    "timeout_s": "--timeout",
    "qemu": "--qemu",
    "machine_type": "--machine-type",
    "memory_mib": "--memory",
    "disk_interface": "--disk-interface",
    "accelerator": "--accelerator",
    "bios": "--bios",
    "path": "--net",
    "nic": "--nic",
}


def again(trace: BootTrace, plan: BootPlan, *more: str) -> str:
    """Return the `bootharness` command for a boot, ``more`` words at its end, for a shell.

    A loader that is in no file is on the disk image, and so that is what is booted.
    """
    words = ["bootharness", "boot", *_what(trace, plan), "--until", plan.until]
    chosen, usual = _values(plan), _values(BootPlan()) | {"nic": NetPlan().nic}
    for name, option in _OPTIONS.items():
        if name in chosen and chosen[name] != usual.get(name):
            value = chosen[name]
            words += [option, f"{value:g}" if isinstance(value, float) else str(value)]
    if plan.net:
        words += [word for fault in plan.net.faults for word in ("--net-fault", fault)]
    return shlex.join([*words, *more])


def _values(plan: BootPlan) -> dict[str, object]:
    parts: list[Any] = [plan, plan.machine, *([plan.net] if plan.net else [])]
    return {field.name: getattr(part, field.name) for part in parts for field in fields(part)}


def _what(trace: BootTrace, plan: BootPlan) -> list[str]:
    loader = trace.loader
    if plan.net or (loader and loader.name == "stage1"):
        return [trace.source]
    if loader and Path(loader.name).is_file():
        return [trace.source, "--loader", loader.name]
    return ["--disk", trace.disk.path if trace.disk else trace.source]
