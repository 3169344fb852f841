"""What a machine has for a guest: folders of the host over 9p, and a network card."""

from collections.abc import Sequence

from msgspec.structs import replace

from bootharness.machine.device import Device, escaped
from bootharness.plan import GuestPlan

__all__ = ["GUEST_BITS", "GUEST_GATEWAY", "GUEST_IP", "GUEST_MAC", "with_guest_parts"]

GUEST_MAC = "52:54:00:67:75:01"
GUEST_IP, GUEST_BITS, GUEST_GATEWAY = "10.0.2.15", 24, "10.0.2.2"
"""As QEMU's user network has them (qemu(1), -netdev user)."""


def with_guest_parts(device: Device, guest: GuestPlan) -> Device:
    """Return a device with a guest's folders and network beside it. Nothing outside of the guest is
    to be reached but by a wish, and no port is open to others than this host."""
    words: list[str] = []
    for number, share in enumerate(guest.shared):
        readonly = "off" if share.writable else "on"
        words += [
            *("-fsdev", f"local,id=share{number},path={escaped(share.path)},security_model=none,"
                        f"readonly={readonly}"),
            *("-device", f"virtio-9p-pci,fsdev=share{number},mount_tag=share{number}"),
        ]  # fmt: skip
    if guest.networked:
        words += ["-netdev", ",".join(_user_network(guest))]
        words += ["-device", f"virtio-net-pci,netdev=guest0,mac={GUEST_MAC},romfile="]
    return replace(
        device,
        words=(*device.words, *words),
        files=(*device.files, *(share.path for share in guest.shared)),
        writes=any(share.writable for share in guest.shared),
    )


def _user_network(guest: GuestPlan) -> Sequence[str]:
    restricted = "off" if guest.outside else "on"
    forwards = (f"hostfwd={each.protocol}:127.0.0.1:{each.here}-{GUEST_IP}:{each.there}"
                for each in guest.forwarded)  # fmt: skip
    return ["user,id=guest0", f"restrict={restricted}", *forwards]
