"""A route: what brings a kernel to a machine, as one value."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.formats.forms import LOOK_BYTES, never_an_initrd
from bootharness.host.needles import read_needle
from bootharness.host.regular import first_bytes, is_regular
from bootharness.host.tool import Tool
from bootharness.host.workspace import Workspace
from bootharness.kernels.source import expand, fetch
from bootharness.machine.board import board_of
from bootharness.machine.device import Firmware
from bootharness.machine.uefi import needs_smm
from bootharness.plan import (
    AUTO,
    DEFAULT_CMDLINE,
    OPTIONS,
    SCREEN,
    BootPlan,
    GuestPlan,
    MachineConfig,
    choose,
    chosen,
)
from bootharness.plan.option import options_of
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.medium import Medium
from bootharness.trace.milestones import MILESTONES

__all__ = ["OF_A_UEFI", "Route", "to_the_banner"]

OF_A_UEFI = ("firmware", "firmware_vars", "enrolled", "revoked", "sbat_level", "boot_entries")
"""Options of routes whose firmware is a UEFI, by their fields' names."""


_OF_GUESTS = frozenset(each.name for each in options_of(GuestPlan))
_FILE_BYTES = (1 << 32) - 1
_USUAL_MACHINE, _SECURE_MACHINE = BootPlan().machine.machine_type, "q35"


def to_the_banner(_plan: BootPlan) -> str:
    """Return how far what somebody brought has to come: of that nobody knows whether it has a
    userspace that says so."""
    return "banner"


def _to_init(_plan: BootPlan) -> str:
    return "init"


def _takes_all(_plan: BootPlan) -> None:
    pass


def _foresees_nothing(_booted: Any, _plan: BootPlan) -> str | None:
    return None


def _adds_nothing(_plan: BootPlan) -> Mapping[str, str]:
    return {}


class Route(Struct, frozen=True, kw_only=True):
    """What brings a kernel, from the name that a person gives to a medium.

    ``summary`` is one line, ``blame`` is whose fault it is when only this route fails. ``takes``
    are the options, by their fields' names, that it makes use of besides those that every route
    does. ``milestones`` are in the order in which they are reached.

    ``expand`` turns what a person gives into single sources, and ``fetch`` one of those into
    what is booted: a kernel unless it says otherwise. ``prepare`` gives the medium, with its
    files in a workspace; what is booted may be one that has been fetched by somebody else.
    ``lay_out`` gives the disk that would be booted, without writing it, to predict a boot.
    ``tools`` must be installed besides what every boot needs, and ``refuse`` raises UsageError
    for what cannot be: both are looked at before anything is downloaded. ``foresee`` returns why
    what has been fetched cannot boot, so that nobody has to wait for it, else None. ``until``
    says how far a boot has to come where nobody says so.

    ``twin`` is the route that boots the same with another firmware.

    ``boots_folder`` says whether what a person gives is a folder.

    For the history: ``ingredients`` are the digests, by name, of what the route puts on the
    medium besides what it was given, and ``programs`` are files of this computer, or folders of
    them, that have a part in the boot.
    """

    name: str
    summary: str
    blame: str
    prepare: Callable[[Any, BootPlan, Workspace], AbstractContextManager[Medium]]
    takes: frozenset[str] = frozenset()
    firmware: Firmware = "bios"
    twin: str = ""
    milestones: tuple[str, ...] = MILESTONES
    expand: Callable[[str], list[str]] = expand
    fetch: Callable[[str], Any] = fetch
    refuse: Callable[[BootPlan], None] = _takes_all
    tools: tuple[Tool, ...] = ()
    foresee: Callable[[Any, BootPlan], str | None] = _foresees_nothing
    until: Callable[[BootPlan], str] = _to_init
    ingredients: Callable[[BootPlan], Mapping[str, str]] = _adds_nothing
    programs: tuple[Path, ...] = ()
    lay_out: Callable[[Any, BootPlan], DiskImage | DiskLayout] | None = None
    boots_folder: bool = False

    def uses(self, name: str) -> bool:
        """Whether an option has a part in its boots, given by its field's name: a guest is made an
        initrd of."""
        option = OPTIONS[name]
        return (
            not option.by_route
            or name in self.takes
            or (name in _OF_GUESTS and "initrd" in self.takes)
        )

    @property
    def from_network(self) -> bool:
        """Whether the kernel comes from a network."""
        return "nic" in self.takes

    def settled(self, plan: BootPlan) -> BootPlan:
        """Return a plan with nothing left to choose of how far it has to come, and by what."""
        machine = plan.machine
        board, usual = board_of(machine.machine_type), BootPlan().machine.disk_interface
        if "disk_interface" in self.takes and machine.disk_interface == usual:
            machine = replace(machine, disk_interface=board.disks[0])
        if (
            self.firmware == "uefi"
            and machine.machine_type == _USUAL_MACHINE
            and needs_smm(machine)
        ):
            machine = replace(machine, machine_type=_SECURE_MACHINE)
        counted = plan.at_most_s is not None
        if (plan.tracer != "recorder" or counted) and machine.accelerator == AUTO:
            machine = replace(machine, accelerator="tcg")  # see `check`
        until = plan.until
        if until == AUTO:
            until = SCREEN if plan.until_screen is not None else self.until(plan)
        cmdline = plan.cmdline
        if board.cmdline and "cmdline" in self.takes and cmdline == DEFAULT_CMDLINE:
            cmdline = f"{cmdline} {board.cmdline}"
        return replace(plan, until=until, machine=machine, cmdline=cmdline)

    def ready(self, plan: BootPlan) -> BootPlan:
        """Return a plan that is settled and that can be; raises what `check` does."""
        plan = self.settled(plan)
        self.check(plan)
        return plan

    def only_used(self, plan: BootPlan) -> BootPlan:
        """Return a plan without what this route makes no use of."""
        usual = chosen(BootPlan())
        return choose(plan, {name: usual[name] for name in self._unused()})

    def check(self, plan: BootPlan) -> None:
        """Raise UsageError for what cannot be, ToolMissing for what is not installed: before
        anything is downloaded."""
        values, usual = chosen(plan), chosen(BootPlan())
        for name in self._unused():
            if (value := values[name]) != usual[name]:
                shown = " ".join(value) if isinstance(value, tuple) else value
                shown = "" if value is True else f" {shown}"
                raise UsageError(
                    f"{OPTIONS[name].spelling}{shown}: the route {self.name} makes no use of it"
                )
        if self.firmware == "uefi":
            _check_uefi(plan.machine)
        board = board_of(plan.machine.machine_type)
        board.check(plan.machine, disk="disk_interface" in self.takes, network=self.from_network)
        for path in map(Path, filter(None, (plan.initrd, plan.machine.bios))):
            if not is_regular(path, most=_FILE_BYTES):
                what = "not a regular file" if path.exists() else "no such file"
                raise UsageError(f"{path}: {what}")
        if plan.initrd and (wrong := never_an_initrd(first_bytes(Path(plan.initrd), LOOK_BYTES))):
            raise UsageError(f"--initrd {plan.initrd}: {wrong}, not an initrd")
        if plan.tracer != "recorder" and plan.machine.accelerator == "kvm":
            raise UsageError(
                f"--tracer {plan.tracer}: under KVM gdb's breakpoints are bytes in memory, over "
                "which the loader is read: take --accelerator tcg"
            )
        if plan.at_most_s is not None:
            _check_counted(plan.machine)
        for needle in plan.needles:
            if board.vga == "none":
                raise UsageError(
                    f"{needle}: --machine-type {plan.machine.machine_type} has no screen on which "
                    "a picture could be: take pc or q35"
                )
            read_needle(needle)
        plan.guest.check()
        self.refuse(plan)
        for tool in self.tools:
            tool.check()

    def _unused(self) -> list[str]:
        return [name for name in OPTIONS if not self.uses(name)]


def _check_uefi(machine: MachineConfig) -> None:
    """Raise UsageError for a machine that a UEFI does not run on."""
    if not board_of(machine.machine_type).has_pci:
        raise UsageError(
            f"--machine-type {machine.machine_type}: it has no PCI bus, and a UEFI wants one: take "
            "pc or q35"
        )
    if _SECURE_MACHINE not in machine.machine_type and needs_smm(machine):
        raise UsageError(
            f"--firmware {machine.firmware}: it runs on {_SECURE_MACHINE}, whose memory it can "
            f"keep from the system (SMM), and not on {machine.machine_type}"
        )


def _check_counted(machine: MachineConfig) -> None:
    """Raise UsageError for a machine whose guest's seconds cannot be counted."""
    if machine.accelerator == "kvm":
        raise UsageError("--at-most: QEMU counts no instructions under KVM: take --accelerator tcg")
    if not board_of(machine.machine_type).has_pci:
        raise UsageError(
            f"--at-most: the machine {machine.machine_type} has no timer by which the guest's "
            "seconds are known: take pc or q35"
        )
