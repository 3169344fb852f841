"""How much a loader can boot: the exact largest of each part, found by prediction.

One part is made larger in an otherwise small boot. A prediction that fails often shows
where it began to: what was in place until then, or where memory first differs. Such a size
is tried before any other, so that a limit takes a handful of predictions.
"""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import NotEmulated, UsageError
from bootharness.kernels.content import Piece
from bootharness.kernels.selfcheck import imagined_kernel
from bootharness.plan import MachineConfig
from bootharness.predictor.block_move import effect
from bootharness.predictor.predict import predict_disk
from bootharness.predictor.quirks import Quirks
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import Loader
from bootharness.trace.bioses import BIOSES
from bootharness.trace.boot_trace import BootTrace

__all__ = ["PARTS", "Limit", "Part", "Try", "find_limits", "try_size"]

_PAYLOAD_BYTES = 0x10000
_SETUP_SECTS = 8
# Linux on x86 takes 2,047 bytes
_CMDLINE_SIZE, _MOST_CMDLINE = 2047, 4096
_DEFAULT_MEMORY = MachineConfig().memory_bytes
_RESERVE_BYTES = 2 << 20
_BELOW_KERNEL_BYTES = 1 << 20
_NOBODYS = 0xA5
"""What memory holds that nobody has written to: nothing that ends a command line."""
# where a loader may stumble although larger sizes do not: at a chunk, a segment, a sign bit
_STUMBLES = (4, 256, 512, 0x8000, 0xFE00, 0x10000, 0x100000)


class Part(Struct, frozen=True):
    """A part of what is loaded: its sizes in ``unit``, from ``least`` on in steps.

    ``most`` is the largest that is worth a try, given the machine's memory in bytes, of which
    ``elsewhere`` cannot be had for it: a loader that has no other limit has that one, and each try
    copies all of the memory.
    """

    name: str
    title: str
    unit: str
    least: int
    step: int
    most: Callable[[int], int]
    elsewhere: int = 0


PARTS = {
    part.name: part
    for part in (
        Part(
            "payload",
            "protected-mode kernel",
            "byte",
            16,
            16,
            lambda memory: memory,
            _BELOW_KERNEL_BYTES,
        ),
        Part("setup", "setup part", "sector", 1, 1, lambda _: 255),
        Part("cmdline", "command line", "byte", 0, 1, lambda _: _MOST_CMDLINE),
        Part("initrd", "initrd", "byte", 1, 1, lambda memory: memory - _RESERVE_BYTES),
    )
}


class Try(Struct, frozen=True):
    """A size and what would come of it; with the cause ``not-emulated`` that is not known."""

    size: int
    good: bool
    cause: str | None
    sentence: str


class Limit(Struct, frozen=True):
    """The largest size of a part that a loader boots, and the next one, which it does not.

    ``largest`` is None where not even the smallest boots, ``failing`` where all do up to
    ``most``. ``holes`` are sizes below the limit that were tried and fail all the same.
    """

    part: str
    bios: str
    unit: str
    largest: int | None
    failing: Try | None
    most: int
    holes: tuple[Try, ...] = ()


def find_limits(
    loader: Loader,
    *,
    bioses: Iterable[str] = ("seabios",),
    memory_bytes: int = _DEFAULT_MEMORY,
    parts: tuple[str, ...] = tuple(PARTS),
) -> Iterator[Limit]:
    """Yield the limits of a loader: for each BIOS that of each part that it can be given.

    Raises NotEmulated for a loader of which too little can be predicted.
    """
    predictions = _Predictions(loader, memory_bytes)
    for bios in bioses:
        for name in parts:
            if _takes(loader, name):
                yield _Search(predictions, name, bios).limit()


def try_size(loader: Loader, part: str, size: int, *, bios: str, memory_bytes: int) -> Try:
    """Return what would come of a size.

    Raises UsageError where the loader takes no such part.
    """
    if not _takes(loader, part):
        raise UsageError(f"{loader.name}: this loader takes no {PARTS[part].title}")
    return _told(size, _Predictions(loader, memory_bytes).trace(part, size, bios))


def _takes(loader: Loader, part: str) -> bool:
    return {"cmdline": "cmdline_lba", "initrd": "initrd_lba"}.get(part, "") in {
        "",
        *loader.patches,
    }


def _told(size: int, trace: BootTrace) -> Try:
    judgement = judge(trace)
    return Try(size, judgement.verdict is Verdict.GOOD, judgement.cause, judgement.summary)


class _Predictions:
    """Boots that were predicted, so that no two BIOSes that do the same are both asked."""

    def __init__(self, loader: Loader, memory_bytes: int) -> None:
        self._loader = loader
        self._traces: dict[tuple[str, int], list[BootTrace]] = {}
        self.memory_bytes = memory_bytes

    def trace(self, part: str, size: int, bios: str) -> BootTrace:
        """Return the trace of a boot with a size of a part, small in all others."""
        known = self._traces.setdefault((part, size), [])
        for trace in known:
            if _moves_alike(trace, bios):
                return trace
        known.append(self._predict(part, size, bios))
        return known[-1]

    def _predict(self, part: str, size: int, bios: str) -> BootTrace:
        sizes = {
            "payload": _PAYLOAD_BYTES, "setup": _SETUP_SECTS, "cmdline": 0, "initrd": 0, part: size
        }  # fmt: skip
        kernel = imagined_kernel(
            sizes["payload"],
            setup_sects=sizes["setup"],
            cmdline_size=max(_CMDLINE_SIZE, sizes["cmdline"]),
        )
        layout = DiskLayout.plan(
            self._loader,
            kernel,
            cmdline="x" * sizes["cmdline"],
            memory_bytes=self.memory_bytes,
            initrd=Piece(kernel.content, 0, sizes["initrd"]) if sizes["initrd"] else None,
        )
        quirks = Quirks(fill=_NOBODYS)
        return predict_disk(layout, bios=bios, memory_bytes=self.memory_bytes, quirks=quirks)


def _moves_alike(trace: BootTrace, bios: str) -> bool:
    """Whether a BIOS does with every block-move table what the trace's BIOS did."""
    assert trace.machine
    assert trace.machine.bios
    one, other = BIOSES[trace.machine.bios], BIOSES[bios]
    for call in trace.bios_calls:
        if call.table_hex:
            table, words = bytes.fromhex(call.table_hex), call.registers_in.ecx & 0xFFFF
            if effect(table, words, one) != effect(table, words, other):
                return False
    return True


class _Search:
    """The sizes of one part that have been tried, and where the next one may be."""

    def __init__(self, predictions: _Predictions, part: str, bios: str) -> None:
        self._predictions = predictions
        self._part = PARTS[part]
        self._bios = bios
        self._tries: dict[int, Try] = {}
        self._hints: list[int] = []

    def limit(self) -> Limit:
        """Find the limit."""
        least, step = self._part.least, self._part.step
        most = self._part.most(self._predictions.memory_bytes)
        good, bad = least, most
        if not self._good(least):
            if self._tries[least].cause == NotEmulated.cause:
                raise NotEmulated(self._tries[least].sentence)
            return self._limit(None, self._tries[least], most)
        room = most - self._part.elsewhere
        if not self._good(room):
            bad = room
        elif room == most:
            return self._limit(most, None, most)
        elif not self._good(room + step):
            return self._limit(room, self._tries[room + step], most)
        elif self._good(most):
            return self._limit(most, None, most)
        else:
            good = room + step
        while bad - good > step:
            size = self._between(good, bad)
            if self._good(size):
                good = size
            else:
                bad = size
        return self._limit(good, self._tries[bad], most)

    def _good(self, size: int) -> bool:
        if size not in self._tries:
            trace = self._predictions.trace(self._part.name, size, self._bios)
            self._tries[size] = _told(size, trace)
            if not self._tries[size].good:
                self._hints += [hint for hint in _hints(trace, self._part.name) if hint < size]
        return self._tries[size].good

    def _between(self, good: int, bad: int) -> int:
        """Return a size between the two: one that a failure points at, else the middle."""
        step = self._part.step
        while self._hints:
            hint = self._hints[-1] // step * step
            for size in (hint, hint + step):
                if good < size < bad:
                    return size
            self._hints.pop()
        return (good + bad) // 2 // step * step

    def _limit(self, largest: int | None, failing: Try | None, most: int) -> Limit:
        below = self._below(largest) if largest is not None else ()
        holes = tuple(each for each in below if not each.good)
        part = self._part
        return Limit(part.name, self._bios, part.unit, largest, failing, most, holes)

    def _below(self, largest: int) -> tuple[Try, ...]:
        for around in _STUMBLES:
            for size in (around - self._part.step, around, around + self._part.step):
                if self._part.least <= size < largest and size % self._part.step == 0:
                    self._good(size)
        return tuple(self._tries[size] for size in sorted(self._tries) if size < largest)


def _hints(trace: BootTrace, part: str) -> Iterator[int]:
    """Yield sizes up to which a failed prediction may have been right, the likeliest last."""
    kernel, handoff = trace.kernel, trace.handoff
    assert kernel
    if part == "payload":
        if trace.machine:
            yield trace.machine.memory_bytes - kernel.header.load_address
        yield trace.placed_bytes
        if handoff and handoff.payload and handoff.payload.first_difference is not None:
            yield handoff.payload.first_difference
    elif part == "initrd" and trace.disk and trace.disk.initrd_bytes:
        # it lies as high as it can: what it has too much overlaps the kernel
        end = (kernel.header.pref_address or 0) + (kernel.header.init_size or 0)
        yield trace.disk.initrd_bytes - (end - (trace.disk.initrd_address or 0))
