"""What a network serves to its guests, and what of it is known beforehand."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from bootharness.kernels.image import KernelImage
from bootharness.machine.device import Firmware
from bootharness.network.boot_rule import BootRule
from bootharness.network.files import Files
from bootharness.plan import BootPlan, MachineConfig

__all__ = ["Card", "NetImage", "card_of"]


class Card(Struct, frozen=True):
    """The guest's side: its firmware and its network card, with the card's own ROM, without one,
    or with that of a file; ``http`` is whether it may ask over HTTP, ``mac`` the card's address
    where somebody chose it, ``clock`` what the machine's says at first, where that is not now,
    ``vlan`` what the firmware's set-up has for it; ``machine`` is that which it is in."""

    firmware: Firmware
    nic: str
    rom: bool | Path = True
    http: bool = True
    mac: str | None = None
    others: tuple[str, ...] = ()
    pxe: tuple[int, ...] = (4, 6)
    certificate: Path | None = None
    clock: datetime | None = None
    vlan: int | None = None
    machine: MachineConfig = MachineConfig()


def card_of(
    plan: BootPlan,
    firmware: Firmware,
    nic: str,
    *,
    rom: bool,
    http: bool = True,
    pxe: tuple[int, ...] = (4, 6),
) -> Card:
    """Return the card that a plan has, by a route with these."""
    own = Path(plan.net.nic_rom) if plan.net.nic_rom else rom
    certificate = Path(plan.net.https_cert) if plan.net.https_cert else None
    mac = plan.net.mac.lower() if plan.net.mac else None
    return Card(
        firmware,
        nic,
        own,
        http,
        mac,
        others=plan.net.more_nics,
        pxe=pxe,
        certificate=certificate,
        vlan=plan.net.nic_vlan,
        machine=plan.machine,
    )


class NetImage(Struct, frozen=True, dict=True):
    """The files of a network boot by a route, which of them whom is named, and by which card.

    ``redirects`` say which paths over HTTP lead to another. ``roles`` names the files that it needs
    by what they are for. Where somebody else made them, ``root`` is their folder, or ``servers``
    are those that have them, and what they are for is seen when they are asked for. ``sizes`` are
    those that faults may concern, in bytes.
    """

    path: str
    card: Card
    files: Files
    rules: tuple[BootRule, ...]
    sizes: Mapping[str, int]
    roles: dict[str, str] = {}
    kernel: KernelImage | None = None
    initrd: bytes | None = None
    root: Path | None = None
    redirects: Mapping[str, str] = {}
    servers: tuple[str, ...] = ()
