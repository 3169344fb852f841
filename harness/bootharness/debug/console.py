"""A machine on a person's terminal: its serial line, and QEMU's monitor behind Ctrl-A C."""

import os
import select
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bootharness.errors import MachineLost, UsageError
from bootharness.host.deadline import Deadline
from bootharness.host.terminal import raw
from bootharness.host.workspace import Workspace
from bootharness.machine.choice import chosen_machine
from bootharness.machine.machine import Machine
from bootharness.machine.qemu import Qemu
from bootharness.plan import BootPlan
from bootharness.routes.guest import prepared
from bootharness.routes.table import route_of

__all__ = ["console"]

_TICK_S = 1.0
_KEYS_BYTES = 1024
_STOPPED = (
    "\r\n[the guest {what}, and QEMU has stopped it: Ctrl-A C is the monitor, Ctrl-A X leaves]\r\n"
)


def console(
    source: str,
    plan: BootPlan,
    log: Path,
    *,
    stays: bool = True,
    own: Mapping[str, bytes] | None = None,
) -> None:
    """Boot by a plan that is settled until the person leaves with Ctrl-A X, or their input ends;
    one that does not stay ends with the guest, too.

    ``own`` are files for a guest's /init, and ``log`` is a new file for all that is on the line.
    Raises UsageError where it cannot be made, CouldNotFindOut where QEMU cannot be run.
    """
    route = route_of(plan)
    route.check(plan)
    booted = route.fetch(source)
    try:
        said = log.open("xb")
    except OSError as error:
        raise UsageError(f"{log}: {error.strerror}") from error
    with said, Workspace() as workspace, prepared(booted, plan, workspace, own) as (medium, _):
        config = chosen_machine(plan.machine, narrow=medium.narrow)
        with Qemu(config, medium.device, workspace, console=said) as qemu:
            medium.started(qemu.launched)
            # the machine is ended by one of its keys
            with Machine(qemu) as machine, raw(), suppress(MachineLost):
                medium.begin(machine)
                _pass_on(machine, stays=stays)


def _pass_on(machine: Machine, *, stays: bool) -> None:
    keys = sys.stdin.fileno()
    while True:
        machine.wait(Deadline.after(_TICK_S), keys)
        sys.stdout.buffer.write(machine.serial.take())
        for event in machine.events():
            if event.name == "SHUTDOWN" and event.data.get("guest"):
                reset = event.data.get("reason") == "guest-reset"
                if not reset and not stays:
                    return
                what = "was reset" if reset else "has switched itself off"
                sys.stdout.write(_STOPPED.format(what=what))
        sys.stdout.flush()
        if select.select([keys], [], [], 0)[0]:
            typed = os.read(keys, _KEYS_BYTES)
            if not typed:
                return
            machine.serial.send(typed)
