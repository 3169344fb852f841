"""Which instructions a predicted boot carries out, one by one, as far as anybody wants to know."""

from msgspec import Struct
from unicorn import UC_HOOK_CODE, UC_HOOK_MEM_READ, UC_HOOK_MEM_WRITE, Uc

from bootharness.predictor.ending import not_emulated
from bootharness.predictor.memory import HIGH, ROM
from bootharness.predictor.pc import Pc
from bootharness.predictor.progress import Patience
from bootharness.predictor.quirks import Quirks
from bootharness.predictor.sectors import Sectors
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_layout import DiskLayout
from bootharness.trace.bioses import BIOSES

__all__ = ["Footsteps", "footsteps"]

_MOST_STEPS = 200_000
_TOP, _VIDEO = (1 << 32) - 1, 0xA0000


class Footsteps(Struct, frozen=True):
    """The linear address of each instruction in order, and its bytes by that address.

    ``real`` are those that were carried out in real mode. ``high`` and ``gone`` are where memory
    above 1 MiB and above the end of conventional memory was touched first by the CPU itself.
    """

    addresses: tuple[int, ...]
    code: dict[int, bytes]
    real: frozenset[int]
    high: int | None
    gone: int | None


def footsteps(
    disk: DiskImage | DiskLayout,
    *,
    bios: str,
    memory_bytes: int,
    quirks: Quirks,
    patience: Patience,
) -> Footsteps:
    """Boot as `predict_disk` does, and return the instructions; those of the BIOS left out."""
    sectors = Sectors.of(disk, quirks.errors)
    pc = Pc(sectors, memory_bytes, BIOSES[bios], quirks, patience=patience)
    taken: list[int] = []
    code: dict[int, bytes] = {}
    real: set[int] = set()
    first: dict[str, int] = {}

    def step(_uc: Uc, at: int, size: int, _data: object) -> None:
        if at in ROM or (taken and taken[-1] == at):  # REP comes here each time
            return
        if at not in code:
            code[at] = pc.memory.read_memory(at, min(size, 15))
            if pc.cpu.frame().real_mode:
                real.add(at)
        taken.append(at)
        if len(taken) >= _MOST_STEPS:
            pc.end(not_emulated(f"what comes after {_MOST_STEPS:,} instructions"))

    def touched(_uc: Uc, _access: int, at: int, _size: int, _value: int, _data: object) -> None:
        if taken:
            first.setdefault("high" if at >= HIGH else "gone", taken[-1])

    uc, either = pc.cpu.uc, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE
    uc.hook_add(UC_HOOK_CODE, step)
    uc.hook_add(either, touched, begin=HIGH, end=_TOP)
    if (low_end := quirks.low_kib * 1024) < _VIDEO:
        uc.hook_add(either, touched, begin=low_end, end=_VIDEO - 1)
    pc.boot()
    return Footsteps(tuple(taken), code, frozenset(real), first.get("high"), first.get("gone"))
