"""The machine: CPU, memory, BIOS and one disk, run from the boot sector until it is over."""

import struct
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace
from unicorn import (
    UC_HOOK_CODE,
    UC_HOOK_INSN,
    UC_HOOK_INTR,
    UC_HOOK_MEM_UNMAPPED,
    UC_MEM_FETCH_UNMAPPED,
    Uc,
    UcError,
)
from unicorn.x86_const import UC_X86_INS_IN, UC_X86_INS_OUT

from bootharness.diagnosis.astray import NOTHING_THERE, division, refused
from bootharness.formats.bioscall import CARRY, BiosCall, DiskAddressPacket, Registers
from bootharness.formats.gdt import BlockMoveTable
from bootharness.formats.loading import MAGIC, MAGIC_AT, SETUP_AT, setup_code_at
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.formats.screen_text import WRITES
from bootharness.kernels.content import Piece
from bootharness.predictor.bios import RESET_VECTOR, ROM_SEGMENT, BiosServices
from bootharness.predictor.cpu import Cpu
from bootharness.predictor.ending import Ended, not_emulated
from bootharness.predictor.frame import INTERRUPTS, Frame, register_values, registers
from bootharness.predictor.memory import HIGH, ROM, Memory
from bootharness.predictor.ports import Ports
from bootharness.predictor.progress import HangWatch, Patience
from bootharness.predictor.quirks import Quirks
from bootharness.predictor.sectors import Sectors
from bootharness.routes.loader import ORIGIN
from bootharness.text import address, seg_off
from bootharness.trace.bioses import BiosModel
from bootharness.trace.boot_trace import BY_THE_BIOS, Ending

__all__ = ["Pc"]

_TRAP = 0x0100
_WORD = 0xFFFF
_FAR = struct.Struct("<HH")
_INTERRUPT_FRAME = struct.Struct("<HHH")
_INT, _HLT = 0xCD, 0xF4
_MOST_TWINS = 8
_CODE_BYTES = 64
_OF_A_SERVICE = b"\xb5"
_EXCEPTIONS = 0x20
_EXCEPTION_GATES = _EXCEPTIONS * 8 - 1
_INVALID_INSTRUCTION = 0x06
_EAX, _ECX, _FLAGS = (Frame.__struct_fields__.index(name) for name in ("eax", "ecx", "flags"))
# as SeaBIOS 1.16 leaves them
_STACK = 0x6F04
_BOOT_AX = 0xAA55
_HANDED_OVER = 0x202
_CALLERS = {0x10: 0xD068, 0x13: 0xD06B, 0x18: 0xEF52, 0x19: 0xE985}
_NOT_BOOTABLE = "Boot failed: not a bootable disk\r\n\r\n"
_UNREADABLE = "Boot failed: could not read the boot disk\r\n\r\n"


class _Call(Struct):
    """A BIOS call as the recorder would record it."""

    number: int
    before: tuple[int, ...]
    after: tuple[int, ...] | None = None
    extra: bytes = b""

    @property
    def news(self) -> object:
        """What was read or moved where, None for a call that did neither."""
        assert self.after
        if self.after[_FLAGS] & CARRY:
            return None
        if self.extra:
            return self.number, self.before[_ECX] & 0xFFFF, self.extra
        if self.number == 0x13 and self.before[_EAX] >> 8 & 0xFF in (0x02, 0x03):
            return self.before
        return None

    def told(self) -> BiosCall:
        """Return the call as a trace keeps it."""
        inside = registers(self.before)
        packet = len(self.extra) == DiskAddressPacket.SIZE
        return BiosCall(
            number=self.number,
            function=inside.ah,
            registers_in=inside,
            registers_out=registers(self.after) if self.after else None,
            called_at=0.0,
            returned_at=0.0 if self.after else None,
            packet=DiskAddressPacket.parse(self.extra) if packet else None,
            table_hex=self.extra.hex() if len(self.extra) == BlockMoveTable.SIZE else "",
        )


class Pc:
    """A machine with one disk. `boot` returns when it is over."""

    def __init__(
        self,
        disk: Sectors,
        memory_bytes: int,
        model: BiosModel,
        quirks: Quirks,
        halts: Iterable[int] = (),
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> None:
        self.cpu = Cpu()
        self.memory = Memory(self.cpu, memory_bytes, quirks.fill, quirks.low_kib * 1024)
        self.ports = Ports(self.memory, quirks.a20_gates)
        self.hang = HangWatch(patience)
        self._patience = patience
        self.handoff: Registers | None = None
        self.exact = True
        self.in_protected_mode = False
        self._disk = disk
        self._model = model
        self._quirks = quirks
        self._bios = BiosServices(self.memory, disk, model, quirks, self._arrived)
        self._calls: list[_Call] = []
        self._ending: Ending | None = None
        self._entries: set[int] = set()
        self._there_before: dict[int, bytes] = {}
        self._looks = 0
        self._halts: set[int] = set()
        self._halted_at: int | None = None
        self._hook()
        for at in halts:
            self._watch_halt(at)

    def boot(self) -> Ending:
        """Boot from the disk and return how it ended.

        What comes after something that only a real machine has whole says nothing against a
        loader: a boot that did not reach the kernel then ends as not emulated.
        """
        ending = self._boot()
        foreign = self.ports.foreign
        if foreign is not None and ending.kind not in ("reached", "skipped"):
            return not_emulated(f"port 0x{foreign:02x}").ending
        return ending

    def _boot(self) -> Ending:
        try:
            self._bootstrap()
        except Ended as ended:
            return ended.ending
        while self._ending is None:
            self._run_to_look()
            if self._ending is None:
                self._look_around()
        return self._ending

    def calls(self) -> tuple[BiosCall, ...]:
        """Return all BIOS calls so far."""
        return tuple(call.told() for call in self._calls)

    def _hook(self) -> None:
        uc = self.cpu.uc
        uc.hook_add(UC_HOOK_INTR, self._on_interrupt)
        uc.hook_add(UC_HOOK_MEM_UNMAPPED, self._on_unmapped)
        uc.hook_add(UC_HOOK_INSN, self._on_in, aux1=UC_X86_INS_IN)
        uc.hook_add(UC_HOOK_INSN, self._on_out, aux1=UC_X86_INS_OUT)

    # the BIOS's own part, as SeaBIOS does it

    def _bootstrap(self) -> None:
        """Load the boot sector and enter it."""
        frame = Frame(flags=_HANDED_OVER, cs=ROM_SEGMENT, esp=_STACK)
        self._own_call(0x19, frame)
        self._say("Booting from Hard Disk...\r\n")
        read = Frame(eax=0x201, ecx=1, edx=self._quirks.drive, es=ORIGIN >> 4, flags=_HANDED_OVER,
                     cs=ROM_SEGMENT, esp=_STACK)  # fmt: skip
        call = self._own_call(0x13, read)
        self._bios.serve(0x13, read)
        call.after = register_values(read)
        if read.ah:
            self._give_up(_UNREADABLE)
        if self._disk.bytes(0, SECTOR_BYTES)[-2:] != b"\x55\xaa":
            self._give_up(_NOT_BOOTABLE)
        entry = Frame(eax=_BOOT_AX, edx=self._quirks.drive, esp=_STACK, flags=_HANDED_OVER,
                      ip=ORIGIN, cr0=0x10)  # fmt: skip
        entry = replace(entry, **self._quirks.entry)
        self.cpu.set(register_values(self.cpu.frame()), register_values(entry))
        self.memory.gate_a20(opened=self._quirks.a20)

    def _give_up(self, message: str) -> None:
        self._say(message)
        self._own_call(0x18, Frame(flags=_HANDED_OVER, cs=ROM_SEGMENT, esp=_STACK))
        raise Ended("boot-failed")

    def _say(self, message: str) -> None:
        for letter in message:
            frame = Frame(eax=0x0E00 | ord(letter), ebx=7, flags=_HANDED_OVER, cs=ROM_SEGMENT)
            self._own_call(0x10, frame).after = register_values(frame)

    def _own_call(self, number: int, frame: Frame) -> _Call:
        frame.ip = _CALLERS[number]
        self._calls.append(_Call(number, register_values(frame)))
        return self._calls[-1]

    # what unicorn tells

    def _on_interrupt(self, _uc: Uc, number: int, _data: object) -> None:
        frame = self.cpu.frame()
        before = register_values(frame)
        try:
            if not frame.real_mode:
                self._protected_interrupt(number, frame)
            self._interrupt(number, frame)
        except Ended as ended:
            self.end(ended)
            return
        after = register_values(frame)
        if after != before:
            self.cpu.set(before, after)

    def _on_unmapped(
        self, _uc: Uc, access: int, at: int, size: int, _value: int, _data: object
    ) -> bool:
        if access == UC_MEM_FETCH_UNMAPPED and at >= self.memory.size:
            return False
        self.hang.progress()
        try:
            self.memory.reached(at)
        except Ended as ended:
            self.end(ended)
            return False
        return True

    def _on_in(self, _uc: Uc, port: int, size: int, _data: object) -> int:
        value = self.ports.read(port, size)
        try:
            self.hang.touched_port()
        except Ended as ended:
            self.end(ended)
        self._device_in_protected_mode()
        return value

    def _on_out(self, _uc: Uc, port: int, _size: int, value: int, _data: object) -> None:
        try:
            self.ports.write(port, value)
            self.hang.touched_port()
        except Ended as ended:
            self.hang.sample(self.cpu.frame())
            self.end(ended)
        self._device_in_protected_mode()

    def _device_in_protected_mode(self) -> None:
        """Stop who goes on in protected mode with devices of its own: a boot manager."""
        foreign = self.ports.foreign
        if foreign is not None and not self.cpu.frame().real_mode:
            self.end(not_emulated(f"port 0x{foreign:02x} in protected mode"))

    def _on_entry(self, _uc: Uc, at: int, _size: int, _data: object) -> None:
        frame = self.cpu.frame()
        if self.memory.read_memory(at, _CODE_BYTES) == self._there_before.get(at):
            return
        self.handoff = registers(register_values(frame))
        self.exact = True
        self.in_protected_mode = not frame.real_mode
        self.end(Ended("reached"))

    def end(self, ended: Ended) -> None:
        """Stop the machine; the first ending counts."""
        if self._ending is None:
            self._ending = ended.ending
        self.cpu.uc.emu_stop()

    # interrupts

    def _interrupt(self, number: int, frame: Frame) -> None:
        own_stub = frame.cs == ROM_SEGMENT
        wanted = self.memory.low[frame.linear - 2 : frame.linear] == bytes((_INT, number))
        if not wanted and number < _EXCEPTIONS and not self._short_form(number, frame):
            self._exception(number, frame)
        elif self._bios.replaced(number) and not own_stub:
            self._deliver(number, frame)
        elif self._bios.has(number):
            self._serve(number, frame, chained=own_stub)

    def _short_form(self, number: int, frame: Frame) -> bool:
        """Whether INT3 or INTO made this interrupt."""
        return {3: 0xCC, 4: 0xCE}.get(number) == self.memory.low[frame.linear - 1]

    def _deliver(self, number: int, frame: Frame) -> None:
        """Enter the handler that the guest has put in place."""
        frame.esp = self._push(frame)
        vector = self.memory.low[number * 4 : number * 4 + 4]
        frame.ip, frame.cs = _FAR.unpack(vector)
        frame.set_flag(INTERRUPTS | _TRAP, on=False)

    def _push(self, frame: Frame) -> int:
        """Put what an INT leaves on the caller's stack, and return ESP behind it."""
        esp = frame.esp & ~_WORD | frame.esp - _INTERRUPT_FRAME.size & _WORD
        returning = _INTERRUPT_FRAME.pack(frame.ip, frame.cs, frame.flags & _WORD)
        self.memory.poke(frame.far(frame.ss, esp), returning)
        return esp

    def _serve(self, number: int, frame: Frame, *, chained: bool) -> None:
        """Answer a call of the BIOS; chained if a handler of the guest's passed it on."""
        stub = frame.cs, frame.ip, frame.esp
        if chained:  # it called the BIOS far, with FLAGS pushed as by an INT
            stack = frame.far(frame.ss, frame.esp)
            frame.esp += _INTERRUPT_FRAME.size
        else:
            stack = frame.far(frame.ss, self._push(frame))
        frame.ip, frame.cs = _FAR.unpack(self.memory.read_memory(stack, _FAR.size))
        caller = frame.cs, frame.ip
        call = self._recorded(number, frame)
        if call:
            self._kernel_called(frame)
            self._calls.append(call)
        self._use_stack(frame)
        function = frame.ah
        self._bios.serve(number, frame)
        self._change(number, function, frame)
        after = register_values(frame)
        frame.ip, frame.cs = _FAR.unpack(self.memory.read_memory(stack, _FAR.size))
        # a service that wrote over its caller's stack does not return to its caller
        if call is None:
            self.hang.polled(number)
        elif (frame.cs, frame.ip) == caller:
            call.after = after
            self.hang.called(call.news)
        if chained:
            frame.cs, frame.ip, frame.esp = stub

    def _use_stack(self, frame: Frame) -> None:
        """Write over what lies below a caller's stack pointer, as a service does that needs it."""
        if self._quirks.stack_bytes:
            top = frame.esp - _INTERRUPT_FRAME.size & _WORD
            size = min(self._quirks.stack_bytes, top)
            self.memory.write(frame.far(frame.ss, top - size), _OF_A_SERVICE * size)

    def _change(self, number: int, function: int, frame: Frame) -> None:
        for change in self._quirks.changes:
            if number == change.number and function in (change.functions or (function,)):
                for name, (mask, value) in change.registers.items():
                    setattr(frame, name, getattr(frame, name) & ~mask | value & mask)

    def _recorded(self, number: int, frame: Frame) -> _Call | None:
        """Return a call if the recorder would record it."""
        function = frame.ah
        match number:
            case 0x10 if function not in WRITES:
                return None
            case 0x16 if function in (0x01, 0x11):
                return None
            case 0x10 | 0x15 | 0x16 | 0x18 | 0x19:
                extra = b""
            case 0x13:
                extra = b""
                if 0x42 <= function <= 0x44:
                    extra = self.memory.read_memory(
                        frame.far(frame.ds, frame.esi), DiskAddressPacket.SIZE
                    )
            case _:
                return None
        if (number, function) == (0x15, 0x87):
            extra = self.memory.read_memory(frame.far(frame.es, frame.esi), BlockMoveTable.SIZE)
        return _Call(number, register_values(frame), None, extra)

    def _kernel_called(self, frame: Frame) -> None:
        """End at the first call by setup code that was entered where nobody expected it."""
        at = frame.cs * 16 + MAGIC_AT
        if self.memory.low[at : at + len(MAGIC)] == MAGIC:
            self.handoff = registers(register_values(frame))
            self.exact = False
            raise Ended("reached")

    def _exception(self, number: int, frame: Frame) -> None:
        if self._bios.replaced(number):
            self._deliver(number, frame)
            return
        # the BIOS's handler does nothing: the instruction is tried again for ever
        self.hang.sample(frame)
        at = seg_off(frame.cs, frame.ip)
        raise Ended("loop", refused(at) if number else division(at))

    def _protected_interrupt(self, number: int, frame: Frame) -> None:
        self._refuse_own_handlers(frame)
        self.hang.sample(frame)
        what = f"exception or interrupt {number} at {address(frame.ip)} in protected mode"
        raise Ended("guest-reset", f"{what}, where nobody handles it")

    def _refuse_own_handlers(self, frame: Frame) -> None:
        """Raise Ended where a guest has a table of its own for interrupts in protected mode."""
        base, limit = self.cpu.interrupt_table()
        if base and limit >= _EXCEPTION_GATES and not frame.real_mode:
            raise not_emulated("protected-mode code that handles interrupts of its own")

    # reads

    def _arrived(self, buffer: int, pieces: Sequence[Piece]) -> None:
        """Look for a kernel in what a read brought in, and be there when it is entered."""
        start = self._setup_found(buffer, sum(piece.size for piece in pieces))
        if start is None:
            return
        kernel = start - SETUP_AT
        self._watch(start)
        self._watch(kernel)
        code32 = int.from_bytes(self.memory.low[kernel + 0x214 : kernel + 0x218], "little")
        if code32 >= HIGH:
            self._watch(code32)
            # a boot manager's own code: the kernel has still to come
            if any(there := self.memory.read_memory(code32, _CODE_BYTES)):
                self._there_before.setdefault(code32, there)

    def _setup_found(self, buffer: int, size: int) -> int | None:
        """Return where setup code begins, if the read began with it or with its kernel."""
        low = self.memory.low
        start = setup_code_at(buffer, lambda at, count: bytes(low[at : at + count]))
        if start is not None:
            return start
        if self._entries:  # there has been one: this is its payload
            return None
        at = low.find(MAGIC, buffer, buffer + size)
        return at - 2 if at >= 0 and (at - 2 - buffer) % SECTOR_BYTES == 0 else None

    def _watch(self, entry: int) -> None:
        if entry not in self._entries:
            self._entries.add(entry)
            self.cpu.uc.hook_add(UC_HOOK_CODE, self._on_entry, begin=entry, end=entry)

    # halts

    def _halted(self, at: int) -> bool:
        """Whether the CPU stands behind an HLT, not behind an operand of the same byte.

        Unicorn does not say why it has stopped. Who has watched the address knows; the first
        time another machine boots as far as this one, and watches it.
        """
        if not (0 <= at < HIGH and self.memory.low[at] == _HLT):
            return False
        if at in self._halts or len(self._halts) >= _MOST_TWINS:
            return self._halted_at == at or at not in self._halts
        twin = Pc(self._disk.as_it_was(), self.memory.size, self._model, self._quirks,
                  (*self._halts, at), self._patience)  # fmt: skip
        self._watch_halt(at)
        return twin.halts_in_look(self._looks, at)

    def halts_in_look(self, look: int, at: int) -> bool:
        """Boot up to so many looks at the CPU, and return whether it had halted at an address."""
        self._bootstrap()
        while self._ending is None:
            self._run_to_look()
            if self._looks == look:
                return self._halted_at == at
            self._look_around()
        return False

    def _watch_halt(self, at: int) -> None:
        self._halts.add(at)
        self.cpu.uc.hook_add(UC_HOOK_CODE, self._on_halt, begin=at, end=at)
        self.cpu.forget(at, at + 1)

    def _on_halt(self, _uc: Uc, at: int, _size: int, _data: object) -> None:
        self._halted_at = at if self.memory.low[at] == _HLT else None

    # running

    def _run_to_look(self) -> None:
        self._halted_at = None
        self._run(self.hang.next_look)
        self._looks += 1

    def _run(self, instructions: int) -> None:
        try:
            self.cpu.run(instructions)
        except UcError as error:
            if self._ending is None:
                self._fault(str(error))

    def _fault(self, what: str) -> None:
        frame = self.cpu.frame()
        try:
            if "INSN_INVALID" in what and frame.real_mode:
                before = register_values(frame)
                self._exception(_INVALID_INSTRUCTION, frame)
                self.cpu.set(before, register_values(frame))
            else:
                self._refuse_own_handlers(frame)
                self.hang.sample(frame)
                raise Ended("guest-reset", f"{what} at {address(frame.linear)}")
        except Ended as ended:
            self._ending = ended.ending

    def _look_around(self) -> None:
        """Find out why the CPU has stopped, or whether it gets on at all."""
        frame = self.cpu.frame()
        before = frame.linear - 1
        try:
            if before == RESET_VECTOR:
                raise Ended("guest-reset", BY_THE_BIOS)
            if frame.ip > _WORD:
                if frame.real_mode:  # no CPU gets there; unicorn knows no limit of CS
                    frame.ip = _WORD
                    self.hang.sample(frame)
                    raise Ended("loop", self._past_the_end(frame.linear))
                self._refuse_own_handlers(frame)  # more than a loader: it may go on for minutes
            halted = self._halted(before)
            if before in ROM and halted:
                # nothing in this ROM tells a loader to go there
                self.hang.sample(frame)
                raise Ended("loop", f"the CPU went astray into the BIOS at {address(before)}")
            self.hang.looked(self._step, self.memory, self._bios, frame, halted=halted)
        except Ended as ended:
            self._ending = ended.ending

    def _past_the_end(self, at: int) -> str:
        if any(self.memory.read_memory(at - _CODE_BYTES, _CODE_BYTES)):
            return "the CPU has run to the end of its code segment"
        return NOTHING_THERE

    def _step(self) -> Frame:
        self._run(1)
        if self._ending is not None:
            raise Ended(self._ending.kind, self._ending.detail, self._ending.cause)
        return self.cpu.frame()
