"""How close a kernel comes to what a loader can boot; nothing is booted."""

from collections.abc import Iterator

from msgspec import Struct

from bootharness.diagnosis import Verdict, judge
from bootharness.kernels.image import KernelImage
from bootharness.plan import BootPlan, MachineConfig
from bootharness.predictor.limits import Limit, find_limits
from bootharness.predictor.predict import predict_disk
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import MBR, lay_out

__all__ = ["Forecast", "Headroom", "KnownLoader", "PartLimit", "forecasts", "headrooms"]

_MIB = 1 << 20
_MEMORY_MIB = 64
"""More than any loader's limit that is not memory's."""
_PARTS = ("payload", "setup")
# what says that it was memory that ended, and not what the loader can do
_MEMORY = "memory-clobbered"


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

    @classmethod
    def of(cls, limit: Limit) -> "PartLimit":
        """Return what of a limit is the loader's own."""
        by_memory = limit.failing is None or limit.failing.cause == _MEMORY
        return cls(limit.part, limit.unit, None if by_memory else limit.largest)


class KnownLoader(Struct, frozen=True):
    """A loader with its limits on one machine."""

    loader: Loader
    limits: tuple[PartLimit, ...]
    bios: str
    memory_mib: int

    @classmethod
    def examine(
        cls, loader: Loader, *, bios: str = "seabios", memory_mib: int = _MEMORY_MIB
    ) -> "KnownLoader":
        """Find the limits of a loader."""
        found = find_limits(loader, bioses=(bios,), memory_bytes=memory_mib * _MIB, parts=_PARTS)
        return cls(loader, tuple(map(PartLimit.of, found)), bios, memory_mib)


class Forecast(Struct, frozen=True):
    """What is to be expected of a kernel with a loader, by one of its limits.

    ``cause`` and ``sentence`` are those of the prediction, None when it is good.
    """

    headroom: Headroom
    release: str
    bios: str
    cause: str | None
    sentence: str | None


def headrooms(
    kernel: str, loader: str, limits: tuple[PartLimit, ...], *, payload_bytes: int, setup_sects: int
) -> Iterator[Headroom]:
    """Yield how close a kernel, given by its sizes, comes to each of a loader's limits."""
    sizes = {"payload": payload_bytes, "setup": setup_sects or 4}  # boot.rst: 0 means 4
    for each in limits:
        yield Headroom(kernel, loader, each.part, each.unit, sizes[each.part], each.largest)


def forecasts(kernel: KernelImage, known: KnownLoader) -> Iterator[Forecast]:
    """Yield what is to be expected of a kernel, and how close it comes to each limit."""
    loader, machine = known.loader, MachineConfig(memory_mib=known.memory_mib)
    plan = MBR.settled(BootPlan(loader=loader.name, machine=machine))
    layout = lay_out(kernel, loader, plan)
    trace = predict_disk(layout, bios=known.bios, memory_bytes=machine.memory_bytes)
    judgement = judge(trace)
    good = judgement.verdict is Verdict.GOOD
    for each in headrooms(
        kernel.source,
        loader.name,
        known.limits,
        payload_bytes=kernel.payload_bytes,
        setup_sects=kernel.header.setup_sects,
    ):
        yield Forecast(
            each,
            kernel.release,
            known.bios,
            cause=None if good else judgement.cause,
            sentence=None if good else judgement.summary,
        )
