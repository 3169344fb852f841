"""Who wrote a byte of memory last in a boot by a UEFI: in which image the instruction lies, or what
was read from a disk to there."""

from bisect import bisect_right

from bootharness.recording.calls import Counted
from bootharness.recording.last_write import next_instruction
from bootharness.recording.player import Player
from bootharness.recording.watching import written_at
from bootharness.text import address, count
from bootharness.trace.backwards import LastWrite
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_images import file_of

__all__ = ["uefi_last_write"]


def uefi_last_write(
    player: Player,
    counted: Counted,
    calls: list[tuple[int, UefiCall]],
    linear: int,
    what: str,
) -> LastWrite:
    """Return who wrote a byte last before where a player stands, which is moved there; ``calls``
    are those of the boot with their positions.

    A watchpoint sees what the CPU writes. What a disk's controller writes by itself is told by the
    call that had it read: nobody wrote there since the call before.
    """
    here, value = player.position, player.stub.memory(linear, 1)[0]
    subject = f"{what} ({address(linear)}, 0x{value:02x})"
    before = calls[: bisect_right([at for at, _ in calls], here)]
    read = next((number for number in range(len(before) - 1, -1, -1)
                 if linear in _read_to(before[number][1])), None)  # fmt: skip
    position = written_at(player, counted, linear, here)
    if read is not None and (position or 0) < (before[read - 1][0] if read else 0):
        call = before[read][1]
        said = f"{count(call.wanted, 'byte')} from LBA {call.lba:,} to {address(call.address)}"
        return LastWrite(what, linear, value, "device",
                         f"{subject} was last written by the UEFI reading {said}")  # fmt: skip
    if position is None:
        said = "has not been written since the machine was started"
        return LastWrite(what, linear, value, "nobody", f"{subject} {said}")
    cpu, instruction = next_instruction(player)
    by = _image(before, position, cpu.linear)
    whose = by or f"code at {address(cpu.linear)}, which lies in no image that was loaded"
    return LastWrite(
        what, linear, value, "other", f"{subject} was last written by {whose}, `{instruction}`",
        position, cpu.linear, instruction,
    )  # fmt: skip


def _read_to(call: UefiCall) -> range:
    """Return to where a call had sectors read."""
    size = call.wanted if call.service == "ReadBlocks" and not call.failed else 0
    return range(call.address, call.address + size)


def _image(calls: list[tuple[int, UefiCall]], position: int, linear: int) -> str:
    """Return in which image an address lies, and how far in it, empty where it is in none that was
    there by then."""
    for at, call in reversed(calls):
        loaded = call.service == "LoadImage" and not call.failed and at <= position
        if loaded and linear in call.lies:
            return f"{file_of(call.path)}+{linear - call.address:#x}"
    return ""
