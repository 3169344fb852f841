"""What can be asked of every route from a network, and what cannot be."""

from pathlib import Path

from bootharness.errors import UsageError
from bootharness.formats.pci_rom import PciRom, pci_roms
from bootharness.host.regular import read_regular
from bootharness.machine.device import Firmware
from bootharness.plan import BootPlan
from bootharness.plan.dhcp_option import check_fit, read_dhcp_option

__all__ = ["OF_EVERY_NETWORK", "card_for", "check_certificate", "check_net"]

OF_EVERY_NETWORK = ("nic", "more_nics", "faults", "dhcp_options", "mac", "nic_rom", "cold")
"""Options, by their fields' names."""
_ROM_BYTES = 1 << 24
_BIOS_CODE = 0
# by which a BIOS knows which ROM is for which card
_CARDS = {
    "virtio": (0x1AF4, 0x1000),
    "virtio-1": (0x1AF4, 0x1041),
    "e1000": (0x8086, 0x100E),
    "e1000e": (0x8086, 0x10D3),
    "rtl8139": (0x10EC, 0x8139),
}
_ALSO = {"virtio": "virtio-1"}
"""The same card without what it was before virtio 1.0; a ROM is for one of the two."""


def check_net(plan: BootPlan, firmware: Firmware) -> None:
    """Raise UsageError for DHCP options and a card's ROM that cannot be."""
    if plan.net.ip == "6" and plan.net.dhcp_options:
        raise UsageError(
            f"--dhcp-option {plan.net.dhcp_options[0]}: it is one of DHCP for IPv4, which --ip 6 "
            "does without"
        )
    try:
        check_fit(dict(map(read_dhcp_option, plan.net.dhcp_options)))
    except UsageError as error:
        raise UsageError(f"--dhcp-option: they {error}") from None
    if plan.net.nic_rom:
        _check_rom(plan, firmware)


def check_certificate(plan: BootPlan) -> None:
    """Raise UsageError for a certificate with which no HTTPS could be served."""
    if plan.net.https_cert:
        from bootharness.network.tls import tls_context  # most do without

        tls_context(Path(plan.net.https_cert))


def card_for(nic: str, rom: Path) -> str:
    """Return which of the cards that are called ``nic`` a ROM is for, by a BIOS."""
    also = _ALSO.get(nic)
    roms = pci_roms(read_regular(rom, most=_ROM_BYTES))
    return also if also and not _is_for(roms, nic) and _is_for(roms, also) else nic


def _check_rom(plan: BootPlan, firmware: Firmware) -> None:
    """A BIOS passes over a ROM that is not for the card, without a word."""
    asked = f"--nic-rom {plan.net.nic_rom}"
    rom = Path(str(plan.net.nic_rom))
    roms = pci_roms(read_regular(rom, most=_ROM_BYTES))
    if not roms:
        raise UsageError(
            f"{asked}: it is no ROM of a PCI card, which begins with 55 aa and has a PCIR in it: "
            "iPXE's build makes one as bin/1af41000.rom"
        )
    nic = "virtio" if plan.net.nic == "auto" else plan.net.nic
    if firmware == "bios" and not _is_for(roms, card_for(nic, rom)):
        found = ", ".join(map(str, roms))
        card = "{:04x}:{:04x}".format(*_CARDS[nic])
        raise UsageError(f"{asked}: it has {found}, and the card {nic} takes BIOS code for {card}")


def _is_for(roms: list[PciRom], nic: str) -> bool:
    return PciRom(*_CARDS[nic], _BIOS_CODE) in roms
