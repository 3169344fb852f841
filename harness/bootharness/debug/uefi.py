"""A boot of a disk by a UEFI in gdb: stopped as an image is entered, or the boot services end."""

import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bootharness.debug.place import UEFI_PLACES
from bootharness.debug.prepare import machine_for
from bootharness.debug.scene import GDB, NOT_REACHED
from bootharness.debug.terminal import in_terminal, until_interrupted
from bootharness.errors import MachineLost, UsageError
from bootharness.host.workspace import Workspace
from bootharness.machine.argv import GDB_SOCKET, RECORDER_LOG
from bootharness.machine.device import Device
from bootharness.machine.machine import Machine
from bootharness.machine.qemu import Qemu
from bootharness.one_boot import boot_medium
from bootharness.plan import BootPlan, MachineConfig
from bootharness.routes.medium import Medium
from bootharness.routes.table import route_of
from bootharness.text import printable
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_images import file_of

__all__ = ["PreparedUefi", "commands_at", "debug_uefi", "prepare_uefi"]

_FIRMWARE, _, _EXIT, _KERNEL = UEFI_PLACES
_IMAGE = "image:"
_SCRIPT, _PACKAGE = "debug.gdb", "efigdb"
_SETTINGS = f"""\
# made by bootharness; in this folder: {" ".join(GDB)}
set confirm off
set pagination off
set osabi none
set auto-load off
set debuginfod enabled off
set remotetimeout 60
python
import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.getcwd())
import {_PACKAGE}.start
{_PACKAGE}.start.begin({GDB_SOCKET!r})
end
"""


class PreparedUefi(Struct, frozen=True):
    """What is to be debugged, and what a boot before has shown of it: ``loads`` are the images that
    were loaded, ``ended_at`` is where the one goes on that ended the boot services, ``place`` is
    the first stop."""

    what: str
    place: str
    config: MachineConfig
    device: Device
    loads: tuple[UefiCall, ...]
    ended_at: int | None
    commands: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Write what gdb reads."""
        package = Path(__file__).with_name(_PACKAGE)
        shutil.copytree(package, folder / _PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
        reader = [sys.executable, "-m", "bootharness.debug.efi_log", str(folder / RECORDER_LOG)]
        facts = {
            "what": printable(self.what),
            "reader": reader,
            "loads": [{"name": file_of(each.path), "caller": each.caller} for each in self.loads],
            "exit": self.ended_at,
        }
        (folder / "facts.json").write_bytes(msgspec.json.encode(facts))
        first = f"python {_PACKAGE}.start.go_to_place({list(self.commands)!r})"
        (folder / _SCRIPT).write_text(f"{_SETTINGS}{first}\n")


@contextmanager
def prepare_uefi(
    source: str, plan: BootPlan, at: str | None, workspace: Workspace
) -> Iterator[PreparedUefi]:
    """Prepare a boot of a disk by a UEFI to be debugged; a boot before shows what is loaded.

    Raises UsageError for a place that it does not come to.
    """
    route = route_of(plan)
    plan = route.ready(plan)
    booted = route.fetch(source)
    # each has variables of its own
    with Workspace() as other, route.prepare(booted, plan, other) as first:
        before = _boot_before(source, first, plan, other)
    with route.prepare(booted, plan, workspace) as medium:
        loads = tuple(call for call in before.uefi_calls
                      if call.service == "LoadImage" and not call.failed)  # fmt: skip
        at = at or (f"{_IMAGE}{file_of(loads[-1].path)}" if loads else _FIRMWARE)
        ended_at = before.uefi_handoff.caller if before.uefi_handoff else None
        yield PreparedUefi(
            what=f"{source}, by the route {route.name}",
            place=at,
            config=machine_for(plan.machine, narrow=medium.narrow),
            device=medium.device,
            loads=loads,
            ended_at=ended_at,
            commands=commands_at(at, loads, ended_at),
        )


def _boot_before(source: str, medium: Medium, plan: BootPlan, workspace: Workspace) -> BootTrace:
    """Boot as far as the kernel's banner. Raises CouldNotFindOut when that shows nothing."""
    plan = replace(plan, until="banner", until_screen=None, fail_on=(), at_most_s=None, send=(),
                   tracer="recorder")  # fmt: skip
    trace = boot_medium(source, medium, plan, workspace)
    if trace.ending.cause:
        raise MachineLost(f"a boot before, to see what is there: {trace.ending.detail}")
    return trace


def commands_at(at: str, loads: Sequence[UefiCall], ended_at: int | None) -> tuple[str, ...]:
    """Return what gdb is told first, to come to a place. Raises UsageError for one that a boot did
    not come to that loaded these images."""
    names = [file_of(call.path) for call in loads]
    if at == _FIRMWARE:
        return ()
    if at in (_EXIT, _KERNEL):
        if ended_at is None:
            raise UsageError(f"--at {at}: that boot did not end the boot services")
        return ("until-exit-boot-services", *(("until-kernel",) if at == _KERNEL else ()))
    name = at.removeprefix(_IMAGE)
    if not at.startswith(_IMAGE) or not name:
        raise UsageError(f"--at {at}: of a UEFI's boot it is {', '.join(UEFI_PLACES)}")
    if not any(each.lower().endswith(name.lower()) for each in names):
        raise UsageError(
            f"--at {at}: that boot loaded no such image; it loaded {', '.join(names) or 'none'}"
        )
    return (f"until-image {name}",)


def debug_uefi(prepared: PreparedUefi, workspace: Workspace, view: str) -> None:
    """Start the machine, its CPU stopped before its first instruction, and gdb with it.

    ``view`` is as for `debug`. Raises CouldNotFindOut when one of the programs cannot be run, and
    UsageError, once gdb is left, where it did not come to the first stop.
    """
    folder = workspace.path
    with (
        Qemu(prepared.config, prepared.device, workspace, tracer="both",
             recorder_log=RECORDER_LOG) as qemu,
        Machine(qemu) as machine,
    ):  # fmt: skip
        prepared.write(folder)
        if view == "attach":
            until_interrupted(machine, _invitation(folder))
        else:
            in_terminal(machine, folder, view)
            if (why := folder / NOT_REACHED).exists():
                said = printable(why.read_text(errors="replace"))
                raise UsageError(f"--at {prepared.place}: {said}")


def _invitation(folder: Path) -> str:
    return (
        "The machine waits before its first instruction. In another terminal:\n\n"
        f"  cd {shlex.quote(str(folder))} && {shlex.join(GDB)}\n\n"
        "Ctrl-C here ends the machine."
    )
