"""The live machine: a running QEMU, talked to over QMP and listened to on the serial line."""

import base64
import re
import select
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from typing import Any

from bootharness.errors import LaunchFailed, MachineLost, ToolMissing
from bootharness.host.accelerator import kvm
from bootharness.host.closing import Closing
from bootharness.host.deadline import Deadline
from bootharness.kernels.content import Piece
from bootharness.machine.argv import BIOS_LOG_BYTES
from bootharness.machine.firmware import missing_firmware
from bootharness.machine.keys import as_codes
from bootharness.machine.qemu import Qemu
from bootharness.machine.qmp import Qmp, hmp
from bootharness.machine.ram import Ram
from bootharness.machine.registers import parse_registers
from bootharness.machine.serial import SerialLine
from bootharness.machine.tape import TAPE, TapeEnd
from bootharness.machine.taped_shutdown import playable
from bootharness.plan import MachineConfig
from bootharness.trace.handoff import Comparison
from bootharness.trace.machine_facts import CpuSample, QmpEvent
from bootharness.trace.proof import compare

__all__ = ["Machine"]

_KEY_MS = 30
# what the setup code of Linux may ask of a CPU (arch/x86/boot/cpucheck.c), by QEMU's names
_FEATURES = ("fpu", "msr", "pae", "cx8", "pge", "cmov", "fxsr", "sse", "sse2", "lm")
_GREETING_S = 20.0
# a machine of 4 GiB is saved and restored in half a second
_SAVE_S, _POLL_S = 20.0, 0.002
_QUIT_S = 20.0
# while a guest is recorded that raises one exception after the other, QEMU answers once in 55 ms of
# the guest's: 4 s of a quiet host's
_RECORDED_S = 90.0
# RAM that does not fit below the devices is above them; a q35 puts all beyond 2 GiB there
_1_MIB, _SEARCHED = 1 << 20, 1 << 22
_SCREEN = range(0xA0000, 0xC0000)
_2_GIB, _DEVICES_FROM, _4_GIB = 2 << 30, 0xE0000000, 4 << 30


class Machine(Closing):
    """A machine that can be asked and watched.

    Use as a context manager. Raises LaunchFailed, in QEMU's own words, when it does not get as far
    as answering, ToolMissing where it has not found its firmware, UsageError for a machine type
    that it does not have, and NotRestored where it does not go on from a saved one.
    """

    def __init__(self, qemu: Qemu) -> None:
        self.qemu = qemu
        self._asked_at = 0.0
        self._held = False
        self._bios_said = qemu.restores.about.bios_log if qemu.restores else ""
        with ExitStack() as stack:
            self.serial = SerialLine(qemu.serial)
            try:
                self.qmp = Qmp(qemu.qmp, Deadline.after(_GREETING_S))
                self.qmp.reply_s = _RECORDED_S if self.recorded else self.qmp.reply_s
            except LaunchFailed as error:
                if qemu.restores:
                    raise qemu.not_restored(qemu.evidence()) from error
                if firmware := missing_firmware(qemu.evidence()):
                    raise ToolMissing(f"QEMU's firmware {firmware.missing()}") from error
                raise qemu.refusal(str(error)) from error
            stack.callback(self.qmp.close)
            self._stack = stack.pop_all()

    @property
    def config(self) -> MachineConfig:
        """What was chosen about the machine."""
        return self.qemu.config

    @property
    def slow(self) -> bool:
        """Whether a probe has found the accelerator slow here."""
        return self.config.accelerator == "kvm" and kvm(self.config.qemu).speed == "slow"

    def now(self) -> float:
        """Seconds since launch."""
        return self.qemu.now()

    @property
    def status(self) -> str:
        """QEMU's run state: ``running``, ``guest-panicked``, ``shutdown``, ..."""
        return str(self.qmp.execute("query-status")["status"])

    def wait(self, deadline: Deadline, *others: int) -> None:
        """Wait for serial output, a QMP event, QEMU's end, or one of the ``others`` (files).

        Raises MachineLost when QEMU is gone.
        """
        self.qmp.wait([self.serial.fileno(), self.qemu.exit_fd, *others], deadline)
        if self.qemu.ended:
            raise MachineLost(f"QEMU went away in mid-boot: {self.qemu.evidence()}")

    def events(self) -> list[QmpEvent]:
        """Return the QMP events since the last call."""
        now, wall = self.now(), time.time()
        events = [self._event(message, now, wall) for message in self.qmp.events()]
        self._asked_at = now
        return events

    def _event(self, message: Any, now: float, wall: float) -> QmpEvent:
        """Put an event on our clock: QEMU stamps it with the wall's, which may be set meanwhile."""
        stamp = message["timestamp"]
        age = wall - stamp["seconds"] - stamp["microseconds"] / 1e6
        seconds = round(min(max(now - age, self._asked_at), now), 6)
        return QmpEvent(message["event"], seconds, message.get("data", {}))

    @property
    def answers(self) -> bool:
        """Whether QEMU has answered all that it was asked."""
        return not self.qmp.silent

    def stop(self, within_s: float) -> None:
        """Stop the machine for good. Raises MachineLost when that takes longer, and from then
        on for all else that it is asked."""
        self.qmp.execute_all(("stop", {}), within_s=within_s)

    def ran_s(self) -> float:
        """Return for how many seconds since launch the machine did not stand still."""
        return self.now() - self.qmp.stopped_s(time.time())

    def resume(self) -> None:
        """Let the stopped machine run on."""
        self._held = False
        self.qmp.execute("cont")

    def hold(self) -> None:
        """Have the machine stand still until `let_go`, to ask it all at once: while it counts its
        instructions, QEMU may answer once in seconds."""
        self.qmp.execute("stop")
        self._held = True

    def let_go(self) -> None:
        """Let the machine run on that is held; not one that the guest has stopped by then."""
        if self._held:
            self._held = False
            self._go_on(self.status)

    def save(self, file: int) -> None:
        """Write the machine, which stands still, to a file. Raises MachineLost where QEMU cannot do
        that, or takes too long."""
        self.qmp.lend(file, "saved")
        self.qmp.execute("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.qmp.execute("migrate", uri="fd:saved")
        deadline = Deadline.after(_SAVE_S)
        while (status := self._saving()) != "completed":
            if status in ("failed", "cancelled") or deadline.expired:
                self.qmp.execute("migrate_cancel")
                raise MachineLost(f"QEMU does not save its machine: {status}")
            self.qmp.wait([], Deadline.after(_POLL_S))

    def _saving(self) -> str:
        return str(self.qmp.execute("query-migrate").get("status", "none"))

    def end_tape(self) -> None:
        """End a recorded machine, so that its tape is complete. Raises MachineLost where QEMU does
        not end.

        By a signal: who asks by QMP has the end put on the tape at once, before the instructions
        that are not yet on it, and those are not played. Mostly all are: a timer of the RTC reads
        the host's clock then, which is put on the tape behind them; but it is not always set.
        """
        _, replay, registers, status = self.qmp.execute_all(
            ("stop", {}), ("query-replay", {}), hmp("info registers"), ("query-status", {})
        )
        self.qemu.terminate()
        if not select.select([self.qemu.exit_fd], [], [], _QUIT_S)[0]:
            raise MachineLost("QEMU does not end its recording")
        off = False
        if status["status"] == "shutdown":
            tape = self.qemu.workspace.path / TAPE
            made = tape.read_bytes()
            changed = playable(made)
            off = changed != made
            tape.write_bytes(changed)
        self.qemu.tape_end = TapeEnd(replay["icount"], registers, off)

    @property
    def recorded(self) -> bool:
        """Whether it is a machine that is recorded."""
        return self.qemu.tape is not None and self.qemu.tape.mode == "record"

    @property
    def executed(self) -> int:
        """How many instructions a machine on tape has executed."""
        return int(self.qmp.execute("query-replay")["icount"])

    @property
    def tape_bytes(self) -> int:
        """How much QEMU has written to the tape of a recorded machine; 0 for another."""
        return (self.qemu.workspace.path / TAPE).stat().st_size if self.recorded else 0

    def await_restored(self) -> None:
        """Wait until a saved machine is there, standing still. Raises NotRestored where it does not
        come."""
        about = self.qemu.restores and self.qemu.restores.about
        deadline = Deadline.after(_SAVE_S)
        try:
            while (status := self.status) == "inmigrate" and not deadline.expired:
                self.qmp.wait([self.qemu.exit_fd], Deadline.after(_POLL_S))
        except MachineLost as error:
            raise self.qemu.not_restored(self.qemu.evidence()) from error
        if status not in ("paused", "guest-panicked"):  # as the recorder of a UEFI stops it
            raise self.qemu.not_restored(f"it is {status}")
        if about and about.program != self.qemu.program:
            raise self.qemu.not_restored("it is of another program")

    def sample(self, *, exact: bool = False) -> CpuSample:
        """Return where the CPU is.

        A CPU that is not stopped for it tells its mode, and whether it is halted, but its
        address may be one of a while ago: translated code that goes on to other translated
        code does not keep it.
        """
        asked = hmp("info registers")
        if exact and not self._held:
            _, said, status = self.qmp.execute_all(("stop", {}), asked, ("query-status", {}))
            self._go_on(status["status"])
        else:
            (said,) = self.qmp.execute_all(asked)
        return parse_registers(said, round(self.now(), 6))

    def copied(self, count: int) -> tuple[bytes, str]:
        """Return so many bytes of memory from address 0 on, and the registers of the same moment
        as QEMU writes them."""
        with self.standing_still():
            return self.read_memory(0, count), self.registers()

    def registers(self) -> str:
        """Return the registers of a machine that stands still, as QEMU writes them."""
        return self.qmp.monitor("info registers")[0]

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop the machine for a while; for good if the guest has stopped it by then."""
        if self._held:
            yield
            return
        self.qmp.execute("stop")
        yield
        self._go_on(self.status)

    def _go_on(self, status: str) -> None:
        """Resume after a stop of ours, unless the guest has made one.

        QEMU tells of the guest's stop before it carries it out, and not at all in its
        status when our stop comes between.
        """
        if status == "paused" and not self.qmp.holds("GUEST_PANICKED", "SHUTDOWN"):
            self.resume()

    def type_keys(self, keys: Iterable[str]) -> None:
        """Type on the keyboard, one key after the other; the guest gets them by and by."""
        self.qmp.execute_all(*(
            ("send-key", {"keys": [{"type": "qcode", "data": code} for code in codes],
                          "hold-time": _KEY_MS})
            for codes in as_codes(keys)
        ))  # fmt: skip

    def bios_log(self) -> str:
        """Return what the BIOS has said of itself since the last call."""
        said = self.qmp.execute("ringbuf-read", device="bios", size=BIOS_LOG_BYTES, format="base64")
        before, self._bios_said = self._bios_said, ""
        return before + base64.b64decode(said).decode("utf-8", "backslashreplace").replace(
            "\r\n", "\n"
        )

    def cpu_lacks(self) -> tuple[str, ...]:
        """Return which features, of those that kernels ask of a CPU, it has not; none when QEMU is
        gone."""
        with suppress(MachineLost):
            (first, *_) = self.qmp.execute("query-cpus-fast")
            asked = (("qom-get", {"path": first["qom-path"], "property": name})
                     for name in _FEATURES)  # fmt: skip
            has = self.qmp.execute_all(*asked)
            return tuple(name for name, here in zip(_FEATURES, has, strict=True) if not here)
        return ()

    def disk_bytes_read(self) -> int:
        """Return how much the guest has read from its disks, by whatever driver."""
        return sum(disk["stats"]["rd_bytes"] for disk in self.qmp.execute("query-blockstats"))

    def are_memory(self, addresses: Sequence[int]) -> bool:
        """Return whether all of some addresses, as the CPU has them, are of RAM."""
        said = self.qmp.monitor(*(f"gva2gpa {address:#x}" for address in addresses))
        found = [re.match(r"gpa: (\w+)", each) for each in said]
        return all(each and self._is_ram(int(each[1], 16)) for each in found)

    def _is_ram(self, physical: int) -> bool:
        ram = self.config.memory_bytes
        return physical < min(ram, _DEVICES_FROM) or _4_GIB <= physical < _4_GIB + ram - _2_GIB

    def ram_at(self, physical: int, count: int) -> bytes:
        """Return so many bytes of RAM by their physical address; none where they are not all that,
        or the screen's."""
        end = physical + count
        on_screen = physical < _SCREEN.stop and end > _SCREEN.start
        if on_screen or not (self._is_ram(physical) and self._is_ram(end - 1)):
            return b""
        return self.read_memory(physical, count)

    def read_memory(self, linear: int, count: int) -> bytes:
        """Return guest memory by its physical address, fewer bytes where the memory ends."""
        count = min(count, self.config.memory_bytes - linear)
        if count <= 0 or linear < 0:
            return b""
        ram = self._ram
        if ram and ram.holds(linear, count):
            with suppress(OSError):
                return ram.read(linear, count)
        return self._saved("pmemsave", linear, count)

    def places_of(self, beginning: bytes) -> Iterator[int]:
        """Yield where between 1 MiB and 2 GiB such bytes are, by physical address, the highest
        pieces of memory first: a UEFI gives out memory from its end."""
        end = min(self.config.memory_bytes, _2_GIB)
        for stop in range(end, _1_MIB, -_SEARCHED):
            start = max(stop - _SEARCHED, _1_MIB)
            piece = self.read_memory(start, min(stop + len(beginning) - 1, end) - start)
            at = piece.find(beginning)
            while at >= 0:
                yield start + at
                at = piece.find(beginning, at + 1)

    @cached_property
    def _ram(self) -> Ram | None:
        said = self.qmp.monitor("gpa2hva 0")[0]
        found = re.search(r"is (0x[0-9a-f]+)", said)
        ram = found and Ram.of(self.qemu.pid, int(found[1], 16), self.config.memory_bytes)
        return self._stack.enter_context(ram) if ram else None

    def read_virtual(self, address: int, count: int) -> bytes:
        """Return memory as the CPU's page tables have it.

        Raises MachineLost, as for all that QEMU refuses, where nothing is mapped.
        """
        signed = address - (1 << 64) if address >> 63 else address  # as QMP wants its numbers
        return self._saved("memsave", signed, count)

    def _saved(self, command: str, address: int, count: int) -> bytes:
        dump = self.qemu.workspace.path / "memory"
        try:
            self.qmp.execute(command, val=address, size=count, filename=str(dump))
            return dump.read_bytes()
        finally:
            dump.unlink(missing_ok=True)

    def compare_memory(self, linear: int, expected: Piece) -> Comparison:
        """Compare guest memory with what should lie there."""
        ram, size = self._ram, expected.size
        with suppress(OSError):
            if ram and ram.holds(linear, size) and ram.equals(linear, expected):
                return Comparison(linear, size)
        return compare(linear, expected.read(), self.read_memory(linear, size))

    def close(self) -> None:
        """Close the connections; QEMU is ended by whoever started it."""
        self._stack.close()
