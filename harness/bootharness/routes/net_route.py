"""What the routes from a network that somebody brought have in common."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bootharness.machine.device import Firmware
from bootharness.machine.uefi import UEFI_TOOLS
from bootharness.routes.route import OF_A_UEFI, Route, to_the_banner
from bootharness.trace.milestones import NET_MILESTONES

__all__ = ["net_route"]


def net_route(
    name: str, summary: str, firmware: Firmware, takes: Iterable[str], **more: Any
) -> Route:
    """Return a route by a firmware, that takes some options besides those of its firmware."""
    tools = UEFI_TOOLS if firmware == "uefi" else ()
    return Route(
        name=name,
        summary=summary,
        firmware=firmware,
        takes=frozenset({*takes, *(("bios",) if firmware == "bios" else OF_A_UEFI)}),
        milestones=NET_MILESTONES,
        until=to_the_banner,
        tools=tools,
        programs=tuple(Path(tool.name) for tool in tools),
        **more,
    )
