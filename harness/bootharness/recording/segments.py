"""The registers of a loader on its way, with the segments' bases as they are.

A GDB stub tells the selectors alone, and in real mode they are the bases. A loader that was in
protected mode to reach more memory has others there, until it sets a register again (Intel SDM,
Vol. 3A, 3.4.3, "Segment Registers", the hidden part).
"""

from bootharness.recording.footsteps import Step
from bootharness.recording.operands import Cpu
from bootharness.recording.player import Player

__all__ = ["Segments"]

_PROTECTED = 1
_TO_CONTROL_REGISTER, _SYSTEM = b"\x0f\x22", b"\x0f\x01"
_LMSW = 6


class Segments:
    """What the segment registers hold where a player stands, asked from step to step."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._bases: dict[str, int] = {}
        """Of those that were set in protected mode."""
        self._asks = False
        """Whether the CPU may be in protected mode: then QEMU's monitor is asked, which takes ten
        times as long."""

    def cpu(self) -> Cpu:
        """Return the registers."""
        cpu = Cpu.real(self._player.stub.registers())
        if self._asks:
            told = Cpu.parse(self._player.registers())
            self._asks = bool(told.values.get("cr0", 0) & _PROTECTED)
            self._bases = {
                name: base for name, base in told.bases.items() if base != cpu.bases.get(name)
            }
            return Cpu(cpu.values, told.bases, told.bits)
        return Cpu(cpu.values, cpu.bases | self._bases, cpu.bits) if self._bases else cpu

    def changed_by(self, step: Step) -> None:
        """Take note of a step that is about to be made."""
        code = step.code.lstrip(b"\x66\x67")
        system = code[:2] == _SYSTEM and code[2] >> 3 & 7 == _LMSW
        self._asks = self._asks or code[:2] == _TO_CONTROL_REGISTER or system
        if step.number is not None:  # the BIOS sets them again, as those of real mode
            self._bases = {}
        for effect in step.effects:
            for byte in effect.into:
                if not isinstance(byte, int):
                    self._bases.pop(byte[0], None)
