"""Everything seen in one boot. A trace is judged and drawn without QEMU and without the files."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bootharness.formats.bioscall import BiosCall, Registers
from bootharness.formats.bzimage import SetupHeader
from bootharness.formats.gdt import BlockMoveTable
from bootharness.formats.intlog import GuestException
from bootharness.plan import MachineConfig
from bootharness.trace.bioses import BIOSES
from bootharness.trace.wire import NetworkFacts

__all__ = [
    "MILESTONES",
    "BlockMove",
    "BootTrace",
    "Comparison",
    "CpuSample",
    "DiskFacts",
    "Ending",
    "Handoff",
    "KernelFacts",
    "LoaderFacts",
    "MachineFacts",
    "Milestone",
    "PostMortem",
    "QmpEvent",
    "block_moves",
    "ordered",
    "placements",
    "screen_text",
]

MILESTONES = (
    "bios-handoff",
    "stage1",
    "setup-loaded",
    "kernel-loaded",
    "setup-entered",
    "protected-mode",
    "banner",
    "init",
)
"""The named points of a boot, in the order in which they are reached."""


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """The kernel build under test; sizes in bytes."""

    source: str
    sha256: str
    release: str
    compression: str
    file_bytes: int
    real_mode_bytes: int
    payload_bytes: int
    missing_bytes: int
    header: SetupHeader


@dataclass(frozen=True, slots=True)
class LoaderFacts:
    """The loader, and its symbols as linear addresses."""

    name: str
    sha256: str
    symbols: dict[str, int]

    def symbol_at(self, linear: int) -> str | None:
        """Write an address by the label before it, ``load_high+0x5``; None outside the loader."""
        below = [(place, name) for name, place in self.symbols.items() if place <= linear]
        if not below or linear > max(self.symbols.values()):
            return None
        place, name = max(below)
        return f"{name}+0x{linear - place:x}" if linear > place else name


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """What lies where on the disk image: LBAs in sectors, the initrd in bytes and linear.

    ``boot_sector`` is its first sector in hex. What is None of a disk that somebody else
    made is not known.
    """

    path: str
    bytes: int
    kernel_lba: int | None
    cmdline_lba: int | None
    cmdline: str | None
    initrd_lba: int | None
    initrd_bytes: int | None
    initrd_address: int | None
    boot_sector: str


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """The machine that the boot ran on.

    ``bios`` is one of `BIOSES`; ``bios_file`` is the build of it, None where that is QEMU's own.
    """

    qemu: str
    qemu_version: str
    accelerator: str
    machine_type: str
    disk_interface: str
    memory_bytes: int
    command_line: tuple[str, ...]
    bios: str = "seabios"
    bios_file: str | None = None

    @property
    def config(self) -> MachineConfig:
        """The machine, to be had again."""
        return MachineConfig(
            qemu=self.qemu,
            machine_type=self.machine_type,
            memory_mib=self.memory_bytes >> 20,
            disk_interface=self.disk_interface,
            accelerator=self.accelerator,
            bios=self.bios_file,
        )


@dataclass(frozen=True, slots=True)
class Milestone:
    """A named point that the boot reached, in seconds since launch."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Guest memory against the file: bytes compared, how many differ, and the first of them."""

    address: int
    compared_bytes: int
    differing_bytes: int = 0
    first_difference: int | None = None
    expected: int | None = None
    found: int | None = None

    @property
    def equal(self) -> bool:
        """Whether all of it is what the file says."""
        return not self.differing_bytes


@dataclass(frozen=True, slots=True)
class Handoff:
    """The machine as the kernel was entered.

    ``exact`` is False where the entry itself was not seen, only the kernel's first BIOS
    call: then ``registers`` are those of that call, and the setup code has begun to use
    its own memory, so ``real_mode`` is not compared. ``calls`` is how many BIOS calls came
    before it. ``real_mode_address`` is where the real-mode kernel lies, linear.
    """

    seconds: float
    exact: bool
    calls: int
    registers: Registers
    header: SetupHeader | None
    real_mode: Comparison | None
    payload: Comparison | None
    initrd: Comparison | None
    cmdline: str | None
    real_mode_address: int | None = None

    @property
    def memory_equal(self) -> bool | None:
        """Whether all that was placed and compared equals the files; None when nothing was."""
        proofs = [proof for proof in (self.real_mode, self.payload, self.initrd) if proof]
        return all(proof.equal for proof in proofs) if proofs else None


@dataclass(frozen=True, slots=True)
class QmpEvent:
    """An event that QEMU reported, in seconds since launch."""

    name: str
    seconds: float
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CpuSample:
    """Where the CPU was when the harness looked: linear address and mode.

    ``general`` are the general registers as QEMU writes them: two looks at a loop differ in
    them if it counts, copies or waits for the time.
    """

    seconds: float
    linear: int
    cs: int
    ip: int
    mode: str
    halted: bool
    interrupts: bool
    general: str = ""

    @property
    def in_bios(self) -> bool:
        """Whether it is in the BIOS or an option ROM."""
        return 0xC0000 <= self.linear < 0x100000

    @property
    def in_kernel(self) -> bool:
        """Whether it is where Linux maps itself: the decompressor runs at low addresses."""
        bottom = {"long": 0xFFFFFFFF80000000, "paged": 0xC0000000}.get(self.mode)
        return bottom is not None and self.linear >= bottom


@dataclass(frozen=True, slots=True)
class PostMortem:
    """The machine as the boot has left it, standing still.

    ``status`` is QEMU's run state before it was stopped for this, ``registers`` are as QEMU
    writes them. ``code_hex`` is what lies around the next instruction, from
    ``code_address`` (linear) on, to be decoded as ``bits``-bit code; it is empty where
    nothing can be read. ``screen`` is the text on the VGA screen, empty in a graphics mode.
    ``exceptions`` are those that ended in a triple fault, seen in a second boot; None where
    there was none. ``missing`` says in sentences what could not be had.
    """

    status: str
    cpu: CpuSample
    registers: str
    bits: Literal[16, 32, 64]
    code_address: int
    code_hex: str
    screen: str
    exceptions: tuple[GuestException, ...] | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """How the boot stopped.

    ``kind`` is one of: ``reached`` (as far as wanted), ``memory-differs`` (the handoff with
    a kernel that is not the file), ``guest-reset``, ``guest-shutdown``, ``boot-failed``
    (INT 18h), ``bootstrap`` (INT 19h by the guest), ``network`` (it cannot come to anything
    any more, as the wire shows; ``detail`` is the cause), ``boot-program`` (what came from
    the network gives up; ``detail`` is what it says), ``panic``, ``complaint`` (the kernel
    says that it cannot run), ``halted`` (HLT with interrupts off), ``loop``,
    ``waits-for-key``, ``silent`` (a kernel without a console on the serial line), ``idle``,
    ``timeout``, ``skipped`` (we could not find out; then ``cause`` says why).
    """

    kind: str
    seconds: float
    detail: str = ""
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class BlockMove:
    """One INT 15h AH=87h: linear addresses, bytes, times in seconds since launch.

    The addresses are those that the BIOS took from the ``table``, which may say others.

    ``status`` is AH as returned, None where the return was not seen. ``completed`` tells
    whether it did return: by its return, or because its caller went on afterwards.
    """

    index: int
    source: int
    destination: int
    bytes: int
    status: int | None
    completed: bool
    seconds: float
    returned_at: float | None
    table: BlockMoveTable

    @property
    def end(self) -> int:
        """The linear address behind the last byte moved."""
        return self.destination + self.bytes


@dataclass(frozen=True, slots=True)
class BootTrace:
    """All evidence of one boot.

    ``source`` is what the person calls the kernel or the disk image; ``gdb_calls`` are the
    loader's calls as gdb saw them, when both tracers watched; ``bios_log`` is what the BIOS
    said of itself on its debug port.
    """

    source: str
    until: str
    ending: Ending
    kernel: KernelFacts | None = None
    loader: LoaderFacts | None = None
    disk: DiskFacts | None = None
    machine: MachineFacts | None = None
    tracer: str = "recorder"
    milestones: tuple[Milestone, ...] = ()
    bios_calls: tuple[BiosCall, ...] = ()
    gdb_calls: tuple[BiosCall, ...] = ()
    handoff: Handoff | None = None
    serial: str = ""
    bios_log: str = ""
    events: tuple[QmpEvent, ...] = ()
    samples: tuple[CpuSample, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)
    network: NetworkFacts | None = None
    post_mortem: PostMortem | None = None

    def with_missing(self, *sentences: str) -> "BootTrace":
        """Return the trace with more of what the post-mortem could not have."""
        seen = self.post_mortem
        if seen is None or not sentences:
            return self
        return replace(self, post_mortem=replace(seen, missing=(*seen.missing, *sentences)))

    @property
    def timed(self) -> bool:
        """Whether its times mean something: a predictor has no clock."""
        return self.tracer != "emulator"

    @property
    def ended_after(self) -> str:
        """When the boot ended, to go into a sentence: `` 0.51 s after launch``."""
        return f" {self.ending.seconds:.2f} s after launch" if self.timed else ""

    def milestone(self, name: str) -> Milestone | None:
        """Return a milestone, None when the boot did not reach it."""
        return next((point for point in self.milestones if point.name == name), None)

    def reached(self, name: str) -> bool:
        """Return whether the boot reached a milestone."""
        return self.milestone(name) is not None

    @property
    def loader_calls(self) -> tuple[BiosCall, ...]:
        """The calls that the loader made: neither the BIOS's own nor the kernel's."""
        before = self.bios_calls[: self.handoff.calls] if self.handoff else self.bios_calls
        return tuple(call for call in before if not call.from_bios)

    @property
    def block_moves(self) -> tuple[BlockMove, ...]:
        """Every INT 15h AH=87h, in order."""
        bios = self.machine.bios if self.machine else "seabios"
        return _LAST_MOVES.of(self.bios_calls, handed_off=self.handoff is not None, bios=bios)

    @property
    def placed_bytes(self) -> int:
        """How much of the protected-mode kernel was moved to where it belongs."""
        if self.kernel is None:
            return 0
        return max((done for _, done in placements(self.block_moves, self.kernel)), default=0)

    @property
    def screen(self) -> str:
        """What was written through INT 10h AH=0Eh: by the BIOS, the loader and the setup code."""
        return screen_text(self.bios_calls)


def ordered(points: Mapping[str, float], order: Iterable[str]) -> tuple[Milestone, ...]:
    """Return milestones, given by name with their seconds, in an order of names."""
    return tuple(Milestone(name, points[name]) for name in order if name in points)


class _LastMoves:
    """The block moves that were asked for last: a dozen rules ask for the same thousand."""

    def __init__(self) -> None:
        self._moves: tuple[object, object, tuple[BlockMove, ...]] = ((), None, ())

    def of(self, calls: tuple[BiosCall, ...], **how: Any) -> tuple[BlockMove, ...]:
        """Return the block moves among BIOS calls; ``how`` is for `block_moves`."""
        of, known, moves = self._moves
        if of is not calls or known != how:
            moves = tuple(block_moves(calls, **how))
            self._moves = (calls, how, moves)
        return moves


_LAST_MOVES = _LastMoves()


def block_moves(
    calls: tuple[BiosCall, ...], *, handed_off: bool, bios: str = "seabios"
) -> Iterator[BlockMove]:
    """Yield the block moves among BIOS calls, with the addresses that the BIOS reads from a table.

    After a handoff none of them is still going on.
    """
    model = BIOSES[bios]
    last = max((at for at, call in enumerate(calls) if not call.from_bios), default=-1)
    went_on = len(calls) if handed_off else last
    index = 0
    for at, call in enumerate(calls):
        table = call.table
        if table is None:
            continue
        raw = bytes.fromhex(call.table_hex)
        returned = call.registers_out is not None
        yield BlockMove(
            index=index,
            source=model.address(raw[0x10:0x18]),
            destination=model.address(raw[0x18:0x20]),
            bytes=(call.registers_in.ecx & 0xFFFF) * 2,
            status=call.status,
            completed=(returned or at < went_on) and not call.failed,
            seconds=call.called_at,
            returned_at=call.returned_at,
            table=table,
        )
        index += 1


def placements(moves: Iterable[BlockMove], kernel: KernelFacts) -> Iterator[tuple[BlockMove, int]]:
    """Yield each move that continues the payload without a gap, and the bytes then in place."""
    start = end = kernel.header.code32_start
    for move in moves:
        if move.destination == end and move.completed and end - start < kernel.payload_bytes:
            end = move.end
            yield move, min(end - start, kernel.payload_bytes)


def screen_text(calls: Iterable[BiosCall]) -> str:
    """Return what was written through INT 10h AH=0Eh."""
    return "".join(
        chr(call.registers_in.al) for call in calls if (call.number, call.function) == (0x10, 0x0E)
    )
