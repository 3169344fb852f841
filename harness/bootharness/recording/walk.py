"""What a loader has executed of a recorded boot, from one place to another.

It is stepped through forwards, which is quicker than going back: a step takes a third of a
millisecond. What the BIOS executes is passed by a breakpoint where it returns to, and a repeated
string instruction by one behind it.
"""

from msgspec import Struct

from bootharness.host.deadline import Deadline
from bootharness.recording.control import size_of
from bootharness.recording.footsteps import Step, step_at
from bootharness.recording.moved import MovedCode
from bootharness.recording.operands import Cpu
from bootharness.recording.player import Player
from bootharness.recording.segments import Segments
from bootharness.recording.standstill import Standstill

__all__ = ["Walk", "walk"]

_MOST_STEPS = 60_000
_NEAR = 64
_BIOS_FROM = 0xC0000
_HALT, _INTERRUPTS = 0xF4, 0x200


class Walk(Struct, frozen=True):
    """A loader's steps; ``whole`` unless there are more than anybody has stepped through."""

    steps: list[Step]
    whole: bool


def walk(player: Player, until: int) -> Walk:
    """Step from where a player stands, in the loader, to a position.

    It ends before that where the loader goes over to code of 32 bits, where it will do the same for
    ever, or after a number of steps.
    """
    found: list[Step] = []
    segments, standstill, moved = Segments(player), Standstill(), MovedCode()
    position, deadline = player.position, Deadline.after(player.reel.limit_s)
    while position < until and not player.off:
        if len(found) >= _MOST_STEPS or deadline.expired:
            return Walk(found, whole=False)
        cpu = segments.cpu()
        if _BIOS_FROM <= cpu.linear < 1 << 20:
            _leave_bios(player, cpu, until)
            position = player.position
            continue
        if cpu.bits != 16:
            return Walk(found, whole=False)
        step = moved.noted(step_at(player.stub.memory, cpu, position))
        found.append(step)
        if standstill.reached_by(step) or _halts_for_ever(step):
            return Walk(found, whole=True)
        segments.changed_by(step)
        if step.repeats:
            _go_behind(player, step, until)
            position = player.position
            continue
        player.stub.step()
        position += 1
        if until - position < _NEAR or not len(found) % _NEAR:
            position = player.position
    if position == until == player.reel.end - 1 and (last := _last(player, segments)):
        found.append(moved.noted(last))
    return Walk(found, whole=True)


def _last(player: Player, segments: Segments) -> Step | None:
    """Return the last instruction of a recording, before which a player stands."""
    cpu = segments.cpu()
    if _BIOS_FROM <= cpu.linear < 1 << 20 or cpu.bits != 16:
        return None
    return step_at(player.stub.memory, cpu, player.position)


def _halts_for_ever(step: Step) -> bool:
    return step.code[0] == _HALT and not step.cpu.values.get("efl", 0) & _INTERRUPTS


def _go_behind(player: Player, step: Step, until: int) -> None:
    """Go on until an instruction has been repeated as often as it will be."""
    player.stub.stop_at(step.cpu.linear + size_of(step.code))
    player.go(until)
    player.stub.clear()


def _leave_bios(player: Player, cpu: Cpu, until: int) -> None:
    """Go on to where an interrupt's handler that was just entered returns to."""
    frame = player.stub.memory(cpu.bases["ss"] + cpu.register("sp"), 4)
    back = int.from_bytes(frame[2:], "little") * 16 + int.from_bytes(frame[:2], "little")
    player.stub.stop_at(back)
    player.go(until)
    player.stub.clear()
