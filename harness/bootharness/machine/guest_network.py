"""The network that QEMU itself makes for a guest, and the card in it."""

import socket
from collections.abc import Sequence

from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.machine.device import Device
from bootharness.plan import GuestPlan

__all__ = [
    "GUEST_BITS",
    "GUEST_GATEWAY",
    "GUEST_IP",
    "GUEST_MAC",
    "check_ports",
    "with_guest_network",
]

GUEST_MAC = "52:54:00:67:75:01"
GUEST_IP, GUEST_BITS, GUEST_GATEWAY = "10.0.2.15", 24, "10.0.2.2"
"""As QEMU's user network has them (qemu(1), -netdev user)."""
_HERE = "127.0.0.1"


def with_guest_network(device: Device, guest: GuestPlan) -> Device:
    """Return a device with a guest's network beside it. Nothing outside of the guest is to be
    reached but by a wish, and no port is open to others than this host."""
    if not guest.networked:
        return device
    card = f"virtio-net-pci,netdev=guest0,mac={GUEST_MAC},romfile="
    words = ("-netdev", ",".join(_user_network(guest)), "-device", card)
    return replace(device, words=(*device.words, *words))


def check_ports(guest: GuestPlan) -> None:
    """Raise UsageError where a port of this computer cannot be had that leads to the guest."""
    for text, each in zip(guest.forwards, guest.forwarded, strict=True):
        kind = socket.SOCK_STREAM if each.protocol == "tcp" else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as one:
            # as QEMU does: who had it a moment ago is no hindrance
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
            try:
                one.bind((_HERE, each.here))
            except OSError as error:
                said = (error.strerror or str(error)).lower()
                raise UsageError(f"--forward {text}: port {each.here} of {_HERE}: {said}") from None


def _user_network(guest: GuestPlan) -> Sequence[str]:
    restricted = "off" if guest.outside else "on"
    forwards = (f"hostfwd={each.protocol}:{_HERE}:{each.here}-{GUEST_IP}:{each.there}"
                for each in guest.forwarded)  # fmt: skip
    return ["user,id=guest0", f"restrict={restricted}", *forwards]
