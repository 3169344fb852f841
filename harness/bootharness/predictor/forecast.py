"""What is to be expected of a kernel that nobody has booted yet."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import NotEmulated, UsageError
from bootharness.formats.fat_files import system_partition_on
from bootharness.formats.uefi_memory import free_memory, room_for
from bootharness.host.regular import read_regular
from bootharness.kernels.image import KernelImage
from bootharness.plan import BootPlan, MachineConfig
from bootharness.predictor.headroom import Headroom, PartLimit, headrooms
from bootharness.predictor.limits import Limit, find_limits
from bootharness.predictor.predict import predict_disk
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import MBR, lay_out

__all__ = ["IN_MEMORY", "ON_ESP", "Forecast", "KnownLoader", "forecasts", "in_memory", "on_esp"]

ON_ESP = "esp-file"
"""The part that is a kernel's file on an EFI system partition."""

IN_MEMORY = "uefi-memory"
"""The part that is the memory in which a kernel unpacks itself, between what a UEFI has taken."""

_MAP_BYTES = 1 << 24
_MIB = 1 << 20
_MEMORY_MIB = 64
"""More than any loader's limit that is not memory's."""
_ROOM_MIB = 16
"""For an initrd and the BIOS's tables behind the kernel."""
_PARTS = ("payload", "setup")
# what says that it was memory that ended, and not what the loader can do
_MEMORY = "memory-clobbered"


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
        """Find the limits of a loader. Raises NotEmulated as `find_limits`."""
        found = find_limits(loader, bioses=(bios,), memory_bytes=memory_mib * _MIB, parts=_PARTS)
        return cls(loader, tuple(map(_own, found)), bios, memory_mib)


def _own(limit: Limit) -> PartLimit:
    """Return what of a limit is the loader's own."""
    by_memory = limit.failing is None or limit.failing.cause == _MEMORY
    return PartLimit(limit.part, limit.unit, None if by_memory else limit.largest)


class Forecast(Struct, frozen=True):
    """What is to be expected of a kernel with a loader, by one of its limits.

    ``cause`` and ``sentence`` are those of the prediction, None when it is good. A loader that
    does not take an initrd is predicted without one.
    """

    headroom: Headroom
    release: str
    bios: str
    cause: str | None
    sentence: str | None
    takes_initrd: bool = True


def forecasts(kernel: KernelImage, known: KnownLoader) -> Iterator[Forecast]:
    """Yield what is to be expected of a kernel, and how close it comes to each limit.

    Raises NotEmulated for a boot that cannot be predicted.
    """
    loader, machine = known.loader, MachineConfig(memory_mib=known.memory_mib)
    # what the kernel itself needs is no limit of the loader's
    needed = -(-(kernel.header.memory_end or 0) // _MIB) + _ROOM_MIB
    machine = replace(machine, memory_mib=max(machine.memory_mib, needed))
    plan = MBR.settled(BootPlan(loader=loader.name, machine=machine))
    layout = lay_out(kernel, loader, plan)
    trace = predict_disk(layout, bios=known.bios, memory_bytes=machine.memory_bytes)
    judgement = judge(trace)
    if judgement.verdict is Verdict.SKIP:
        raise NotEmulated(judgement.summary)
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
            takes_initrd=loader.takes_initrd,
        )


def on_esp(kernel: KernelImage, image: DiskImage) -> Forecast:
    """Return how much of what is free on an image's EFI system partition a kernel's file takes, in
    bytes. Raises UsageError for an image without one."""

    def read(start: int, count: int) -> bytes:
        return image.content.read(start, max(min(count, image.size_bytes - start), 0))

    partition = system_partition_on(read)
    if partition is None:
        raise UsageError(f"--esp {image.source}: no FAT in it has a folder EFI")
    free = max(partition.free_bytes(read), 1)
    taken = -(-kernel.file_bytes // partition.cluster_bytes) * partition.cluster_bytes
    room = Headroom(kernel.source, f"the ESP of {image.source}", ON_ESP, "byte", taken, free)
    return Forecast(room, kernel.release, "", None, None)


def in_memory(kernel: KernelImage, path: Path) -> Forecast:
    """Return how much of the largest hole in a UEFI's memory map a kernel needs, in bytes: its EFI
    stub takes init_size at once, aligned, at pref_address or above (efi_relocate_kernel).

    Raises UsageError for a file that has no such map, and for a kernel that does not say.
    """
    header = kernel.header
    if header.init_size is None or header.pref_address is None:
        raise UsageError(f"{kernel.source}: its header does not say what memory it needs")
    holes = free_memory(read_regular(path, most=_MAP_BYTES).decode("utf-8", "replace"))
    if not holes:
        raise UsageError(
            f"{path}: it has no memory map of a UEFI with free memory in it: give what `efi map` "
            "of the debugger, memmap of the UEFI Shell, or a Linux with efi=debug says"
        )
    alignment = header.kernel_alignment or 1
    if not header.relocatable_kernel:  # there or nowhere
        holes = tuple(each for each in holes if header.pref_address in each)
    room = max(room_for(holes, lowest=header.pref_address, alignment=alignment), 1)
    needed = Headroom(
        kernel.source, f"the UEFI of {path}", IN_MEMORY, "byte", header.init_size, room
    )
    return Forecast(needed, kernel.release, "", None, None)
