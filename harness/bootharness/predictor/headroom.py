"""How close a kernel comes to what a loader can boot; nothing is booted."""

from collections.abc import Iterator

from msgspec import Struct

__all__ = ["Headroom", "PartLimit", "headrooms"]


class Headroom(Struct, frozen=True):
    """How much of a loader's limit a kernel takes up, in ``unit``.

    ``limit`` is None where only memory ends it, or where it boots nothing at all.
    """

    kernel: str
    loader: str
    part: str
    unit: str
    size: int
    limit: int | None

    @property
    def percent(self) -> float | None:
        """How much of the limit is taken up, None where there is none."""
        return 100 * self.size / self.limit if self.limit else None


class PartLimit(Struct, frozen=True):
    """The largest of a part that a loader boots, in ``unit``; None where only memory ends it."""

    part: str
    unit: str
    largest: int | None


def headrooms(
    kernel: str, loader: str, limits: tuple[PartLimit, ...], *, payload_bytes: int, setup_sects: int
) -> Iterator[Headroom]:
    """Yield how close a kernel, given by its sizes, comes to each of a loader's limits."""
    sizes = {"payload": payload_bytes, "setup": setup_sects or 4}  # boot.rst: 0 means 4
    for each in limits:
        yield Headroom(kernel, loader, each.part, each.unit, sizes[each.part], each.largest)
