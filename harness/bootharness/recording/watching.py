"""When a byte of memory was written last by the CPU, found with a watchpoint.

A watchpoint is passed forwards: QEMU 7.2 stops also for a write that is not aligned, to anywhere
behind the byte in its page, as if it went on in a second one. So each stop is looked at: which
instruction made it, and where that writes.
"""

from bootharness.recording.calls import Counted
from bootharness.recording.operands import Cpu, may_have_written, writes
from bootharness.recording.player import Player

__all__ = ["written_at"]

_WINDOWS = (30_000, 1_000_000, 60_000_000)
"""How far to look back first, in instructions: what is asked for is mostly not long ago."""
_CODE_BYTES = 15
_TOGETHER = 0x200
_REAL_END = 0xFFFF
_SELECTORS = 0x100
"""So large is no selector of a loader's or a BIOS's own table."""


def written_at(
    player: Player, counted: Counted, linear: int, here: int, *, entered: bool = False
) -> int | None:
    """Return how many instructions had been executed before the one that wrote to an address last,
    before ``here``, and leave the player there; None where no instruction did, with the player at a
    place of no meaning. ``entered`` asks of the time since the loader was entered alone."""
    end = here
    for window in (*_WINDOWS, here):
        start = max(here - window, 0)
        for position in reversed(_stops(player, counted, linear, range(start, end), entered)):
            counted.seek(position - 1)
            cpu = Cpu.parse(player.registers())
            code = player.stub.memory(cpu.linear, _CODE_BYTES)
            if any(linear in span for span in writes(code, cpu)):
                return position - 1
        if not start:
            return None
        end = start
    return None


def _stops(player: Player, counted: Counted, linear: int, where: range, entered: bool) -> list[int]:
    """Return behind which instructions a watchpoint has stopped that may have written there."""
    if not entered or where.start:
        counted.seek(where.start)
    elif not counted.to_entry(where.stop):
        return []
    found, before = [], player.stub.memory(linear, 1)
    player.stub.watch(linear)
    player.set_break(where.stop)
    while player.stub.go(player.reel.limit_s):
        cpu = _cpu(player)
        now, around = _byte_and_code(player, linear, cpu)
        if now != before or may_have_written(
            linear, around[:_CODE_BYTES], around[_CODE_BYTES:], cpu
        ):
            found.append(player.position)
        before = now
    player.stub.clear()
    return found


def _byte_and_code(player: Player, linear: int, cpu: Cpu) -> tuple[bytes, bytes]:
    """Return the byte, and the code around the next instruction: a loader's lie together, and are
    read at once."""
    code = max(cpu.linear - _CODE_BYTES, 0)
    start, end = min(linear, code), max(linear + 1, code + 2 * _CODE_BYTES)
    if end - start > _TOGETHER:
        return player.stub.memory(linear, 1), player.stub.memory(code, 2 * _CODE_BYTES)
    content = player.stub.memory(start, end - start)
    return content[linear - start :][:1], content[code - start :][: 2 * _CODE_BYTES]


def _cpu(player: Player) -> Cpu:
    """Return the registers: the stub's where they are plainly those of real mode, for the monitor,
    which knows the segments' bases, takes ten times as long."""
    cpu = Cpu.real(player.stub.registers())
    selector = cpu.bases["cs"] >> 4
    if cpu.values["eip"] <= _REAL_END and (not selector or selector > _SELECTORS):
        return cpu
    return Cpu.parse(player.registers())
