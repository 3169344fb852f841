"""What a loop in real mode that waits does, and one that hangs does not; some in machines."""

from pathlib import Path

import pytest

from bootharness.watch.outside.real import COPIED_BYTES, real_looks_at
from tests.support.emulated import assembled

ORIGIN = 0x7C00
DUMP = """EAX=00000005 EBX=00000000 ECX=00000000 EDX=00000080
ESI=00000000 EDI=00000000 EBP=00000000 ESP=00007c00
EIP=00007c00 EFL={flags:08x} [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
ES =0000 00000000 0000ffff 00009300
CS =0000 00000000 0000ffff 00009b00
SS =0000 00000000 0000ffff 00009300
DS =0000 00000000 0000ffff 00009300
CR0=00000010 CR2=00000000 CR3=00000000 CR4=00000000
"""
BIOS_VECTORS = b"\x53\xff\x00\xf0" * 256


def seen(
    folder: Path, code: str, *, interrupts: bool = True, vectors: bytes = BIOS_VECTORS
) -> str | None:
    memory = bytearray(COPIED_BYTES)
    memory[: len(vectors)] = vectors
    memory[ORIGIN : ORIGIN + 512] = assembled(folder, code)
    return real_looks_at(bytes(memory), DUMP.format(flags=0x202 if interrupts else 0x002))


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("w: cmp [0x46c], eax\njb w", "the BIOS's clock"),
        ("w: hlt\ncmp [0x46c], eax\njb w", "the BIOS's clock"),
        ("w: cmp byte [0x41a], 0\nje w", "the memory at 0x41a"),
        ("w: in al, 0x64\ntest al, 1\njz w", "port 64h"),
        ("w: in al, 0x64\ntest al, 2\njnz w", "port 64h"),
        ("w: mov ah, 1\nint 0x16\njz w", "what INT 16h returns"),
        ("w: mov ah, 1\nint 0x16\njnz w", "what INT 16h returns"),
        ("w: rdtsc\ncmp eax, ebx\njb w", "the CPU's cycle counter"),
        ("mov bx, 0xb800\nmov ds, bx\nw: cmp byte [0], 0\nje w", "the memory at 0xb8000"),
        ("mov cx, 100\nw: loop w\nin al, 0x60\njmp w", "port 60h"),
        ("mov ebx, 0xfee00000\nw: a32 mov eax, [ebx]\njmp w", "the memory at 0xfee00000"),
    ],
)
def test_who_waits_for_time_or_a_device_looks_at_it(tmp_path: Path, code: str, what: str) -> None:
    assert seen(tmp_path, code) == what


@pytest.mark.parametrize(
    "code",
    [
        "jmp $",
        "w: hlt\njmp w",
        "cli\nhlt\nin al, 0x60",
        "cli\nw: cmp [0x46c], eax\njb w",  # no tick is counted
        "w: cmp byte [0x5000], 0\nje w",
        "w: out 0x80, al\njmp w",
        "w: call f\njmp w\nf: push ax\npop ax\nret",
        "in al, 0x60\nmov eax, [0x46c]\njmp $",  # once
        "jmp 0:0x8000",  # zeros, to the end of the segment and through it again
        "mov bx, 0x46c\njmp 0:0x8000",  # which are ADD [BX+SI], AL
    ],
)
def test_who_hangs_looks_at_nothing_that_changes(tmp_path: Path, code: str) -> None:
    assert not seen(tmp_path, code)


def test_what_an_interrupt_handler_of_its_own_may_change_is_outside(tmp_path: Path) -> None:
    own = bytearray(BIOS_VECTORS)
    own[0x1C * 4 : 0x1C * 4 + 4] = b"\x00\x7d\x00\x00"
    code = "w: cmp byte [0x5000], 0\nje w"
    assert seen(tmp_path, code, vectors=bytes(own))
    assert not seen(tmp_path, code, vectors=bytes(own), interrupts=False)
