"""How close a kernel comes to what a loader can boot; nothing is booted."""

from collections.abc import Iterator
from dataclasses import dataclass

from bootharness.diagnosis import Verdict, judge
from bootharness.kernels.image import KernelImage
from bootharness.plan import BootPlan, MachineConfig
from bootharness.predictor import predict
from bootharness.predictor.limits import Limit, find_limits
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out

__all__ = ["Headroom", "KnownLoader", "headroom"]

_MIB = 1 << 20
_PARTS = ("payload", "setup")
# what says that it was memory that ended, and not what the loader can do
_MEMORY = "memory-clobbered"


@dataclass(frozen=True, slots=True)
class KnownLoader:
    """A loader with its limits on one machine."""

    loader: Loader
    limits: tuple[Limit, ...]
    bios: str
    memory_mib: int

    @classmethod
    def examine(cls, loader: Loader, *, bios: str, memory_mib: int) -> "KnownLoader":
        """Find the limits of a loader."""
        found = find_limits(loader, bioses=(bios,), memory_bytes=memory_mib * _MIB, parts=_PARTS)
        return cls(loader, tuple(found), bios, memory_mib)


@dataclass(frozen=True, slots=True)
class Headroom:
    """A kernel's size of one part and the loader's limit, in ``unit``.

    ``limit`` and ``percent`` are None where only memory limits the loader, or where it
    boots nothing at all. ``cause`` and ``sentence`` are those of the prediction for this
    kernel, None when it is good.
    """

    kernel: str
    release: str
    loader: str
    bios: str
    part: str
    unit: str
    size: int
    limit: int | None
    percent: float | None
    cause: str | None
    sentence: str | None


def headroom(kernel: KernelImage, known: KnownLoader) -> Iterator[Headroom]:
    """Yield how close a kernel comes to each limit of a loader."""
    machine = MachineConfig(memory_mib=known.memory_mib)
    layout = lay_out(kernel, known.loader, BootPlan(until="setup", machine=machine))
    judgement = judge(predict(layout, bios=known.bios, memory_bytes=machine.memory_bytes))
    good = judgement.verdict is Verdict.GOOD
    sizes = {"payload": kernel.payload_bytes, "setup": kernel.real_mode_bytes // 512 - 1}
    for found in known.limits:
        by_memory = found.failing is None or found.failing.cause == _MEMORY
        limit = None if by_memory else found.largest
        size = sizes[found.part]
        yield Headroom(
            kernel=kernel.source,
            release=kernel.release,
            loader=known.loader.name,
            bios=known.bios,
            part=found.part,
            unit=found.unit,
            size=size,
            limit=limit,
            percent=100 * size / limit if limit else None,
            cause=None if good else judgement.cause,
            sentence=None if good else judgement.summary,
        )
