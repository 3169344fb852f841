"""Every route, by its name: help, documentation, the gate's axes and the history are made of it."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.plan import AUTO, BIOS, UEFI, BootPlan
from bootharness.routes.brought import DISK, UEFI_DISK
from bootharness.routes.direct import DIRECT
from bootharness.routes.found import is_medium, media_in
from bootharness.routes.grub import GRUB
from bootharness.routes.mbr import MBR
from bootharness.routes.net_paths import NETWORK
from bootharness.routes.net_root import NET_ROOTS
from bootharness.routes.net_servers import NET_SERVERS
from bootharness.routes.route import Route
from bootharness.routes.uefi_disk import UEFI_KERNELS
from bootharness.text import hint

__all__ = ["ROUTES", "by_firmware", "by_what_is_given", "firmware_of", "route_of"]

ROUTES: dict[str, Route] = {
    each.name: each
    for each in (
        MBR,
        DISK,
        GRUB,
        DIRECT,
        UEFI_DISK,
        *UEFI_KERNELS,
        *NETWORK,
        *NET_ROOTS,
        *NET_SERVERS,
    )
}


def route_of(plan: BootPlan) -> Route:
    """Return the route of a plan. Raises UsageError for one that is not known."""
    if plan.route not in ROUTES:
        raise UsageError(f"route {plan.route!r}: {hint(plan.route, ROUTES)}")
    return ROUTES[plan.route]


def by_firmware(plan: BootPlan) -> BootPlan:
    """Return a plan whose route has the firmware that was asked for: another that boots the same,
    where its own has not. Raises UsageError where there is none."""
    asked, route = plan.machine.firmware, route_of(plan)
    if asked == AUTO:
        return plan
    wanted = "bios" if asked == BIOS else "uefi"
    if route.firmware != wanted:
        if not route.twin:
            names = [each.name for each in ROUTES.values() if each.firmware == wanted]
            raise UsageError(
                f"--firmware {asked}: the route {route.name} is one by a "
                f"{route.firmware.upper()}; by a {wanted.upper()} are {', '.join(names)}"
            )
        plan = replace(plan, route=route.twin)
    if asked in (BIOS, UEFI):
        plan = replace(plan, machine=replace(plan.machine, firmware=AUTO))
    return plan


def firmware_of(plan: BootPlan) -> str:
    """Return what a machine starts with by a plan: ``bios``, ``uefi``, ``uefi-secure`` or a
    file."""
    asked = plan.machine.firmware
    return route_of(plan).firmware if asked == AUTO else asked


def by_what_is_given(plan: BootPlan, sources: Iterable[str]) -> BootPlan:
    """Return a plan that boots images as they are, where only images are given and nobody has
    chosen a route."""
    files = [file for source in sources for file in glob.glob(source) or [source]]  # noqa: PTH207
    if plan.route == BootPlan().route and files and all(map(_has_media, files)):
        return replace(plan, route=DISK.name)
    return plan


def _has_media(file: str) -> bool:
    """Return whether it is an image, or a folder of them."""
    try:
        return bool(media_in(Path(file))) if os.path.isdir(file) else is_medium(file)  # noqa: PTH112
    except UsageError:
        return False
