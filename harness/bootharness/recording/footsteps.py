"""The instructions of a loader, each as it is about to be executed; a BIOS call is one."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from bootharness.recording.effects import Byte, Effect, effects
from bootharness.recording.operands import Cpu, addressed

__all__ = ["PACKET_BYTES", "TABLE_BYTES", "Memory", "Step", "step_at"]

Memory = Callable[[int, int], bytes]

_CODE_BYTES, _AHEAD_BYTES = 15, 64
_REGISTER_BYTES = 4
PACKET_BYTES, TABLE_BYTES = 16, 48
_INT = 0xCD
_SYSTEM, _TABLE_REGISTER_BYTES = b"\x0f\x01", 6
_OPERAND_SIZE, _TWO_BYTES = b"\x66", 0x0F
_REPEATED = (0xF2, 0xF3)
_PREFIXES = b"\x26\x2e\x36\x3e\x64\x65\x66\x67\xf2\xf3"
_OVERRIDES = {0x26: "es", 0x2E: "cs", 0x36: "ss", 0x3E: "ds", 0x64: "fs", 0x65: "gs"}
_DIRECTION = 0x400
_MOVS, _STOS = (0xA4, 0xA5), (0xAA, 0xAB)
_MOST_COPIED = 0x1000
"""So much of what is copied at once is looked at."""
_REAL_MODE_END = 0x10FFF0
"""What is above may be no memory at all, and no loader has its values there."""
_PUSHES = (0x06, 0x0E, 0x16, 0x1E, *range(0x50, 0x58), 0x60, 0x68, 0x6A, 0x9C)
_SHORT, _NEAR_JUMPS = range(0x70, 0x80), range(0x80, 0x90)


class Step(Struct, frozen=True):
    """An instruction of the loader about to be executed, what it writes, and what was there.

    ``number`` is that of the interrupt that it calls, of which ``wrote`` is what that has put in
    memory; of a repeated string instruction it is all that it writes, low to high, and ``copied``
    is from where.
    """

    position: int
    cpu: Cpu
    code: bytes
    effects: tuple[Effect, ...]
    before: dict[int, int]
    number: int | None = None
    wrote: range = range(0)
    copied: range = range(0)
    ahead: bytes = b""
    """The code from it on, as far as a jump may pass over it."""
    behind: bytes = b""
    """The byte before it."""
    came_from: int | None = None
    """Where its code was before the loader copied it, linear; None for code that was not."""

    @property
    def condition(self) -> int | None:
        """What it jumps on, as its opcode has it (SDM Vol. 2, Jcc); None for others."""
        code = self.code.lstrip(_OPERAND_SIZE)
        if code[0] in _SHORT:
            return code[0] & 0xF
        return code[1] & 0xF if code[0] == _TWO_BYTES and code[1] in _NEAR_JUMPS else None

    @property
    def conditional(self) -> bool:
        """Whether it is a jump on a condition."""
        return self.condition is not None

    @property
    def repeats(self) -> bool:
        """Whether it is a string instruction with a REP prefix."""
        prefixes = self.code[: len(self.code) - len(self.code.lstrip(_PREFIXES))]
        return bool(set(_REPEATED) & set(prefixes))

    @property
    def pushes(self) -> bool:
        """Whether it is a PUSH (SDM Vol. 2)."""
        return self.code.lstrip(_OPERAND_SIZE)[0] in _PUSHES

    def value(self, where: tuple[Byte, ...]) -> int | None:
        """Return what is in bytes before the instruction, None where it does not look at them."""
        found = 0
        for at, byte in enumerate(where):
            if isinstance(byte, int):
                if byte not in self.before:
                    return None
                one = self.before[byte]
            else:
                name, part = byte
                bases = self.cpu.bases
                whole = bases[name] >> 4 if name in bases else self.cpu.values.get(name, 0)
                one = whole >> 8 * part & 0xFF
            found |= one << 8 * at
        return found


def step_at(memory: Memory, cpu: Cpu, position: int) -> Step:
    """Return the step that a CPU in real mode is about to make."""
    before_it = min(cpu.linear, 1)
    around = memory(cpu.linear - before_it, before_it + _AHEAD_BYTES)
    behind, ahead = around[:before_it], around[before_it:]
    code = ahead[:_CODE_BYTES]
    made = tuple(effects(code, cpu))
    before: dict[int, int] = {}
    number = code[1] if code[0] == _INT else None
    wrote, copied = range(0), range(0)
    looked = list(_looked_at(made, code, cpu))
    if number is not None:
        wrote = _written(memory, number, cpu)
    elif repeated := _repeated(code, cpu):
        wrote, copied = repeated
        looked.append((copied.start, min(len(copied), _MOST_COPIED)))
    for start, size in looked:
        if size and start + size <= _REAL_MODE_END:
            before.update(enumerate(memory(start, size), start))
    return Step(position, cpu, code, made, before, number, wrote, copied, ahead, behind)


def _repeated(code: bytes, cpu: Cpu) -> tuple[range, range] | None:
    """Return what REP MOVS or REP STOS writes, and what MOVS copies (SDM Vol. 2, REP)."""
    opcode = code.lstrip(_PREFIXES)[0]
    prefixes = code[: len(code) - len(code.lstrip(_PREFIXES))]
    if not set(_REPEATED) & set(prefixes) or opcode not in (*_MOVS, *_STOS):
        return None
    size = (1 if not opcode & 1 else 4 if 0x66 in prefixes else 2) if cpu.bits == 16 else 4
    names = ("ecx", "esi", "edi") if 0x67 in prefixes else ("cx", "si", "di")
    count, source, to = (cpu.register(name) for name in names)
    segment = _OVERRIDES.get(next((each for each in prefixes if each in _OVERRIDES), 0), "ds")
    backwards = bool(cpu.values.get("efl", 0) & _DIRECTION)
    back = (count - 1) * size if backwards and count else 0
    start, begin = cpu.bases["es"] + to - back, cpu.bases[segment] + source - back
    wrote = range(start, start + count * size)
    return wrote, range(begin, begin + count * size) if opcode in _MOVS else range(0)


def _looked_at(made: tuple[Effect, ...], code: bytes, cpu: Cpu) -> Iterator[tuple[int, int]]:
    """Yield what memory an instruction works on, and where: as much of it as a register holds, and
    what a BIOS call's packet or table may have."""
    for effect in made:
        for where in (effect.into, effect.source, effect.against):
            linear = [byte for byte in where if isinstance(byte, int)]
            if linear:
                yield linear[0], max(len(linear), _REGISTER_BYTES)
    at = addressed(code, cpu) if code[:2] == _SYSTEM else None
    if at:
        yield at[1], _TABLE_REGISTER_BYTES
    if code[0] == _INT:
        yield cpu.bases["ds"] + cpu.register("si"), TABLE_BYTES
        yield cpu.bases["es"] + cpu.register("si"), TABLE_BYTES


def _written(memory: Memory, number: int, cpu: Cpu) -> range:
    """Return what a BIOS call is about to write to memory, as far as it is asked to."""
    function, words = cpu.register("ax") >> 8, cpu.register("cx")
    if (number, function) == (0x13, 0x42):
        packet = memory(cpu.bases["ds"] + cpu.register("si"), 8)
        start = int.from_bytes(packet[6:8], "little") * 16 + int.from_bytes(packet[4:6], "little")
        return range(start, start + 512 * int.from_bytes(packet[2:4], "little"))
    if (number, function) == (0x13, 0x02):
        start = cpu.bases["es"] + cpu.register("bx")
        return range(start, start + 512 * (cpu.register("ax") & 0xFF))
    if (number, function) == (0x15, 0x87):
        table = memory(cpu.bases["es"] + cpu.register("si") + 0x18, 8)
        start = int.from_bytes(table[2:5] + table[7:], "little")
        return range(start, start + 2 * words)
    return range(0)
