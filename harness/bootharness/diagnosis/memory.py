"""Causes in what lies in memory at the handoff, and in what was overwritten on the way."""

import re
from collections.abc import Iterator

from bootharness.diagnosis.by_fault import by_fault
from bootharness.diagnosis.uefi import built_wrong
from bootharness.diagnosis.verdict import Finding
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.text import address, count, seg_off
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.handoff import Comparison
from bootharness.trace.reads import disk_reads

__all__ = [
    "a20_closed",
    "initrd_does_not_fit",
    "initrd_missing",
    "memory_clobbered",
    "payload_corrupt",
    "setup_corrupt",
    "stack_over_loader",
]

# what nobody may place anything over (BIOS Data Area, EBDA as in the memory map of INT 15h)
_VECTORS = range(0x500), "the interrupt vectors and the BIOS data area"
_VIDEO = range(0xA0000, 0x100000), "video memory and the BIOS"
_LOW_KIB = 639

_DISK = 0x13
_DIRECTION = 0x0400
_ORIGIN, _CODE_BYTES = 0x7C00, 440
_INTERRUPT_FRAME = 6
_SS = re.compile(r"^SS =([0-9a-f]{4}) ", re.MULTILINE)


def _placements(trace: BootTrace) -> Iterator[tuple[BiosCall, str, range]]:
    """Yield what the loader had written where: sectors into buffers, moves to destinations."""
    number = {
        id(call): at for at, call in enumerate(each for each in trace.bios_calls if each.table)
    }
    reads = {id(read.call): read for read in disk_reads(trace.loader_calls, trace.disk)}
    for call in trace.loader_calls:
        if (read := reads.get(id(call))) and not call.failed:
            what = f"the read of LBA {read.lba:,}" if call.packet else "a CHS read"
            yield call, what, range(read.buffer, read.buffer + read.bytes)
        elif (table := call.table) and not call.failed:
            start = table.destination.base
            size = (call.registers_in.ecx & 0xFFFF) * 2
            yield call, f"block move {number[id(call)]}", range(start, start + size)


def memory_clobbered(trace: BootTrace) -> Finding | None:
    """A placement over what must stay, over the loader that is running, or past the RAM's end."""
    low_kib = trace.machine.low_kib if trace.machine else _LOW_KIB
    ebda = range(low_kib * 1024, _VIDEO[0].start), "the extended BIOS data area"
    if low_kib < _LOW_KIB:
        ebda = ebda[0], f"what is behind the {low_kib} KiB of conventional memory"
    for call, what, placed in _placements(trace):
        if not placed:
            continue
        caller = call.registers_in
        at = caller.cs * 16 + caller.ip
        reserved = [each for each in (_VECTORS, ebda, _VIDEO) if _overlap(placed, each[0])]
        if reserved:
            did = f"overwrote {reserved[0][1]} at {_range(reserved[0][0])}"
        elif placed.start <= at < placed.stop:
            did = f"overwrote the loader, which was running at {seg_off(caller.cs, caller.ip)}"
        elif trace.machine and placed.stop > trace.machine.memory_bytes:
            mib = trace.machine.memory_bytes >> 20
            did = f"went past the end of the {mib} MiB of memory"
        else:
            continue
        return Finding(f"{what} ({_range(placed)}) {did}", (str(call),))
    return None


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop


def _range(span: range) -> str:
    return f"{address(span.start)} to {address(span.stop - 1)}"


def stack_over_loader(trace: BootTrace) -> Finding | None:
    """The loader's stack, which grows downwards, lies in the boot sector's own code and data."""
    whole = trace.handoff is not None and trace.handoff.memory_equal is True
    if trace.disk is None or whole or trace.ending.kind == "reached":
        return None
    code = bytes.fromhex(trace.disk.boot_sector)[:_CODE_BYTES].rstrip(b"\0")
    image = range(_ORIGIN, _ORIGIN + len(code))
    for call in trace.loader_calls:
        registers, segment = call.registers_in, _stack_segment(trace, call, image)
        pushed = (segment or 0) * 16 + (registers.esp & 0xFFFF) - _INTERRUPT_FRAME
        here = registers.cs * 16 + registers.ip
        if segment is not None and pushed in image and here in image:
            return Finding(
                f"the loader's own stack lies in its code and data: INT {call.number:02x}h at "
                f"{seg_off(registers.cs, registers.ip)} was called with SS:SP "
                f"{seg_off(segment, registers.esp & 0xFFFF)}, and the boot sector's code reaches "
                f"from {address(image.start)} to {address(image.stop - 1)}",
                (str(call),),
            )
    return None


def _stack_segment(trace: BootTrace, call: BiosCall, image: range) -> int | None:
    """Return SS at a call: as recorded, or as a boot has it that has ended in the loader."""
    seen = trace.post_mortem
    if call.registers_in.ss is not None:
        return call.registers_in.ss
    found = _SS.search(seen.registers) if seen and seen.cpu.linear in image else None
    return int(found[1], 16) if found else None


def a20_closed(trace: BootTrace) -> Finding | None:
    """The A20 gate was closed, so that every odd MiB was the even one below it."""
    handoff = trace.handoff
    whole = handoff is not None and handoff.memory_equal is True
    if not (trace.a20_closed or _left_closed(trace)) or whole or trace.reached("banner"):
        return None
    if not (trace.a20_wrapped or trace.loader_calls or handoff):
        return None  # who has read nothing writes nothing there
    return Finding(
        "the A20 gate is closed, and the loader does not open it: what it writes to 0x100000 to "
        "0x1fffff goes to 0x000000 to 0x0fffff",
        ("opened by INT 15h AX=2401h, port 0x92, or the keyboard controller",),
    )


def _left_closed(trace: BootTrace) -> bool:
    """Whether the gate was still closed when some of the payload had been read and the loader went
    on to read more. Who leaves moving to the BIOS need not open it."""
    kernel, disk = trace.kernel, trace.disk
    if not trace.a20_left_closed or trace.block_moves:
        return False
    if kernel is None or disk is None or disk.kernel_lba is None:
        return False
    first = disk.kernel_lba + -(-kernel.real_mode_bytes // disk.sector_bytes)
    payload = range(first, first + -(-kernel.payload_bytes // disk.sector_bytes))
    reads = [read for read in disk_reads(trace.loader_calls, disk) if not read.call.failed]
    return any(_overlap(read.span, payload) for read in reads[:-1])


def setup_corrupt(trace: BootTrace) -> Finding | None:
    """The real-mode kernel in memory is not the file's, or not all of it was read."""
    proof = trace.handoff.real_mode if trace.handoff else None
    differs = _differs(trace, proof, "the real-mode kernel")
    if differs and proof and proof.first_difference is not None:
        by = "" if proof.pieces else _flipped(trace, proof.first_difference)
        return differs._replace(sentence=f"{differs.sentence}{by}")
    return _setup_not_all_read(trace)


def _setup_not_all_read(trace: BootTrace) -> Finding | None:
    """A setup part of which only the beginning was read to where it lies.

    The sectors left out may be zeros, as memory often is: a comparison does not show them.
    """
    start = trace.handoff.real_mode_address if trace.handoff else None
    if trace.kernel is None or start is None:
        return None
    at, end = start, start + trace.kernel.real_mode_bytes
    for call, _, placed in _placements(trace):
        if call.number == _DISK and placed.start <= at < placed.stop:
            at = placed.stop
    if not start < at < end:
        return None
    wanted, got = trace.kernel.real_mode_bytes // SECTOR_BYTES, (at - start) // SECTOR_BYTES
    return Finding(
        f"only {got} of {count(wanted, 'sector')} of the real-mode kernel were read to "
        f"{address(start)}",
        (f"setup_sects {trace.kernel.header.setup_sects}, and one for the boot sector",),
    )


def payload_corrupt(trace: BootTrace) -> Finding | None:
    """The protected-mode kernel in memory is not the file's."""
    proof = trace.placed_payload
    what = "protected-mode" if trace.handoff else "compressed"
    found = _differs(trace, proof, f"the {what} kernel")
    exact = proof is not None and not proof.pieces
    if found and exact and proof and proof.first_difference is not None and trace.kernel:
        at = trace.kernel.real_mode_bytes + proof.first_difference
        if trace.uefi_handoff:
            at += trace.kernel.header.payload_offset or 0
        found = found._replace(sentence=f"{found.sentence}{_flipped(trace, at)}")
    if found:
        found = found._replace(sentence=f"{found.sentence}{built_wrong(trace)}")
    backwards = [call for call in trace.loader_calls if call.registers_in.flags & _DIRECTION]
    if found and backwards:
        why = "the loader had the direction flag set (DF=1): string instructions went downwards"
        return Finding(f"{found.sentence}; {why}", (*found.evidence, str(backwards[-1])))
    if found and (stray := _stray_source(trace)):
        return Finding(f"{found.sentence}; {stray}", found.evidence)
    return found


def _flipped(trace: BootTrace, at: int) -> str:
    """Name the fault that flipped a bit of this byte of the kernel's file, empty where none did."""
    disk = trace.disk
    if disk is None or disk.kernel_lba is None:
        return ""
    lba = disk.kernel_lba + at // disk.sector_bytes
    return by_fault(trace, "flipped", range(lba, lba + 1))


def _differs(trace: BootTrace, proof: Comparison | None, what: str) -> Finding | None:
    if proof is None or proof.equal or proof.first_difference is None:
        return None
    at = proof.first_difference
    if proof.pieces:
        return Finding(
            f"{what} in memory differs from the file, by the sums of {proof.differing_pieces} of "
            f"{count(proof.pieces, 'piece')} of 64 KiB; the first of them begins at offset {at:,} "
            f"({address(proof.address + at)})",
            (f"compared from {address(proof.address)} on",),
        )
    found = f"0x{proof.found or 0:02x} instead of 0x{proof.expected or 0:02x}"
    if proof.found is None:
        memory = trace.machine.memory_bytes if trace.machine else proof.address + at
        found = f"that is where the {memory >> 20} MiB of memory end"
    return Finding(
        f"{what} in memory differs from the file in {proof.differing_bytes:,} of "
        f"{count(proof.compared_bytes, 'byte')}, first at offset {at:,} "
        f"({address(proof.address + at)}): {found}",
        (f"compared from {address(proof.address)} on",),
    )


def _stray_source(trace: BootTrace) -> str | None:
    """Say which move copied from where nothing had been read to."""
    filled: list[range] = []
    moves = 0
    for call, _, placed in _placements(trace):
        if not (table := call.table):
            filled.append(placed)
            continue
        source = range(table.source.base, table.source.base + len(placed))
        if not any(_overlap(source, span) for span in filled):
            return (
                f"block move {moves} copied from {address(source.start)}, where nothing had been "
                "read to"
            )
        moves += 1
    return None


def _initrd(trace: BootTrace) -> tuple[range, str] | None:
    """Return where the initrd was to lie, and what to call it."""
    disk = trace.disk
    if disk is None or disk.initrd_bytes is None or disk.initrd_address is None:
        return None
    wanted = range(disk.initrd_address, disk.initrd_address + disk.initrd_bytes)
    return wanted, f"the initrd of {count(disk.initrd_bytes, 'byte')}"


def initrd_does_not_fit(trace: BootTrace) -> Finding | None:
    """The initrd is too high for the kernel or the machine, or in the kernel's way."""
    initrd = _initrd(trace)
    if initrd is None:
        return None
    wanted, lies = initrd
    memory = trace.machine.memory_bytes if trace.machine else None
    if memory is not None and wanted.stop > memory:
        return Finding(
            f"{lies} does not fit: it would lie at {_range(wanted)}, and the machine has "
            f"{memory >> 20} MiB of memory",
            (f"memory ends at {address(memory - 1)}",),
        )
    if trace.kernel is None:
        return None
    header = trace.kernel.header
    if wanted.stop - 1 > header.initrd_limit:
        return Finding(
            f"{lies} lies at {_range(wanted)}, above the kernel's initrd_addr_max of "
            f"{address(header.initrd_limit)}",
            (f"initrd_addr_max {address(header.initrd_limit)}",),
        )
    start = header.load_address
    kernel = range(start, start + trace.kernel.payload_bytes)
    running = range(header.pref_address or start, 0)
    running = range(running.start, running.start + (header.init_size or 0))
    if memory is not None and running.stop > memory:
        running = range(0)  # then there is no room for the kernel itself, wherever the initrd is
    for span, what in ((kernel, "the kernel"), (running, "what the kernel unpacks to (init_size)")):
        if span and _overlap(wanted, span):
            return Finding(
                f"{lies} at {_range(wanted)} overlaps {what} at {_range(span)}",
                (f"init_size {header.init_size or 0:,}, pref_address "
                 f"{address(header.pref_address or 0)}",),
            )  # fmt: skip
    return None


def _how_much_differs(proof: Comparison) -> str:
    if proof.pieces:
        return f"{proof.differing_pieces} of its {count(proof.pieces, 'piece')} of 64 KiB differ"
    return f"{proof.differing_bytes:,} of its bytes differ"


def initrd_missing(trace: BootTrace) -> Finding | None:
    """The initrd is not where the kernel will look for it."""
    initrd, proof = _initrd(trace), trace.handoff.initrd if trace.handoff else None
    if initrd is None or proof is None or proof.equal:
        return None
    wanted, lies = initrd
    return Finding(
        f"{lies} is not at {_range(wanted)}, where the kernel will look for it: "
        f"{_how_much_differs(proof)}",
        (f"first difference at offset {proof.first_difference:,}",),
    )
