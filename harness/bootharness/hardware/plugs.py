"""Plugs by the names that people give them, one entry for each kind; and a switch that is sure."""

import select
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from bootharness.errors import PlugFailed, ToolMissing, UsageError
from bootharness.hardware.addresses import without_password
from bootharness.host.deadline import Deadline

if TYPE_CHECKING:
    from bootharness.hardware.plug import Plug

__all__ = ["PLUGS", "check_plug", "open_plug", "switch"]

_SETTLES_S = 5.0
_LOOK_S = 0.25


def _tasmota(rest: str) -> "Plug":
    from bootharness.hardware.tasmota import TasmotaPlug

    return TasmotaPlug(rest)


def _mqtt(rest: str) -> "Plug":
    from bootharness.hardware.mqtt_plug import MqttPlug

    return MqttPlug(rest)


def _command(rest: str) -> "Plug":
    from bootharness.hardware.command_plug import CommandPlug

    return CommandPlug(rest)


def _labgrid(rest: str) -> "Plug":
    from bootharness.hardware.labgrid import LabgridPlug

    return LabgridPlug(rest)


PLUGS: "dict[str, Callable[[str], Plug]]" = {
    "tasmota": _tasmota,
    "mqtt": _mqtt,
    "command": _command,
    "labgrid": _labgrid,
}
"""By what stands before the first colon."""


def check_plug(spec: str) -> None:
    """Raise UsageError for what cannot be a plug; nobody is asked."""
    scheme, colon, rest = spec.partition(":")
    if not (colon and scheme in PLUGS and rest and spec.isprintable()):
        kinds = "tasmota:http://HOST/, mqtt:HOST/TOPIC, command:ON,OFF, labgrid:ENV.yaml[:TARGET]"
        raise UsageError(f"{without_password(spec)!r} is no plug: a plug is {kinds}")
    if scheme != "labgrid":  # its drivers are looked for when they are used
        with suppress(ToolMissing):
            PLUGS[scheme](rest)


def open_plug(spec: str) -> "Plug":
    """Return a plug. Raises UsageError for what is none, ToolMissing without what it takes."""
    check_plug(spec)
    scheme, _, rest = spec.partition(":")
    return PLUGS[scheme](rest)


def switch(plug: "Plug", name: str, on: bool) -> None:
    """Switch and read back. Raises PlugFailed for a plug that says yes and does nothing."""
    plug.set(on)
    deadline = Deadline.after(_SETTLES_S)
    while (now := plug.state()) is not None and now != on:
        if deadline.expired:
            asked, found = ("on", "off") if on else ("off", "on")
            raise PlugFailed(
                f"{without_password(name)}: it was switched {asked} and says that it is {found}: "
                "see whether it is the right plug, and whether a rule of its own switches it back"
            )
        select.select([], [], [], min(_LOOK_S, deadline.remaining))
