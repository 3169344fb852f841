"""What a loader has executed of a recorded boot, instruction by instruction; a BIOS call is one.

It is stepped through forwards, which is quicker than going back: a step takes a third of a
millisecond, and what the BIOS executes is passed by a breakpoint where it returns to.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from bootharness.host.deadline import Deadline
from bootharness.recording.effects import Byte, Effect, effects
from bootharness.recording.operands import Cpu
from bootharness.recording.player import Player

__all__ = ["PACKET_BYTES", "TABLE_BYTES", "Memory", "Step", "step_at", "steps"]

Memory = Callable[[int, int], bytes]

_MOST_STEPS = 60_000
_MOST_S = 30.0
_NEAR = 64
_CODE_BYTES, _AHEAD_BYTES = 15, 64
_REGISTER_BYTES = 4
PACKET_BYTES, TABLE_BYTES = 16, 48
_BIOS_FROM = 0xC0000
_INT = 0xCD
_OPERAND_SIZE, _TWO_BYTES = b"\x66", 0x0F
_PUSHES = (0x06, 0x0E, 0x16, 0x1E, *range(0x50, 0x58), 0x60, 0x68, 0x6A, 0x9C)
_SHORT, _NEAR_JUMPS = range(0x70, 0x80), range(0x80, 0x90)
_PROTECTED = (b"\x0f\x22", b"\x0f\x01")
"""MOV to a control register, and LMSW: from here on the segments are anything."""


class Step(Struct, frozen=True):
    """An instruction of the loader about to be executed, what it writes, and what was there.

    ``number`` is that of the interrupt that it calls, of which ``wrote`` is what that has put in
    memory.
    """

    position: int
    cpu: Cpu
    code: bytes
    effects: tuple[Effect, ...]
    before: dict[int, int]
    number: int | None = None
    wrote: range = range(0)
    ahead: bytes = b""
    """The code from it on, as far as a jump may pass over it."""

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


def steps(player: Player, until: int) -> list[Step]:
    """Step from where a player stands, in the loader, to a position; return the steps.

    Fewer than that where the loader leaves real mode, or is at it for too long.
    """
    found: list[Step] = []
    position, deadline = player.position, Deadline.after(min(_MOST_S, player.reel.limit_s))
    while position < until and len(found) < _MOST_STEPS and not deadline.expired:
        cpu = Cpu.real(player.stub.registers())
        if _BIOS_FROM <= cpu.linear < 1 << 20:
            _leave_bios(player, cpu, until)
            position = player.position
            continue
        step = step_at(player.stub.memory, cpu, position)
        found.append(step)
        if step.code[:2] in _PROTECTED or step.code[1:3] in _PROTECTED:
            break
        player.stub.step()
        position += 1
        if until - position < _NEAR or not len(found) % _NEAR:
            position = player.position
    return found


def step_at(memory: Memory, cpu: Cpu, position: int) -> Step:
    """Return the step that a CPU in real mode is about to make."""
    ahead = memory(cpu.linear, _AHEAD_BYTES)
    code = ahead[:_CODE_BYTES]
    made = tuple(effects(code, cpu))
    before: dict[int, int] = {}
    for start, size in _looked_at(made, code, cpu):
        before.update(enumerate(memory(start, size), start))
    number, wrote = (code[1], _written(memory, code[1], cpu)) if code[0] == _INT else (
        None, range(0),
    )  # fmt: skip
    return Step(position, cpu, code, made, before, number, wrote, ahead)


def _looked_at(made: tuple[Effect, ...], code: bytes, cpu: Cpu) -> Iterator[tuple[int, int]]:
    """Yield what memory an instruction works on, and where: as much of it as a register holds, and
    what a BIOS call's packet or table may have."""
    for effect in made:
        for where in (effect.into, effect.source, effect.against):
            linear = [byte for byte in where if isinstance(byte, int)]
            if linear:
                yield linear[0], max(len(linear), _REGISTER_BYTES)
    if code[0] == _INT:
        yield cpu.bases["ds"] + cpu.register("si"), PACKET_BYTES
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


def _leave_bios(player: Player, cpu: Cpu, until: int) -> None:
    """Go on to where an interrupt's handler that was just entered returns to."""
    frame = player.stub.memory(cpu.bases["ss"] + cpu.register("sp"), 4)
    back = int.from_bytes(frame[2:], "little") * 16 + int.from_bytes(frame[:2], "little")
    player.stub.stop_at(back)
    player.go(until)
    player.stub.clear()
