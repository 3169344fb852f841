"""What a shell may complete where click does not know it: kernels, routes, faults, causes and
places."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from click import Context, Parameter
    from click.shell_completion import CompletionItem

__all__ = [
    "OPTION_VALUES",
    "causes",
    "hosts",
    "kernels",
    "places",
    "routes",
    "servers",
    "untils",
    "workers",
]

_Completer = Callable[["Context", "Parameter", str], "list[CompletionItem]"]
_KERNELS = ("deb:", "grow:", "selfcheck:")


def _begin(names: Iterable[str], typed: str, before: str = "") -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem  # only where a shell asks

    return [CompletionItem(before + name) for name in names if name.startswith(typed)]


def kernels(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete what is no file's name to its first colon, and else files."""
    from click.shell_completion import CompletionItem

    named = _begin(_KERNELS, typed) if typed else []
    return named or [CompletionItem(typed, type="file")]


def routes(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete the last route of those that commas set apart."""
    from bootharness.routes.table import ROUTES

    before, comma, last = typed.rpartition(",")
    return _begin(ROUTES, last, before + comma)


def faults(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete a network fault, and what can be said of it."""
    from bootharness.plan.fault import FAULTS

    return _fault(FAULTS, typed)


def disk_faults(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete a disk fault, and what can be said of it."""
    from bootharness.plan.disk_fault import DISK_FAULTS

    return _fault(DISK_FAULTS, typed)


def _fault(kinds: Mapping[str, tuple[str, ...]], typed: str) -> "list[CompletionItem]":
    kind, colon, said = typed.partition(":")
    if not colon:
        return _begin((f"{name}:" if fields else name for name, fields in kinds.items()), kind)
    before, comma, last = said.rpartition(",")
    named = (f"{field}=" for field in kinds.get(kind, ()))
    return _begin(named, last, f"{kind}:{before}{comma}")


def causes(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete a cause, with what it means where the shell can show that."""
    from click.shell_completion import CompletionItem

    from bootharness.diagnosis.causes import CAUSES

    return [
        CompletionItem(name, help=cause.meaning)
        for name, cause in CAUSES.items()
        if name.startswith(typed)
    ]


def places(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete where the debugger may stop."""
    from bootharness.debug.place import PLACES, RECORDED_PLACES, UEFI_PLACES

    every = dict.fromkeys((*PLACES, *RECORDED_PLACES, *UEFI_PLACES))
    named = (name.removesuffix("N").removesuffix("NAME") for name in every if name != "POSITION")
    return _begin(named, typed)


def servers(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete what kind of server it is; files come behind that."""
    from bootharness.plan.net_server import SERVER_KINDS

    return _begin((f"{kind}:" for kind in SERVER_KINDS), typed)


def workers(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete who boots, where it is a cluster; its address and modules nobody knows."""
    return _begin(("dask:",), typed)


def untils(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete what a boot has to come to; a pattern is the person's own."""
    from bootharness.plan.goal import AUTO, SHUTDOWN, UNTIL

    return _begin((AUTO, *UNTIL, SHUTDOWN), typed)


def needles(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete a picture's file; a pattern is the person's own."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(typed, type="file")]


def firmwares(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete the last firmware of those that commas set apart, and else files."""
    from click.shell_completion import CompletionItem

    from bootharness.plan import AUTO, BIOS, UEFI, UEFI_SECURE

    before, comma, last = typed.rpartition(",")
    named = _begin((AUTO, BIOS, UEFI, UEFI_SECURE), last, before + comma)
    return named or [CompletionItem(typed, type="file")]


def machines(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete the machine types that QEMU has."""
    from bootharness.machine.models import machine_types

    return _begin(_of_qemu(machine_types), typed)


def cpus(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete the CPUs that QEMU has."""
    from bootharness.machine.models import cpu_models

    return _begin(_of_qemu(cpu_models), typed)


def _of_qemu(names: Callable[[str], list[str]]) -> list[str]:
    from bootharness.errors import CouldNotFindOut
    from bootharness.host.tool import QEMU_64

    try:
        return names(QEMU_64.name)
    except CouldNotFindOut:
        return []


def hosts(_context: "Context", _parameter: "Parameter", typed: str) -> "list[CompletionItem]":
    """Complete QEMU, or a real machine of machines.toml."""
    from bootharness.errors import BootHarnessError
    from bootharness.hardware.machines import machines_file, read_machines
    from bootharness.plan.boot_plan import QEMU

    try:
        names = [*read_machines(machines_file(None))]
    except (BootHarnessError, OSError):
        names = []
    return _begin((QEMU, *names), typed)


OPTION_VALUES: Mapping[str, _Completer] = {
    "route": routes,
    "faults": faults,
    "more_servers": servers,
    "disk_faults": disk_faults,
    "until": untils,
    "until_screen": needles,
    "fail_on": needles,
    "firmware": firmwares,
    "machine_type": machines,
    "cpu": cpus,
    "host": hosts,
}
"""How an option's value is completed, by the field of a plan."""
