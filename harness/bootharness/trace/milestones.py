"""The named points of a boot."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

__all__ = ["MILESTONES", "NET_MILESTONES", "UEFI_MILESTONES", "Milestone", "ordered"]

MILESTONES = (
    "bios-handoff",
    "stage1",
    "boot-manager",
    "boot-menu",
    "kernel-chosen",
    "setup-loaded",
    "kernel-loaded",
    "setup-entered",
    "protected-mode",
    "banner",
    "init",
)
"""The named points of a boot, in the order in which they are reached."""
NET_MILESTONES = (
    "link-up",
    "dhcp-discover",
    "dhcp-offer",
    "dhcp-request",
    "dhcp-ack",
    "nbp-served",
    "script-served",
    "kernel-requested",
    "kernel-served",
    "initrd-requested",
    "initrd-served",
    "boot-services-ended",
    "setup-entered",
    "protected-mode",
    "banner",
    "init",
)
"""The named points of a network boot, in the order in which most paths reach them."""

UEFI_MILESTONES = (
    "firmware",
    "boot-option",
    "kernel-started",
    "boot-services-ended",
    "protected-mode",
    "banner",
    "init",
)
"""The named points of a boot by a UEFI, in the order in which they are reached."""


class Milestone(Struct, frozen=True):
    """A named point that the boot reached, in seconds since launch."""

    name: str
    """One of `MILESTONES`, of `NET_MILESTONES` from a network, of `UEFI_MILESTONES` by a UEFI."""
    seconds: float
    """Since launch."""


def ordered(points: Mapping[str, float], order: Iterable[str]) -> tuple[Milestone, ...]:
    """Return milestones, given by name with their seconds, in an order of names."""
    return tuple(Milestone(name, points[name]) for name in order if name in points)
