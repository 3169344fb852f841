"""QEMU's dump of registers, as QEMU 7.2 wrote it."""

import pytest

from bootharness.machine.registers import parse_registers

REAL = """
EAX=0000aa55 EBX=00000000 ECX=00000000 EDX=00000080
EIP=00007c00 EFL=00000202 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
ES =0000 00000000 0000ffff 00009300
CS =07c0 00007c00 0000ffff 00009b00
CR0=00000010 CR2=00000000 CR3=00000000 CR4=00000000
EFER=0000000000000000
"""
LONG = """
RIP=ffffffff81a00000 RFL=00010046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
CS =0010 0000000000000000 ffffffff 00a09b00 DPL=0 CS64 [-RA]
CR0=80050033 CR2=0000000000000000 CR3=0000000004357000 CR4=00000020
EFER=0000000000000d01
"""


def test_real_mode() -> None:
    sample = parse_registers(REAL, 1.5)
    assert (sample.mode, sample.linear, sample.cs, sample.ip) == ("real", 0xF800, 0x7C0, 0x7C00)
    assert (sample.halted, sample.interrupts, sample.seconds) == (False, True, 1.5)
    assert sample.general == "EAX=0000aa55 EBX=00000000 ECX=00000000 EDX=00000080"


def test_long_mode_halted_with_interrupts_off() -> None:
    sample = parse_registers(LONG, 0)
    assert (sample.mode, sample.linear) == ("long", 0xFFFFFFFF81A00000)
    assert (sample.halted, sample.interrupts) == (True, False)


@pytest.mark.parametrize(
    ("control", "mode"), [("00000011", "protected"), ("80000011", "paged"), ("60000010", "real")]
)
def test_mode_is_in_cr0(control: str, mode: str) -> None:
    assert parse_registers(REAL.replace("CR0=00000010", f"CR0={control}"), 0).mode == mode
