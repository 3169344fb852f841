"""What a loop of a UEFI's program that waits does, and one that hangs does not."""

import subprocess
from pathlib import Path

import pytest

from bootharness.watch.outside.flat import flat_looks_at

PAGE = 4096
CODE, STACK, END = 0x10_0000, 0x20_0000, 0x40_0000
WIDE = """RAX=0000000000000005 RBX=0000000000000000 RCX=0000000000000000 RDX=0000000000000080
RSI=0000000000000000 RDI=0000000000000000 RBP=0000000000000000 RSP=0000000000200000
R8 =0000000000000064 R9 =0000000000000000 R10=0000000000000000 R11=0000000000000000
RIP=0000000000100000 RFL={flags:08x} [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =0038 0000000000000000 ffffffff 00af9a00 DPL=0 CS64 [-R-]
"""
NARROW = """EAX=00000005 EBX=00000000 ECX=00000000 EDX=00000080
ESI=00000000 EDI=00000000 EBP=00000000 ESP=00200000
EIP=00100000 EFL={flags:08x} [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =0008 {base:08x} ffffffff 00cf9a00 DPL=0 CS32 [-R-]
DS =0010 {base:08x} ffffffff 00cf9300 DPL=0 DS [-WA]
"""


def seen(
    folder: Path, code: str, *, interrupts: bool = True, wide: bool = True, base: int = 0
) -> str | None:
    source, binary = folder / "loop.asm", folder / "loop.bin"
    source.write_text(f"bits {64 if wide else 32}\norg {CODE:#x}\n{code}\n")
    subprocess.run(["nasm", "-f", "bin", "-o", binary, source], check=True)
    ram = bytearray(END)
    ram[CODE : CODE + PAGE] = binary.read_bytes().ljust(PAGE, b"\0")
    dump = (WIDE if wide else NARROW).format(flags=0x202 if interrupts else 2, base=base)
    return flat_looks_at(lambda at, count: bytes(ram[at : at + count]), dump, wide=wide)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("w: mov rdx, r8\nin al, dx\ntest al, 1\njz w", "port 64h"),
        ("w: in al, 0x64\ntest al, 1\njnz w", "port 64h"),
        ("w: rdtsc\ncmp eax, ebx\njb w", "the CPU's cycle counter"),
        ("mov ebx, 0xfed000f0\nw: mov eax, [rbx]\njmp w", "the memory at 0xfed000f0"),
        ("w: cmp byte [abs 0x300000], 0\nje w", "the memory at 0x300000"),
        ("w: mov ecx, 9000\nl: loop l\ncall f\njmp w\nf: in al, 0x60\nret", "port 60h"),
        ("w: movups xmm0, [rsp]\nin al, 0x60\njmp w", "port 60h"),
    ],
)
def test_who_waits_for_time_or_a_device_looks_at_it(tmp_path: Path, code: str, what: str) -> None:
    assert seen(tmp_path, code) == what


@pytest.mark.parametrize(
    "code",
    [
        "jmp $",
        "w: hlt\njmp w",
        "w: call f\njmp w\nf: push rax\npop rax\nret",
        "w: out 0x80, al\njmp w",
        "in al, 0x60\njmp $",  # once
        "xor esi, esi\njmp rsi",  # zeros, which are ADD [RAX], AL, to the end of RAM
        "ud2",
    ],
)
def test_who_hangs_looks_at_nothing_that_changes(tmp_path: Path, code: str) -> None:
    assert not seen(tmp_path, code, interrupts=False)


def test_memory_does_not_change_where_nobody_interrupts(tmp_path: Path) -> None:
    assert not seen(tmp_path, "w: cmp byte [abs 0x300000], 0\nje w", interrupts=False)


def test_a_boot_manager_in_protected_mode_is_followed_too(tmp_path: Path) -> None:
    code = "w: mov edx, 0x3fd\nin al, dx\ntest al, 1\njz w"
    assert seen(tmp_path, code, wide=False) == "port 3fdh"
    assert not seen(tmp_path, code, wide=False, base=0x1000)
