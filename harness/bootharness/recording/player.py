"""A recorded boot in QEMU, standing still at any instruction of it that one likes."""

import base64
import re
import shutil
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import MachineLost
from bootharness.host.closing import Closing
from bootharness.host.deadline import Deadline
from bootharness.host.workspace import Workspace
from bootharness.machine.argv import GDB_SOCKET
from bootharness.machine.device import Device, Drive
from bootharness.machine.machine import Machine
from bootharness.machine.qemu import Qemu
from bootharness.machine.qmp import hmp
from bootharness.machine.rsp import Stub
from bootharness.machine.tape import TAPE, Tape
from bootharness.machine.taped_card import TapedCard
from bootharness.machine.taped_uefi import VARIABLES_FILE, VARIABLES_OVERLAY, TapedUefi
from bootharness.plan import MachineConfig
from bootharness.recording.manifest import OVERLAY, ROM
from bootharness.trace.machine_facts import CpuSample

__all__ = ["Player", "Reel", "Source"]

_RING_CHUNK = 1 << 18
_LOOK_S = 0.005
_DISK_S = 0.01
"""In which an image is read that lies in the host's memory."""
_SLOWER, _AT_LEAST_S = 20, 30.0
_OFF = "SHUTDOWN"
_STANDS_S = 10.0
"""In which a QEMU that plays has played something, on a busy host too."""


Source = Drive | TapedUefi | TapedCard
"""What a recorded boot was from."""


class Reel(Struct, frozen=True):
    """A recording's files in ``folder``, and the machine that they are of, with the ``source`` that
    it boots from.

    ``end`` is how many instructions there are, and ``seconds`` how long it took to record them.
    Nothing of it is waited for behind ``until``.
    """

    folder: Path
    config: MachineConfig
    source: Source
    end: int = 0
    seconds: float = 0.0
    until: Deadline | None = None

    def thread(self, workspace: Workspace) -> Device:
        """Copy into a workspace what a playing QEMU writes to, and return what it boots from."""
        of_uefi = (VARIABLES_FILE, VARIABLES_OVERLAY) if self.by_uefi else ()
        for name in (TAPE, OVERLAY, ROM, *of_uefi):
            shutil.copyfile(self.folder / name, workspace.path / name)
        return self.source.played(workspace.path / OVERLAY)

    def tape(self, workspace: Workspace) -> Tape:
        """Return the tape in a workspace in which it has been threaded."""
        return Tape("replay", workspace.path / ROM, self.source.frames, self.source.shift)

    @property
    def by_uefi(self) -> bool:
        """Whether it is of a boot by a UEFI, which makes no BIOS calls."""
        return isinstance(self.source, TapedUefi)

    @property
    def goes_on(self) -> bool:
        """Whether it is played the same from wherever it has stopped. A network is not: QEMU
        forgets the frames that wait for room in the machine when it stops."""
        return not self.source.frames

    @property
    def limit_s(self) -> float:
        """How long to wait for it to be played from one end to the other."""
        limit = _AT_LEAST_S + _SLOWER * self.seconds
        return limit if self.until is None else min(limit, self.until.remaining)


class Player(Closing):
    """QEMU with a tape, its CPU before the first instruction.

    Use as a context manager. Positions are numbers of executed instructions. Raises CouldNotFindOut
    where QEMU does not play it, here and later.
    """

    def __init__(self, reel: Reel) -> None:
        self.reel = reel
        self._start()

    def _start(self) -> None:
        with ExitStack() as stack:
            workspace = stack.enter_context(Workspace())
            device = self.reel.thread(workspace)
            tape = self.reel.tape(workspace)
            qemu = stack.enter_context(
                Qemu(self.reel.config, device, workspace, tracer="both", tape=tape)
            )
            self.machine = stack.enter_context(Machine(qemu))
            self.workspace = workspace
            self.stub = stack.enter_context(Stub(workspace.path / GDB_SOCKET))
            self._stack = stack.pop_all()

    @property
    def off(self) -> bool:
        """Whether the guest has switched itself off. It does not go on from there, and not at once
        behind the instruction that does it: so many more are executed as the host is slow."""
        return self.stub.off or self.machine.qmp.holds(_OFF)

    @property
    def position(self) -> int:
        """How many instructions have been executed."""
        return int(self.machine.qmp.execute("query-replay")["icount"])

    def seek(self, position: int) -> None:
        """Go to a position, forwards or backwards."""
        if self.position < position and not self.reel.goes_on:
            self.seek(0)
        here = self.position
        if position == here:
            return
        if self.off:
            self.seek_anew(position)
        elif position > here:
            self._seek_ahead(position)
        else:
            try:
                self._seek_back(position)
            except MachineLost:
                self.seek_anew(position)
        if self.position != position:
            raise MachineLost(f"QEMU went to instruction {self.position:,}, not to {position:,}")

    def _seek_ahead(self, position: int) -> None:
        self.set_break(position)
        self.stub.go(self.reel.limit_s)

    def seek_anew(self, position: int) -> None:
        """Go to a position with another QEMU, from the beginning on, or to where the guest is off
        before that. One that has to reset a disk in the middle of a read, to go back, waits for it
        for ever (QEMU 7.2 and 10.0)."""
        stood_still = self.stub
        self.close()
        self._start()
        self.stub.take_over(stood_still)
        if position:
            self._seek_ahead(position)

    def _seek_back(self, position: int) -> None:
        """Go back by QMP. Of the stop there is no event, and it is told to the GDB stub's client by
        QEMU 7.2 and not by QEMU 10: so it is looked for."""
        self.machine.wait(Deadline.after(_DISK_S))  # for a disk that is being read
        self.machine.qmp.execute("replay-seek", icount=position)
        deadline = Deadline.after(self.reel.limit_s)
        while self.machine.status == "running" or self.position != position:
            if deadline.expired:
                raise MachineLost(f"QEMU does not come back to instruction {position:,} in time")
            self.machine.wait(Deadline.after(_LOOK_S))
        self.stub.forget_stops()

    def go(self, until: int | None = None) -> bool:
        """Go on to the next stop, or to a position, at the latest before the last instruction: from
        the end itself QEMU does not go back. Return whether it stopped for a watchpoint."""
        last = self.reel.end - 1 if until is None else until
        if self.off or self.position >= last:
            return False
        self.set_break(last)
        return self.stub.go(self.reel.limit_s)

    def set_break(self, position: int) -> None:
        """Have it stop at a position ahead, whatever it stops at before."""
        self.machine.qmp.execute("replay-break", icount=position)

    def play(self) -> bool:
        """Go on to the end, or to where the guest is off before it; return whether QEMU plays it so
        far. It waits for ever for a disk that was to write where no memory is."""
        if self.off:
            return True
        self.set_break(self.reel.end)
        self.stub.resume()
        deadline, before = Deadline.after(self.reel.limit_s), -1
        while not self.stub.stops(_STANDS_S):
            here = self.position
            if here == before or deadline.expired:
                return False
            before = here
        return True

    def end_at(self, position: int) -> None:
        """Take a position for the recording's end."""
        self.reel = replace(self.reel, end=position)

    def back(self) -> bool:
        """Go back to the last stop before; return whether there was one.

        QEMU has a packet for this, which loads a snapshot at once where it has stopped: a disk that
        was just asked for something is reset then, and at times waits for ever (QEMU 7.2 and 10.0,
        on a busy host). So it is done as QEMU does it, from the beginning on, and one by one.
        """
        here, last = self.position, 0
        self.seek(0)
        while True:
            self.go(here)
            if self.position >= here:
                break
            last = self.position
            self.stub.step()  # also where a breakpoint is
        self.seek(last)
        return last > 0

    def step_back(self) -> None:
        """Go back one instruction."""
        self.seek(self.position - 1)

    def bookmark(self) -> bool:
        """Keep the machine as it stands here: going back to a place behind, it is played from
        here. Return whether QEMU did; it does not while a disk is at work."""
        return self.reel.goes_on and not self._monitor(f"savevm at-{self.position}").strip()

    def registers(self) -> str:
        """Return all registers as QEMU writes them."""
        return self._monitor("info registers")

    def recorded(self) -> bytes:
        """Return what the recorder has sent since the last call."""
        parts: list[bytes] = []
        while not parts or len(parts[-1]) == _RING_CHUNK:
            text = self.machine.qmp.execute(
                "ringbuf-read", device="recorder", size=_RING_CHUNK, format="base64"
            )
            parts.append(base64.b64decode(text))
        return b"".join(parts)

    def _monitor(self, command: str) -> str:
        """Run a command of the monitor, which on a busy host takes longer than one of QMP's."""
        within_s = max(self.reel.limit_s, _LOOK_S)
        return str(self.machine.qmp.execute_all(hmp(command), within_s=within_s)[0])

    def has_memory(self, linear: int) -> bool:
        """Return whether anything is at an address, as the CPU has it where it stands."""
        if linear >> 32 and self.machine.qmp.execute("query-target")["arch"] == "i386":
            return False
        found = re.search(r"gpa: (\w+)", self._monitor(f"gva2gpa {linear:#x}"))
        return found is not None and "No memory" not in self._monitor(f"gpa2hva {found[1]}")

    def cpu(self) -> CpuSample:
        """Return where the CPU is."""
        return self.machine.sample()

    def close(self) -> None:
        """End QEMU."""
        self._stack.close()
