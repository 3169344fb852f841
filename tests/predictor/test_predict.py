"""The predictor's machine: every way in which a boot can end there, and its BIOS's corners."""

from pathlib import Path
from typing import Any

import pytest

from bootharness.diagnosis import judge
from bootharness.errors import UsageError
from bootharness.plan import BootPlan, choose
from bootharness.predictor.memory import HIGH
from bootharness.predictor.predict import predict
from bootharness.predictor.quirks import Quirks, ReadError
from tests.support.emulated import machine
from tests.support.flat import FLAT, GDT

TABLE = """
table:  dq 0, 0
        dw 0xffff, {source} & 0xffff
        db {source} >> 16 & 0xff, {access}, 0, {source} >> 24
        dw {limit}, {destination} & 0xffff
        db {destination} >> 16 & 0xff, {access}, {byte6}, {destination} >> 24
        dq 0, 0
"""
BLOCK_MOVE = """
        xor ax, ax
        mov es, ax
        mov si, table
        mov cx, {words}
        mov ah, 0x87
        int 0x15
        setc [0x600]
        mov [0x601], ah
        int 0x18
"""


def moved(folder: Path, *, bios: str = "seabios", disk: bytes = b"", words: int = 8,
          source: int = 0x7C00, destination: int = 0x200000, access: int = 0x93,
          limit: int = 0xFFFF, byte6: int = 0):  # type: ignore[no-untyped-def]  # fmt: skip
    code = BLOCK_MOVE.format(words=words) + TABLE.format(
        source=source, destination=destination, access=access, limit=limit, byte6=byte6
    )
    pc = machine(folder, code, bios=bios, disk=disk)
    return pc, pc.boot()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("int 0x18", "boot-failed"),
        ("int 0x19", "bootstrap"),
        ("cli\nhlt", "halted"),
        ("a: hlt\njmp a", "idle"),
        ("jmp $", "loop"),
        ("a: inc ax\njmp a", "loop"),
        ("a: inc dword [0x600]\njmp a", "loop"),
        ("a: push ax\npop bx\njmp a", "loop"),
        ("a: mov ah, 0\nint 0x13\njmp a", "loop"),
        ("a: mov ah, 1\nint 0x16\njz a", "waits-for-key"),
        ("a: mov ah, 0\nint 0x1a\njmp a", "loop"),
        ("mov ah, 0\nint 0x16", "waits-for-key"),
        ("ud2", "loop"),
        ("db 0x0f, 0xff", "loop"),
        ("xor bx, bx\ndiv bx", "loop"),
        ("jmp 0xf000:0x1234", "loop"),
        ("jmp 0xffff:0", "guest-reset"),
        ("mov al, 0xfe\nout 0x64, al\njmp $", "guest-reset"),
        ("mov al, 1\nout 0x92, al\njmp $", "guest-reset"),
        ("mov dx, 0xcf9\nmov al, 6\nout dx, al\njmp $", "guest-reset"),
        ("mov dx, 0x604\nmov ax, 0x2000\nout dx, ax\njmp $", "guest-shutdown"),
        ("mov ax, 0x4f02\nint 0x10", "skipped"),
        ("mov ax, 0x5303\nint 0x15", "skipped"),
        ("in al, 0x43\nint 0x18", "skipped"),
        ("mov al, 0x36\nout 0x43, al\ncli\nhlt", "skipped"),
    ],
)
def test_every_program_ends(tmp_path: Path, code: str, kind: str) -> None:
    ending = machine(tmp_path, code).boot()
    assert ending.kind == kind
    assert ending.cause == ("not-emulated" if kind == "skipped" else None)


def test_operand_that_looks_like_a_halt_is_none(tmp_path: Path) -> None:
    code = """
        cli
        mov ecx, 60000
a:      times 60 db 0xb0, 0xf4          ; mov al, 0xf4
        dec ecx
        jnz a
        {then}"""
    assert machine(tmp_path, code.format(then="int 0x18")).boot().kind == "boot-failed"
    assert machine(tmp_path, code.format(then="hlt")).boot().kind == "halted"


TOUCH = """
        mov ax, 0xffff
        mov es, ax
        mov al, [es:0x20]
        int 0x18"""
CLOSED = {
    "by the BIOS": "mov ax, 0x2400\nint 0x15",
    "fast": "in al, 0x92\nand al, 0xfc\nout 0x92, al",
    "by the keyboard controller": "mov al, 0xdd\nout 0x64, al",
    "by its output port": "mov al, 0xd1\nout 0x64, al\nmov al, 1\nout 0x60, al",
}
OPENED = {
    "by the BIOS": "mov ax, 0x2401\nint 0x15",
    "fast": "mov al, 2\nout 0x92, al",
    "by the keyboard controller": "mov al, 0xdf\nout 0x64, al",
    "by its output port": "mov al, 0xd1\nout 0x64, al\nmov al, 3\nout 0x60, al",
}


@pytest.mark.parametrize("how", CLOSED)
def test_closed_a20_gate_lets_every_odd_mib_be_the_even_one_below_it(
    tmp_path: Path, how: str
) -> None:
    seen = "mov [0x600], al\nint 0x18"
    touch = TOUCH.replace("int 0x18", seen)
    mark = "mov byte [0x10], 0x5a"
    for gates, value, wrapped in (
        ("", 0, False),
        (CLOSED[how], 0x5A, True),
        (f"{CLOSED[how]}\n{TOUCH.replace('int 0x18', '')}\n{OPENED[how]}", 0, False),
        (f"{TOUCH.replace('int 0x18', '')}\n{CLOSED[how]}", 0x5A, True),
    ):
        pc = machine(tmp_path, f"{mark}\n{gates}\n{touch}")
        assert pc.boot().kind == "boot-failed"
        assert pc.memory.read_memory(0x600, 1)[0] == value
        assert pc.memory.wrapped == wrapped


def test_closed_a20_gate_reaches_beyond_the_second_mib(tmp_path: Path) -> None:
    code = "mov ax, 16\nmov ds, ax\nmov byte [0x300010], 0x5a\nmov byte [0x400010], 0xa5\nhlt"
    pc = machine(tmp_path, PROTECTED.format(code=code), quirks=Quirks(a20=False))
    assert pc.boot().kind == "halted"
    assert pc.memory.read_memory(0x200010, 1) == b"\x5a"
    assert pc.memory.read_memory(0x300010, 1) == b"\0"
    assert pc.memory.read_memory(0x400010, 1) == b"\xa5"


def test_a20_gate_tells_how_it_is(tmp_path: Path) -> None:
    code = "in al, 0x92\nmov [0x600], al\nmov ax, 0x2402\nint 0x15\nmov [0x601], al\nint 0x18"
    for before, answer in (("nop", b"\x02\x01"), (CLOSED["fast"], b"\0\0")):
        pc = machine(tmp_path, f"{before}\n{code}")
        pc.boot()
        assert pc.memory.read_memory(0x600, 2) == answer


PROTECTED = """
        cli
        xor ax, ax
        mov ds, ax
        lgdt [gdtr]
        lidt [idtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 8:flat
        bits 32
flat:   {code}
        bits 16
gdtr:   dw 23
        dd gdt
idtr:   dw 0
        dd 0
gdt:    dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
"""


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("mov ax, 0x28\nmov ds, ax", "guest-reset"),  # no such descriptor
        ("int 0x13", "guest-reset"),
        ("ud2", "guest-reset"),
        ("jmp 0xf0000000", "guest-reset"),
        ("hlt", "halted"),
        ("jmp $", "loop"),
        ("mov ax, 16\nmov ds, ax\nmov byte [0xf0000000], 1\nmov al, [0xf0000000]\nhlt", "halted"),
    ],
)
def test_every_program_ends_in_protected_mode(tmp_path: Path, code: str, kind: str) -> None:
    assert machine(tmp_path, PROTECTED.format(code=code)).boot().kind == kind


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("in al, 0x43\njmp $", "port 0x43 in protected mode"),
        ("mov ax, 16\nmov ds, ax\nmov al, [0xfee00020]\nhlt", "device at 0xfee00020"),
        ("lidt [own]\nud2\nown: dw 0x7ff\ndd 0x9000", "interrupts of its own"),
        ("sti\njmp $", "the timer's interrupts in protected mode"),
        ("sti\na: hlt\njmp a", "the timer's interrupts in protected mode"),
    ],
)
def test_what_only_a_boot_manager_does_is_not_emulated(
    tmp_path: Path, code: str, words: str
) -> None:
    ending = machine(tmp_path, PROTECTED.format(code=code)).boot()
    assert (ending.kind, ending.cause) == ("skipped", "not-emulated")
    assert words in ending.detail


def test_long_work_above_64_kib_is_come_through(tmp_path: Path) -> None:
    """Unicorn, stopped there to be looked at, goes on at the lower 16 bits by itself."""
    code = f"""
        cli
        xor ax, ax
        mov ds, ax
        {FLAT}
        mov es, ax
        mov esi, work
        mov edi, 0x20000
        mov ecx, end - work
        rep movsb
        mov eax, 0x20000
        jmp eax
work:   mov ecx, 300000
again:  inc ebx
        dec ecx
        jnz again
        mov byte [0x600], 0x5a
        hlt
end:    {GDT}"""
    with_table = code.replace("rep movsb", "rep movsb\nlidt [own]").replace(
        "hlt", "hlt\nown: dw 0x7ff\ndd 0x9000"
    )
    assert machine(tmp_path, with_table).boot().cause == "not-emulated"
    pc = machine(tmp_path, code)
    assert pc.boot().kind == "halted"
    assert pc.memory.low[0x600] == 0x5A


def test_hang_comes_with_the_places(tmp_path: Path) -> None:
    pc = machine(tmp_path, "mov ax, 1\na: nop\nnop\njmp a")
    assert pc.boot().kind == "loop"
    samples = pc.hang.samples.values()
    assert {sample.linear for sample in samples} == {0x7C03, 0x7C04, 0x7C05}
    assert {sample.mode for sample in samples} == {"real"}


def test_loop_that_waits_for_the_clock_gets_on(tmp_path: Path) -> None:
    code = "mov eax, [0x46c]\nadd eax, 91\na: cmp eax, [0x46c]\nja a\nint 0x18"
    assert machine(tmp_path, code).boot().kind == "boot-failed"
    halting = "mov eax, [0x46c]\nadd eax, 91\na: hlt\ncmp eax, [0x46c]\nja a\nint 0x18"
    assert machine(tmp_path, halting).boot().kind == "boot-failed"


def test_loop_of_ten_million_instructions_gets_on(tmp_path: Path) -> None:
    code = "mov ecx, 5000000\na: dec ecx\njnz a\nint 0x18"
    assert machine(tmp_path, code).boot().kind == "boot-failed"


def test_ten_thousand_letters_are_no_hang(tmp_path: Path) -> None:
    code = "mov cx, 9000\nmov ax, 0x0e2e\na: int 0x10\nloop a\nint 0x18"
    pc = machine(tmp_path, code)
    assert pc.boot().kind == "boot-failed"
    assert len(pc.calls()) > 9000


def test_what_is_written_to_the_serial_port_is_kept(tmp_path: Path) -> None:
    code = """
        mov dx, 0x3fb
        mov al, 0x83
        out dx, al
        mov dx, 0x3f8
        mov al, 1       ; the divisor, not a character
        out dx, al
        mov dx, 0x3fb
        mov al, 3
        out dx, al
        mov dx, 0x3f8
        mov al, 'x'
        out dx, al
        int 0x18"""
    pc = machine(tmp_path, code)
    pc.boot()
    assert pc.ports.serial == b"x"


@pytest.mark.parametrize("bios", ["seabios", "286", "dosbox", "dosbox-x"])
def test_block_move_copies(tmp_path: Path, bios: str) -> None:
    pc, ending = moved(tmp_path, bios=bios)
    assert ending.kind == "boot-failed"
    assert pc.memory.read_memory(0x200000, 16) == pc.memory.read_memory(0x7C00, 16)
    assert pc.memory.read_memory(0x600, 2) == b"\0\0"


@pytest.mark.parametrize(
    ("bios", "byte6", "reached"),
    [
        ("seabios", 0, 0x2000000),
        ("286", 0, 0),
        ("dosbox", 0, 0),
        ("dosbox", 2, 0x2000000),
        ("dosbox-x", 0, 0x2000000),
    ],
)
def test_where_a_bios_finds_the_high_byte(
    tmp_path: Path, bios: str, byte6: int, reached: int
) -> None:
    pc, _ = moved(tmp_path, bios=bios, destination=0x2300000, byte6=byte6)
    code = pc.memory.read_memory(0x7C00, 16)
    assert pc.memory.read_memory(0x300000 + reached, 16) == code
    assert pc.memory.read_memory(0x300000 + (reached ^ 0x2000000), 16) == bytes(16)


@pytest.mark.parametrize("access", [0x00, 0x13, 0x83, 0x99])
def test_descriptor_that_no_cpu_loads(tmp_path: Path, access: int) -> None:
    pc, ending = moved(tmp_path, access=access)
    assert ending.kind == "guest-reset"
    assert pc.memory.read_memory(0x200000, 16) == bytes(16)
    pc, ending = moved(tmp_path, access=access, bios="286")
    assert ending.kind == "boot-failed"
    assert pc.memory.read_memory(0x600, 2) == b"\x01\x02"  # CF, "exception interrupt"
    _, ending = moved(tmp_path, access=access, bios="dosbox")
    assert ending.kind == "boot-failed"


def test_limit_counts_where_the_cpu_looks_at_it(tmp_path: Path) -> None:
    pc, _ = moved(tmp_path, limit=7, bios="286")
    assert pc.memory.read_memory(0x600, 2) == b"\x01\x02"
    assert pc.memory.read_memory(0x200000, 8) == pc.memory.read_memory(0x7C00, 8)
    assert pc.memory.read_memory(0x200008, 8) == bytes(8)
    pc, _ = moved(tmp_path, limit=7)  # QEMU does not
    assert pc.memory.read_memory(0x600, 2) == b"\0\0"


@pytest.mark.parametrize(("bios", "size"), [("seabios", 0x10000), ("dosbox", 0x1FFFE)])
def test_more_than_a_segment(tmp_path: Path, bios: str, size: int) -> None:
    pc, _ = moved(tmp_path, words=0xFFFF, source=0x7E00, bios=bios)
    pc.memory.write(0x40000, b"\xee" * 16)
    pc, _ = moved(tmp_path, words=0xFFFF, source=0xF0000, bios=bios)  # ROM: no zeros
    assert pc.memory.read_memory(0x200000 + 0xFFF0, 16) == b"\xf4" * 16
    behind = pc.memory.read_memory(0x200000 + 0x10000, 2)
    assert (behind == bytes(2)) == (size == 0x10000) or bios == "dosbox"


def test_move_that_overlaps_itself_repeats(tmp_path: Path) -> None:
    pc, _ = moved(tmp_path, source=0x7C00, destination=0x7C00 + 0x200, words=0x200)
    first = pc.memory.read_memory(0x7C00, 16)
    assert pc.memory.read_memory(0x7E00, 16) == first
    assert pc.memory.read_memory(0x7C00 + 0x400, 16) == first


def test_move_over_its_own_table_resets_the_machine(tmp_path: Path) -> None:
    disk = bytes(range(256)) * 2
    _, ending = moved(tmp_path, source=0x90000, destination=0x7C00, words=0x100, disk=disk)
    assert ending.kind == "guest-reset"
    assert "its own descriptor table" in ending.detail


@pytest.mark.long
def test_move_over_the_vectors_sends_the_next_call_astray(tmp_path: Path) -> None:
    pc, ending = moved(tmp_path, source=0x90000, destination=0, words=0x200)
    assert ending.kind == "loop"  # INT 18h leads to 0000:0000, where there is nothing
    assert pc.calls()[-1].number == 0x15


def test_rom_is_not_written_to_and_memory_ends(tmp_path: Path) -> None:
    pc, _ = moved(tmp_path, destination=0xF1000)
    assert pc.memory.read_memory(0xF1000, 16) == b"\xf4" * 16
    pc, _ = moved(tmp_path, destination=(64 << 20) - 8)
    assert len(pc.memory.read_memory((64 << 20) - 8, 16)) == 8
    pc, ending = moved(tmp_path, destination=0xE0000000)
    assert ending.kind == "boot-failed"
    assert pc.memory.read_memory(0xE0000000, 16) == b""


READ = """
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7000
        mov si, packet
        mov dl, 0x80
        mov ah, 0x42
        int 0x13
        {code}
packet: dw 16, {count}, {offset}, {segment}
        dq {lba}
"""


def reading(folder: Path, code: str = "int 0x18", *, disk: bytes = b"", count: int = 1,
            offset: int = 0, segment: int = 0x2000, lba: int = 1,
            errors: tuple[ReadError, ...] = ()):  # type: ignore[no-untyped-def]  # fmt: skip
    text = READ.format(code=code, count=count, offset=offset, segment=segment, lba=lba)
    pc = machine(folder, text, disk=disk, quirks=Quirks(errors))
    return pc, pc.boot()


def test_read_wraps_nowhere_and_may_end_above_1_mib(tmp_path: Path) -> None:
    pc, _ = reading(tmp_path, disk=b"\xaa" * 512, segment=0xFFFF, offset=0x10)
    assert pc.memory.read_memory(HIGH, 512) == b"\xaa" * 512


def test_read_errors(tmp_path: Path) -> None:
    pc, _ = reading(tmp_path, lba=0, count=3, errors=(ReadError(2, 1),))
    assert pc.calls()[-2].status == 0x0C
    again = "mov word [packet + 2], 3\nmov ah, 0x42\nint 0x13\nint 0x18"
    pc, _ = reading(tmp_path, again, lba=0, count=3, errors=(ReadError(2, 1),))
    assert [call.failed for call in pc.calls()[-3:-1]] == [True, False]


def test_what_is_written_is_read_again_and_the_image_stays(tmp_path: Path) -> None:
    code = """
        mov ax, 0x4300
        mov dword [packet + 8], 50
        int 0x13                        ; sector 1 to sector 50
        mov word [packet + 6], 0x3000
        mov ax, 0x4200
        int 0x13
        int 0x18"""
    pc, _ = reading(tmp_path, code, disk=b"\x77" * 512)
    assert pc.memory.read_memory(0x30000, 512) == b"\x77" * 512


def setup_code(*, at: int = 0x200) -> bytes:
    sector = bytearray(1024)
    sector[0x1F1] = 1
    sector[at : at + 6] = b"\xeb\x6aHdrS"
    sector[0x26C : 0x26C + 5] = b"\xb4\x88\xcd\x15\xf4"  # mov ah, 0x88; int 0x15; hlt
    return bytes(sector)


def test_handoff_is_seen_at_the_entry(tmp_path: Path) -> None:
    pc, ending = reading(tmp_path, "jmp 0x2020:0", disk=setup_code(), count=2)
    assert ending.kind == "reached"
    assert pc.exact
    assert pc.handoff
    assert (pc.handoff.cs, pc.handoff.ip) == (0x2020, 0)


def test_setup_code_that_was_copied_is_seen_at_its_first_call(tmp_path: Path) -> None:
    code = """
        mov ax, 0x2000
        mov ds, ax
        mov ax, 0x5000
        mov es, ax
        xor si, si
        xor di, di
        mov cx, 512
        rep movsw
        jmp 0x5000:0x26c
    """
    pc, ending = reading(tmp_path, code, disk=setup_code(), count=2)
    assert ending.kind == "reached"
    assert not pc.exact
    assert pc.handoff
    assert pc.handoff.cs == 0x5000


def test_kernel_in_the_middle_of_a_read_is_seen(tmp_path: Path) -> None:
    disk = bytes(3 * 512) + setup_code()
    pc, ending = reading(tmp_path, "jmp 0x2080:0", disk=disk, count=6)
    assert ending.kind == "reached"
    assert pc.exact


def test_kernel_entered_in_protected_mode_is_seen(tmp_path: Path) -> None:
    kernel = bytearray(setup_code())
    kernel[0x214:0x218] = (0x100000).to_bytes(4, "little")
    code = PROTECTED.format(code="mov esi, 0x20000\njmp 0x100000")
    pc, ending = reading(tmp_path, code, disk=bytes(kernel), count=2)
    assert (ending.kind, pc.in_protected_mode) == ("reached", True)
    assert pc.handoff
    assert (pc.handoff.esi, pc.handoff.cs) == (0x20000, 8)


@pytest.mark.long
def test_code_that_was_there_before_its_kernel_is_no_entry(tmp_path: Path) -> None:
    kernel = bytearray(setup_code())
    kernel[0x214:0x218] = (0x100000).to_bytes(4, "little")
    enters = PROTECTED.format(code="jmp 0x100000")
    puts = """
        mov ax, 0xffff
        mov es, ax
        mov word [es:0x10], 0xfeeb      ; jmp $
    """
    reads = READ.format(code=enters, count=2, offset=0, segment=0x2000, lba=1)
    pc = machine(tmp_path, puts + reads, disk=bytes(kernel))
    assert (pc.boot().kind, pc.handoff) == ("loop", None)


def test_guest_can_take_an_interrupt_over(tmp_path: Path) -> None:
    code = """
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7000
        mov eax, [0x15 * 4]
        mov [old], eax
        mov word [0x15 * 4], own
        mov [0x15 * 4 + 2], cs
        mov ax, 0x8800
        stc
        int 0x15
        jc bad
        cmp ax, 0xfc00
        je bad
        cmp word [count], 1
        jne bad
        cli
        hlt
bad:    int 0x18
own:    inc word [cs:count]
        pushf
        call far [cs:old]
        retf 2
count:  dw 0
old:    dd 0"""
    pc = machine(tmp_path, code)
    assert pc.boot().kind == "halted"
    call = pc.calls()[-1]
    assert (call.number, call.function, call.from_bios) == (0x15, 0x88, False)


def test_exception_goes_to_the_guests_own_handler(tmp_path: Path) -> None:
    code = """
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7000
        mov word [6 * 4], handler
        mov [6 * 4 + 2], cs
        ud2
handler: int 0x18"""
    assert machine(tmp_path, code).boot().kind == "boot-failed"


def test_code_that_is_read_over_old_code_is_what_runs(tmp_path: Path) -> None:
    # the same sector is entered twice, with other content
    code = """
        mov byte [0x600], 0
        call 0x2000:0
        mov si, packet
        mov dl, 0x80
        mov word [packet + 8], 2
        mov ah, 0x42
        int 0x13
        call 0x2000:0
        int 0x18"""
    first = b"\x80\x06\x00\x06\x01\xcb".ljust(512, b"\0")  # add byte [0x600], 1; retf
    second = b"\x80\x06\x00\x06\x10\xcb".ljust(512, b"\0")
    pc, _ = reading(tmp_path, code, disk=first + second)
    assert pc.memory.low[0x600] == 0x11


def test_machines_with_quirks(tmp_path: Path) -> None:
    code = """
        mov [0x600], dl
        mov [0x602], cx
        mov bx, 0x55aa
        mov ah, 0x41
        int 0x13
        setc [0x601]
        cli
        hlt"""
    pc = machine(tmp_path, code, quirks=Quirks(drive=0x81, entry={"ecx": 0x1234}, fill=0xA5))
    assert pc.boot().kind == "halted"
    assert pc.memory.read_memory(0x600, 4) == b"\x81\0\x34\x12"
    assert pc.memory.read_memory(0x50000, 2) == b"\xa5\xa5"
    pc = machine(tmp_path, code, quirks=Quirks(edd=(0x55AA, 0, 1)))
    pc.boot()
    assert pc.memory.read_memory(0x600, 2) == b"\x80\x01"


def test_block_move_that_fails(tmp_path: Path) -> None:
    code = BLOCK_MOVE.format(words=8) + TABLE.format(
        source=0x7C00, destination=0x200000, access=0x93, limit=0xFFFF, byte6=0
    )
    pc = machine(tmp_path, code, quirks=Quirks(failing_move=0))
    assert pc.boot().kind == "boot-failed"
    assert pc.memory.read_memory(0x600, 2) == b"\x01\x01"
    assert pc.memory.read_memory(0x200000, 16) == bytes(16)


@pytest.mark.parametrize(
    ("route", "choices", "cause", "words"),
    [
        ("pxelinux", {}, "not-emulated", "do not rule it out"),
        ("ipxe", {"cmdline": "a" * 3000}, "cmdline-wrong", "the command line has 3,000 bytes"),
        ("ipxe", {"memory_mib": 4, "initrd": "x"}, "initrd-misplaced", "4,194,304 in all"),
    ],
)
def test_of_a_network_what_rules_a_boot_out_is_known(
    tmp_path: Path, route: str, choices: dict[str, Any], cause: str, words: str
) -> None:
    (tmp_path / "x").write_bytes(bytes(4 << 20))
    if "initrd" in choices:
        choices = {**choices, "initrd": str(tmp_path / "x")}
    plan = choose(BootPlan(), {"route": route, **choices})
    judgement = judge(predict("selfcheck:16", plan))
    assert judgement.cause == cause, judgement.summary
    assert words in judgement.summary


@pytest.mark.parametrize("route", ["net-root", "net-server", "direct"])
def test_what_nothing_is_known_of_beforehand_is_refused(tmp_path: Path, route: str) -> None:
    with pytest.raises(UsageError, match="boot it instead"):
        predict(str(tmp_path), BootPlan(route=route))
