"""Loaders with one instruction changed, walked through in the emulator: that one is named.

`make faults-back` does the same with all of them, and with recordings of real boots.
"""

from functools import cache

import pytest

from bootharness.host.assembler import shipped
from bootharness.routes.loader import Loader
from tests.mutants.mutate import Mutant, mutants
from tests.support.back_matrix import emulated, names

KINDS = {
    "mov eax, [kernel_lba]: another width": "copies only a part of what is right",
    "mov cl, [fs:setup_sects]: 0x1f1 becomes 0x1f0": "reads the kernel's header at 0x1f0",
    "jnz .counted: opposite condition": "is taken|is not taken",
    "jae .chunk: 0x5 becomes 0x4": "goes into the middle of the instruction",
    "jae .chunk: always taken": "jumps, whatever was compared before it",
    "cmp eax, ecx: another width": "compares the lower part alone",
    "call load_high: 0x4c becomes 0x0": "nothing is called",
    "mov si, dap: 0x7d65 becomes 0x0": "brings 0x0",
    "mov ah, 0x87: 0x87 becomes 0x88": "brings 0x88",
    "mov ah, 0x41: 0x41 becomes 0x42": "brings 0x42",
    "xchg al, [si + DESTINATION + 5]: 0x1d becomes 0x1e": "puts it elsewhere",
    "mov [si + DESTINATION + 2], edi: 0x1a becomes 0x19": "across the border of two fields",
    "mov [si + 6], bx: another width": "puts only a part of 0x1e00 there",
    "add [si + 8], ecx: another width": "works on the lower half alone",
    "shr cx, 1: another width": "works on the lower half alone",
    "add cx, 511: 0x1ff becomes 0x0": "does nothing",
    "mov ecx, CHUNK_BYTES: 0xfe00 becomes 0xfe01": "brings 0xfe01",
    "shl eax, 4: 0x4 becomes 0x3": "works on what a BIOS call brought",
    "cmp eax, ecx: 16 bits instead of 32": "compares the lower part alone",
    "jne error: always taken": "gives up, and nothing failed",
    "popad: 16 bits instead of 32": "takes back 16 bits of each register",
    "pushad: 16 bits instead of 32": "saves 16 bits of each register",
    "call read_disk: 0xf8 becomes 0xf9": "goes into the middle of an instruction",
    "mov sp, HEAP_END: 0xe000 becomes 0xe001": "brings 0xe001",
}
"""How it is changed, and a piece of what is said of it then."""

NOBODY = (
    "mov ss, ax",
    "cli",
    "shr cx, 1",
    "shr cx, 9",
    "add cx, 511",
    "mov eax, [fs:syssize]",
    "mov dword [cmd_line_ptr], (KERNEL_SEGMENT << 4) + HEAP_END",
)
"""Instructions without which the boot is bad, and none is there to be named."""


@cache
def changed() -> dict[str, Mutant]:
    made = mutants(Loader.stage1(), shipped("mbr/stage1.asm"), end="message")
    return {f"{each.source}: {each.change}": each for each in made}


@pytest.mark.sample(6)
@pytest.mark.parametrize("name", KINDS)
def test_the_changed_instruction_is_named(name: str) -> None:
    mutant = changed()[name]
    _, origin, nobody = emulated(mutant)
    assert not nobody
    assert origin
    assert names(origin, mutant), origin.sentence
    assert any(each in origin.sentence for each in KINDS[name].split("|")), origin.sentence


@pytest.mark.parametrize("source", NOBODY)
def test_of_an_instruction_that_was_left_out_none_is_named(source: str) -> None:
    cause, origin, _ = emulated(changed()[f"{source}: dropped"])
    assert cause
    assert origin is None or origin.guilty is None


def test_an_instruction_that_was_never_executed_cannot_be_named() -> None:
    _, _, nobody = emulated(changed()["dec bp: dropped"])
    assert nobody == "it was never executed"
