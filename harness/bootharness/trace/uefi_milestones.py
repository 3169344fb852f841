"""The points of a boot by a UEFI, as its calls show them."""

from collections.abc import Iterable

from bootharness.trace.uefi_calls import UefiCall

__all__ = ["uefi_milestones"]


def uefi_milestones(calls: Iterable[UefiCall], base: int | None) -> dict[str, float]:
    """Return how far a boot had come by what was asked of the UEFI: names with seconds since
    launch.

    ``base`` is where the kernel lies that has ended the boot services, None where that is not
    known.
    """
    points: dict[str, float] = {}
    for call in calls:
        if call.service == "recorder":
            points.setdefault("firmware", call.seconds)
        elif call.service == "StartImage":
            points.setdefault("boot-option", call.seconds)
            if base is not None and call.address == base:
                points["kernel-started"] = call.seconds
    return points
