"""What every loader must stand, as stage1 promises it: each is a boot and what must come of it."""

from collections.abc import Mapping
from itertools import pairwise

from msgspec import Struct, field
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.bzimage import offset_of
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.kernels.content import Piece, PieceMap, Repeated
from bootharness.kernels.image import KernelImage
from bootharness.kernels.selfcheck import ImaginedKernel, imagined_kernel
from bootharness.predictor.predict import predict_disk
from bootharness.predictor.quirks import Quirks, ReadError
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace

__all__ = ["SCENARIOS", "Scenario"]

_CHUNK = 0xFE00
_LIMIT = 15_735_808
_MIB = 1 << 20
_GARBAGE = 0xA5
_ATTEMPTS = 5
_MOST_SECTORS = 127
_HEAP_END = 0xE000
_FIRST_LBA = 2048
_KERNEL_LBA = _FIRST_LBA + 4
_CHUNK_LBA = _KERNEL_LBA + 9
_FURTHER = 0x10040
# A BIOS may leave anything in the registers but DL, and enter at 07C0:0000. Its stack is where
# a chunk will be, or the loader's data in segment 0; its pointers hurt who writes through them.
_ENTRY = {
    "eax": 0xDEADBEEF, "ebx": 0x11223344, "ecx": 0x55667788, "edx": 0x99AA7780,
    "esi": 0x12345D28, "edi": 0x9ABCDEF0, "ebp": 0x13577D6F, "esp": 0x24687D80,
    "ds": 0x1234, "es": 0x4321, "ss": 0x2000, "fs": 0x3333, "gs": 0x4444,
    "cs": 0x07C0, "ip": 0, "flags": 0x0CD7 & ~0x0200,
}  # fmt: skip
_MACHINE = Quirks(fill=_GARBAGE, entry=_ENTRY)


class Scenario(Struct, frozen=True):
    """A boot. ``says`` is the code with which the loader must refuse it, None to boot it.

    ``fields`` are other bytes of the kernel's setup header, by its name in boot.rst. A
    ``scattered`` disk has kernel and initrd far from where the read before them ended.
    """

    name: str
    payload: int = _CHUNK + 16
    setup_sects: int = 8
    cmdline: int = 20
    initrd: int = 0
    first_lba: int = _FIRST_LBA
    memory_mib: int = 24
    quirks: Quirks = _MACHINE
    fields: Mapping[str, bytes] = field(default_factory=dict)
    scattered: bool = False
    says: str | None = None

    def fault(self, loader: Loader) -> str | None:
        """Return what a loader does wrong here, None if it does all right."""
        kernel = _kernel(self)
        layout = DiskLayout.plan(
            loader,
            kernel,
            cmdline="x" * self.cmdline,
            memory_bytes=self.memory_mib * _MIB,
            initrd=Piece(kernel.content, 77, self.initrd) if self.initrd else None,
            first_lba=self.first_lba,
        )
        if self.scattered:
            layout = _scattered(layout)
        trace = predict_disk(layout, memory_bytes=self.memory_mib * _MIB, quirks=self.quirks)
        return (_refusal(trace, self.says) if self.says else _boot(trace)) or _manners(trace, self)


def _kernel(scenario: Scenario) -> KernelImage:
    kernel = imagined_kernel(scenario.payload, setup_sects=scenario.setup_sects, cmdline_size=2047)
    if not scenario.fields:
        return kernel
    real_mode = bytearray(kernel.read_real_mode())
    for name, value in scenario.fields.items():
        at = offset_of(name)
        real_mode[at : at + len(value)] = value
    return _with_real_mode(kernel, bytes(real_mode))


def _with_real_mode(kernel: ImaginedKernel, real_mode: bytes) -> ImaginedKernel:
    header = replace(kernel.header)
    if real_mode[0x202:0x206] == b"HdrS":
        header = type(header).parse(real_mode)
    assert isinstance(kernel.body, Repeated)
    return replace(kernel, header=header, body=Repeated(real_mode, kernel.body.period))


def _scattered(layout: DiskLayout) -> DiskLayout:
    """Return a layout with kernel and initrd further on, and the loader told so."""
    lbas = {"kernel_lba": layout.kernel_lba + _FURTHER}
    if layout.initrd:
        lbas["initrd_lba"] = layout.initrd.lba + 3 * _FURTHER
    code = bytearray(layout.read(0, SECTOR_BYTES))
    for name, lba in lbas.items():
        patch = layout.loader.patches[name]
        code[patch.offset : patch.offset + patch.size] = lba.to_bytes(patch.size, "little")
    content = PieceMap()
    for address, piece in layout.content:
        content.put(address, piece)
    content.put(0, Piece.of(bytes(code)))
    nothing = (layout.sectors - layout.kernel_lba) * SECTOR_BYTES
    content.put(layout.kernel_lba * SECTOR_BYTES, Piece.of(bytes((_GARBAGE,)) * nothing))
    content.put(
        lbas["kernel_lba"] * SECTOR_BYTES, Piece(layout.kernel.content, 0, layout.kernel.file_bytes)
    )
    if layout.initrd:
        content.put(lbas["initrd_lba"] * SECTOR_BYTES, layout.initrd.content)
    return replace(
        layout,
        content=content,
        sectors=layout.sectors + 4 * _FURTHER,
        kernel_lba=lbas["kernel_lba"],
        initrd=layout.initrd and replace(layout.initrd, lba=lbas["initrd_lba"]),
    )


def _boot(trace: BootTrace) -> str | None:
    """Return what is wrong with a boot that must be good."""
    judgement = judge(trace)
    if judgement.verdict is not Verdict.GOOD:
        return f"{judgement.cause}: {judgement.summary}"
    handoff = trace.handoff
    if handoff is None or handoff.header is None or not handoff.exact:
        return "the kernel is not entered where it should be"
    header = handoff.header
    wanted = {
        "type_of_loader": 0xFF, "vid_mode": 0xFFFF, "heap_end_ptr": _HEAP_END - 0x200,
        "loadflags": 0x81,
    }  # fmt: skip
    for name, value in wanted.items():
        if getattr(header, name) != value:
            return f"{name} is 0x{getattr(header, name) or 0:x}"
    registers = handoff.registers
    if registers.esp & 0xFFFF != _HEAP_END:
        return f"SP is 0x{registers.esp:x}"
    if {registers.ds, registers.es, registers.fs, registers.gs, registers.ss} != {registers.ds}:
        return "not all segments are the real-mode kernel's"
    return None


def _refusal(trace: BootTrace, code: str) -> str | None:
    """Return what is wrong with a boot that must be refused with a code."""
    if trace.ending.kind != "boot-failed":
        return f"it ends as {trace.ending.kind}, not with INT 18h"
    said = trace.screen.partition("...\r\n")[2]
    return None if said == f"stage1: {code}\r\n" else f"it says {said!r}"


def _manners(trace: BootTrace, scenario: Scenario) -> str | None:
    """Return what no BIOS has to bear."""
    for call in trace.loader_calls:
        if not call.registers_in.interrupts:
            return f"INT {call.number:02x}h with interrupts off"
        if call.number == 0x13 and call.registers_in.edx & 0xFF != scenario.quirks.drive:
            return f"INT 13h for drive 0x{call.registers_in.edx & 0xFF:02x}"
        if call.packet and not 0 < call.packet.sectors <= _MOST_SECTORS:
            return f"a read of {call.packet.sectors} sectors"
        if (call.number, call.function) == (
            0x13,
            0x41,
        ) and call.registers_in.ebx & 0xFFFF != 0x55AA:
            return "INT 13h AH=41h without 55AAh in BX"
        if call.table and (call.table.source.build()[6] or call.table.destination.build()[6]):
            return "a descriptor with limit or flags in byte 6, which an 80286 has not"
        if call.number == 0x10 and call.registers_in.ebx & 0xFFFF:
            return "INT 10h on another page or in another colour"
    return _attempts(trace)


def _attempts(trace: BootTrace) -> str | None:
    """Return what is wrong with how failed reads are tried again: with a reset before."""
    disk = [call for call in trace.loader_calls if call.number == 0x13 and call.function != 0x41]
    failed = [call for call in disk if call.failed]
    for call, after in pairwise(disk):
        if call.failed and (after.function, after.failed) != (0x00, False):
            return "a failed read is not followed by a reset"
        if after.function == 0x00 and not call.failed:
            return "a reset although nothing had failed"
    same = {call.packet.lba for call in failed if call.packet}
    if len(same) == 1 and disk[-1].function == 0x00 and len(failed) != _ATTEMPTS:
        return f"it gives up after {len(failed)} attempts"
    return None


def _failing(lba: int, times: int | None) -> Quirks:
    return replace(_MACHINE, errors=(ReadError(lba, times),))


_READS = {
    "command line": _FIRST_LBA,
    "boot sector": _KERNEL_LBA,
    "setup": _KERNEL_LBA + 3,
    "first chunk": _CHUNK_LBA + 5,
    "second chunk": _CHUNK_LBA + 127,
}

SCENARIOS = (
    Scenario("all of it", initrd=2 * _CHUNK + 1, cmdline=2047, fields={"vid_mode": b"\0\0"}),
    Scenario("no initrd"),
    Scenario("no payload", payload=0),
    Scenario("one paragraph", payload=16),
    Scenario("a chunk less a paragraph", payload=_CHUNK - 16),
    Scenario("a chunk", payload=_CHUNK),
    Scenario("setup_sects 0", setup_sects=0, initrd=1),
    Scenario("setup_sects 64", setup_sects=64),
    Scenario("no command line", cmdline=0),
    Scenario("initrd of a chunk", initrd=_CHUNK),
    Scenario("code32_start 2 MiB", fields={"code32_start": (2 * _MIB).to_bytes(4, "little")}),
    Scenario("second drive", quirks=replace(_MACHINE, drive=0x81, entry=_ENTRY | {"edx": 0x81})),
    Scenario("LBAs across 16 bits", first_lba=0x10000 - 40),
    Scenario("LBAs of 24 bits", first_lba=0x120000 - 40, initrd=700),
    Scenario("kernel and initrd elsewhere", initrd=700, scattered=True),
    *(Scenario(f"{name} fails once", quirks=_failing(lba, 1)) for name, lba in _READS.items()),
    *(Scenario(f"{name} fails 4 times", quirks=_failing(lba, 4)) for name, lba in _READS.items()),
    *(
        Scenario(f"{name} fails", quirks=_failing(lba, None), says="R")
        for name, lba in _READS.items()
    ),
    Scenario("setup_sects 65", setup_sects=65, says="K"),
    Scenario("no HdrS", fields={"header": b"HdrT"}, says="K"),
    Scenario("protocol 2.03", fields={"version": b"\x03\x02"}, says="K"),
    Scenario("protocol 2.04", fields={"version": b"\x04\x02"}),
    Scenario("not LOADED_HIGH", fields={"loadflags": b"\x80"}, says="K"),
    Scenario("no EDD", quirks=replace(_MACHINE, edd=(0x55AA, 0, 1)), says="E"),
    Scenario("EDD with an error", quirks=replace(_MACHINE, edd=(0xAA55, 7, 1)), says="E"),
    Scenario("EDD without its mark", quirks=replace(_MACHINE, edd=(0x55AA, 7, 0)), says="E"),
    Scenario("EDD without packets", quirks=replace(_MACHINE, edd=(0xAA55, 6, 0)), says="E"),
    Scenario("EDD with packets alone", quirks=replace(_MACHINE, edd=(0xAA55, 1, 0))),
    Scenario("first move fails", quirks=replace(_MACHINE, failing_move=0), says="M"),
    Scenario("second move fails", quirks=replace(_MACHINE, failing_move=1), says="M"),
    Scenario("the old limit", payload=_LIMIT),
    Scenario("beyond the old limit", payload=_LIMIT + 16),
    Scenario("more than 16 MiB", payload=16 * _MIB + 16),
    Scenario("64 MiB", payload=64 * _MIB, memory_mib=80),
)
