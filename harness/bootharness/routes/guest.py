"""A medium with the guest that a plan asks for: its initramfs, and the machine's parts for it."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from bootharness.host.workspace import Workspace
from bootharness.kernels.image import KernelImage
from bootharness.machine.device import Device
from bootharness.plan import BootPlan, GuestPlan
from bootharness.routes.medium import Medium
from bootharness.routes.table import route_of

__all__ = ["guest_digest", "prepared"]

_ARCHIVE = "guest.img"


@contextmanager
def prepared(
    booted: Any, plan: BootPlan, workspace: Workspace, own: Mapping[str, bytes] | None = None
) -> Iterator[tuple[Medium, BootPlan]]:
    """Give the medium that a plan's route makes, and the plan as it is with a guest: with its
    initrd, and to the end of its command. ``own`` are files for its /init.

    Raises what the route does, and `initramfs.guest.archive_of`.
    """
    prepare, guest = route_of(plan).prepare, plan.guest
    if not guest.wanted and not own:
        with prepare(booted, plan, workspace) as medium:
            yield medium, plan
        return
    from bootharness.initramfs.command_output import ended  # most boots do without
    from bootharness.initramfs.guest import archive_of

    assert isinstance(booted, KernelImage)
    files = {**_own(booted, guest), **(own or {})}
    until = plan.until
    if guest.run is not None:
        token = secrets.token_hex(8)
        files |= {"command": f"{guest.run}\n".encode(), "token": token.encode()}
        until = ended(token)
    archive = workspace.path / _ARCHIVE
    archive.write_bytes(archive_of(booted, guest, files))
    # what it was made of is in the archive; what is left has a part in the machine
    dressed = replace(plan, initrd=None, guest=GuestPlan(), until="init")
    dressed = replace(dressed, initrd=str(archive), until=until)
    with prepare(booted, dressed, workspace) as medium:
        device = _with_parts(medium.device, booted, plan, workspace)
        yield replace(medium, device=device), dressed


def _with_parts(
    device: Device, kernel: KernelImage, plan: BootPlan, workspace: Workspace
) -> Device:
    """Return a device with what a machine has for a guest."""
    from bootharness.initramfs.guest import VIRTIOFS, share_type
    from bootharness.machine.guest_network import with_guest_network
    from bootharness.machine.shared_folders import with_9p, with_virtiofs

    device, shares = with_guest_network(device, plan.guest), plan.guest.shared
    if not shares:
        return device
    if share_type(kernel, plan.guest) == VIRTIOFS:
        return with_virtiofs(device, shares, plan.machine.memory_mib, workspace)
    return with_9p(device, shares)


def guest_digest(booted: Any, guest: GuestPlan) -> str:
    """Return a digest of what a plan's guest is made of, for a kernel; empty where there is none,
    and one that is never had again where it can see what changes. Raises what `prepared` does."""
    if not guest.wanted:
        return ""
    if guest.shares or guest.networked:
        return secrets.token_hex(32)
    from bootharness.initramfs.guest import archive_of

    made = archive_of(booted, guest, {})
    return hashlib.sha256(made + (guest.run or "").encode()).hexdigest()


def _own(kernel: KernelImage, guest: GuestPlan) -> dict[str, bytes]:
    """Return what /init reads of a guest's folders and network."""
    from bootharness.initramfs.guest import share_type
    from bootharness.machine.guest_network import GUEST_BITS, GUEST_GATEWAY, GUEST_IP, GUEST_MAC

    own = {}
    if guest.shares:
        how = share_type(kernel, guest)
        lines = (
            f"share{number} {how} {'rw' if share.writable else 'ro'} /mnt/{share.name}\n"
            for number, share in enumerate(guest.shared)
        )
        own["shares"] = "".join(lines).encode()
    if guest.networked:
        own["network"] = f"{GUEST_MAC} {GUEST_IP}/{GUEST_BITS} {GUEST_GATEWAY}\n".encode()
    return own
