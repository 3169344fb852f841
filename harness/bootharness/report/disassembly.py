"""The code around a CPU's next instruction, disassembled, with the loader's labels."""

from collections.abc import Iterator
from itertools import dropwhile

from msgspec import Struct

from bootharness.text import address, seg_off
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.machine_facts import CpuSample, PostMortem

__all__ = ["Instruction", "decode", "disassembly", "instruction_at_end", "instructions"]

_MARK = "=>"
_LONGEST = 15
_BEFORE, _AFTER = 12, 16
_BRANCHES = ("j", "call", "loop", "xbegin")


class Instruction(Struct, frozen=True):
    """One instruction: where it lies (an offset in its segment), its bytes, and what it is."""

    offset: int
    code: bytes
    text: str

    @property
    def target(self) -> int | None:
        """The offset that a jump or a call names, None of any other instruction."""
        name, *operands = self.text.split()
        if not name.startswith(_BRANCHES) or len(operands) != 1:
            return None
        return int(operands[0], 0) if operands[0][0].isdigit() and ":" not in operands[0] else None


def instructions(
    code: bytes, start: int, ip: int, bits: int, labels: frozenset[int] = frozenset()
) -> list[Instruction]:
    """Decode the code that lies from offset ``start`` on, so that one begins at ``ip``.

    x86 code cannot be read backwards: decoding begins at the first of the ``labels`` before
    ``ip``, or else as far before it as gives instructions up to ``ip`` without a gap.
    """
    ahead = [at for at in range(start, ip) if at in labels]
    blind = range(max(start, ip - _BEFORE * _LONGEST), ip)
    for begin in (*ahead, *blind):
        before = list(decode(code[begin - start : ip - start], begin, bits))
        if before and before[-1].offset + len(before[-1].code) == ip:
            break
    else:
        before = []
    before = list(dropwhile(lambda each: not any(each.code), before[-_BEFORE:]))  # unused memory
    after = list(decode(code[ip - start :], ip, bits))
    return before + after[:_AFTER]


def decode(code: bytes, offset: int, bits: int) -> Iterator[Instruction]:
    """Yield the instructions of code that lies from an offset on, of so many bits."""
    import capstone  # slow to import, and most boots do without

    mode = {16: capstone.CS_MODE_16, 32: capstone.CS_MODE_32, 64: capstone.CS_MODE_64}[bits]
    decoder = capstone.Cs(capstone.CS_ARCH_X86, mode)
    for where, size, name, operands in decoder.disasm_lite(code, offset):
        yield Instruction(where, code[where - offset :][:size], f"{name:7} {operands}".rstrip())


def disassembly(trace: BootTrace) -> str:
    """Return the code around the last CS:IP as lines, the instruction there marked ``=>``.

    Empty where no code could be read.
    """
    seen = trace.post_mortem
    if seen is None or not seen.code_hex:
        return ""
    return "\n".join([_head(trace, seen), "", *_lines(trace, seen)])


def instruction_at_end(trace: BootTrace) -> str:
    """Return the instruction that the CPU stood at, and the label before it."""
    seen = trace.post_mortem
    if seen is None or not seen.code_hex:
        return ""
    symbol = _symbol(trace, seen.cpu.linear)
    marked = next(line for line in _lines(trace, seen) if line.startswith(_MARK))
    return f"{marked}   in {symbol}" if symbol else marked


def _lines(trace: BootTrace, seen: PostMortem) -> list[str]:
    base = seen.cpu.linear - seen.cpu.ip
    symbols = _symbols(trace)
    code = bytes.fromhex(seen.code_hex)
    labels = frozenset(linear - base for linear in symbols)
    found = instructions(code, seen.code_address - base, seen.cpu.ip, seen.bits, labels)
    lines = []
    for each in found:
        lines += [f"   {name}:" for name in symbols.get(base + each.offset, ())]
        mark = _MARK if each.offset == seen.cpu.ip else "  "
        where = _where(seen.cpu, each.offset)
        target = _symbol(trace, base + each.target) if each.target is not None else None
        note = f"   <{target}>" if target else ""
        lines.append(f"{mark} {where}  {each.code.hex(' '):{_width(found)}}  {each.text}{note}")
    if not any(each.offset == seen.cpu.ip for each in found):
        raw = code[seen.cpu.linear - seen.code_address :][:_LONGEST].hex(" ")
        lines.append(f"{_MARK} {_where(seen.cpu, seen.cpu.ip)}  {raw}  (no instruction)")
    return lines


def _head(trace: BootTrace, seen: PostMortem) -> str:
    cpu = seen.cpu
    symbol = _symbol(trace, cpu.linear)
    place = f"{symbol} in {trace.loader.name}" if symbol and trace.loader else _owner(trace, cpu)
    state = ", halted" if cpu.halted else ""
    return (
        f"{seen.bits}-bit code in {cpu.mode} mode{state}, CS:IP {seg_off(cpu.cs, cpu.ip)}, "
        f"linear {address(cpu.linear)}: {place}"
    )


def _owner(trace: BootTrace, cpu: CpuSample) -> str:
    """Say whose memory it is, as far as the trace tells."""
    if cpu.in_bios:
        return "the BIOS or an option ROM"
    if cpu.in_kernel:
        return "the kernel"
    handoff, kernel = trace.handoff, trace.kernel
    if kernel and handoff and handoff.real_mode_address is not None:
        offset = cpu.linear - handoff.real_mode_address
        if 0 <= offset < kernel.real_mode_bytes:
            return f"the kernel's real-mode part, offset 0x{offset:x} in the file"
    if kernel:
        offset = cpu.linear - kernel.header.load_address
        if 0 <= offset < kernel.payload_bytes:
            return f"where the protected-mode kernel is loaded, offset 0x{offset:x} in it"
    return "memory of nobody that the harness knows"


def _symbol(trace: BootTrace, linear: int) -> str | None:
    """Return the loader's symbol; once the kernel has been entered its memory is anybody's."""
    if trace.loader is None or trace.handoff:
        return None
    return trace.loader.symbol_at(linear)


def _symbols(trace: BootTrace) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    if trace.loader and not trace.handoff:
        for name, linear in trace.loader.symbols.items():
            found.setdefault(linear, []).append(name)
    return found


def _where(cpu: CpuSample, offset: int) -> str:
    flat = cpu.linear == cpu.ip and cpu.mode != "real"
    return address(offset) if flat else seg_off(cpu.cs, offset)


def _width(found: list[Instruction]) -> int:
    return max((len(each.code) for each in found), default=1) * 3 - 1
