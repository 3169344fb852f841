"""A boot on tape: QEMU writes down all that comes from outside of the guest, and plays it again.

(QEMU, docs/system/replay.rst.) Played, it executes the same instructions, and can go backwards.
"""

from pathlib import Path
from typing import Literal

from msgspec import Struct

__all__ = ["MOST_BYTES", "SHIFT", "TAPE", "UEFI_SHIFT", "Tape", "TapeEnd"]

SHIFT = 3
"""A guest's nanoseconds for each of its instructions, and ticks of its time stamp counter, as a
power of two. One that is chosen by QEMU changes with the load of the host."""
UEFI_SHIFT = 6
"""For a UEFI, which waits for devices in loops: QEMU leaves its own at each turn of one, and each
is on the tape."""
TAPE = "tape.bin"
"""What QEMU writes, or reads, in the boot's workspace."""
MOST_BYTES = 1 << 29
"""Of a tape: a loader's has half a megabyte, a UEFI's 60 MB; one that grows on and on is of a guest
that raises exceptions all the time, 5 MB each second."""

_FRAMES = ("-object", "filter-replay,id=frames,netdev=net0",
           "-global", "virtio-net-device.tx=timer",
           "-global", "virtio-net-device.x-txtimer=0")  # fmt: skip


class Tape(Struct, frozen=True):
    """Whether a machine is recorded or played; ``rom`` is the recorder's of a recorded one,
    ``frames`` whether those of its network card are on it, ``shift`` is `SHIFT` or another. Of a
    recorder that is not ``armed`` the GDB stub does the work of its breakpoints."""

    mode: Literal["record", "replay"]
    rom: Path | None = None
    frames: bool = False
    shift: int = SHIFT
    armed: bool = True

    @property
    def args(self) -> list[str]:
        """QEMU's words.

        The help for Windows that a PC's interrupt controller brings is left out: going back to a
        snapshot its reset waits for the CPU, which waits for the tape (QEMU 7.2 to 10.0).

        No snapshot of the beginning is recorded (`rrsnapshot`): QEMU makes one as soon as somebody
        is on the GDB stub of a machine that plays, and a boot is not to wait for one.

        A virtio card sends when the guest's clock says so: otherwise it does when QEMU has time,
        which no tape tells (seen with QEMU 7.2, which played it otherwise). It sends at once: one
        that waits, 0.15 ms by itself, begins to wait anew when the machine has been stopped, and
        then sends at another instruction. That no thread of QEMU's asks it (ioeventfd, `CARDS`) is
        needed, too: such a one asks all of it again when the machine goes on.
        """
        return [
            # what has stopped for the recorder to be looked at goes on by itself
            *(("-action", "panic=none") if self.mode == "replay" else ()),
            *("-icount", f"shift={self.shift},rr={self.mode},rrfile={TAPE}"),
            *("-global", "apic-common.vapic=off"),
            *(_FRAMES if self.frames else ()),
        ]


class TapeEnd(Struct, frozen=True):
    """Where a recording ends: how many instructions were executed, and the registers as QEMU writes
    them; ``off`` where the guest has switched itself off, some instructions before."""

    position: int
    registers: str
    off: bool = False
