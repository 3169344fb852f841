"""QEMU's interrupt log: what led to a triple fault, and nothing that did not.

The lines are QEMU 7.2's own, most of the registers between them left out.
"""

import pytest

from bootharness.formats.intlog import GuestException, triple_fault

PAGE_FAULT = """\
check_exception old: 0xffffffff new 0x1
Servicing hardware INT=0x08
check_exception old: 0xffffffff new 0xe
     0: v=0e e=0000 i=0 cpl=0 IP=0010:0000000000100013 pc=0000000000100013 SP=0018:000000000001df90 CR2=0000000000100013
EAX=80000011 EBX=00000000 ECX=00000000 EDX=00000000
IDT=     00000000 00000000
CR0=80000011 CR2=00100013 CR3=00200000 CR4=00000000
EFER=0000000000000000
check_exception old: 0xe new 0xd
     1: v=08 e=0000 i=0 cpl=0 IP=0010:0000000000100013 pc=0000000000100013 SP=0018:000000000001df90 env->regs[R_EAX]=0000000080000011
EAX=80000011 EBX=00000000 ECX=00000000 EDX=00000000
EFER=0000000000000000
check_exception old: 0x8 new 0xd
Triple fault
"""  # noqa: E501
INT3 = """\
SMM: after RSM
EFER=0000000000000000
Servicing hardware INT=0x08
     0: v=03 e=0000 i=1 cpl=0 IP=0008:000efaad pc=000efaad SP=0010:00000fc8 env->regs[R_EAX]=00000006
EAX=00000006 EBX=000f3e32 ECX=00000000 EDX=00000cf9
check_exception old: 0xffffffff new 0xd
     1: v=0d e=001a i=0 cpl=0 IP=0008:000efaad pc=000efaad SP=0010:00000fc8 env->regs[R_EAX]=00000006
EAX=00000006 EBX=000f3e32 ECX=00000000 EDX=00000cf9
check_exception old: 0xd new 0xd
     2: v=08 e=0000 i=0 cpl=0 IP=0008:000efaad pc=000efaad SP=0010:00000fc8 env->regs[R_EAX]=00000006
EAX=00000006 EBX=000f3e32 ECX=00000000 EDX=00000cf9
check_exception old: 0x8 new 0xd
Triple fault
"""  # noqa: E501
INVALID_OPCODE = """\
     0: v=06 e=0000 i=0 cpl=0 IP=0010:0000000000100000 pc=0000000000100000 SP=0018:000000000001df90 env->regs[R_EAX]=0000000000100000
check_exception old: 0xffffffff new 0xd
     1: v=0d e=0032 i=0 cpl=0 IP=0010:0000000000100000 pc=0000000000100000 SP=0018:000000000001df90 env->regs[R_EAX]=0000000000100000
check_exception old: 0xd new 0xd
     2: v=08 e=0000 i=0 cpl=0 IP=0010:0000000000100000 pc=0000000000100000 SP=0018:000000000001df90 env->regs[R_EAX]=0000000000100000
check_exception old: 0x8 new 0xd
Triple fault
"""  # noqa: E501
REAL_MODE = """\
check_exception old: 0xffffffff new 0x1
SMM: enter
EAX=000000b5 EBX=00007b79 ECX=00005678 EDX=00000000
SMM: after RSM
EAX=000000b5 EBX=00007b79 ECX=00005678 EDX=00000000
EFER=0000000000000000
check_exception old: 0xffffffff new 0xd
check_exception old: 0xd new 0xd
check_exception old: 0x8 new 0xd
Triple fault
"""


def chain(log: str) -> list[str]:
    return [str(each) for each in triple_fault(log.splitlines())]


def test_page_fault() -> None:
    assert triple_fault(PAGE_FAULT.splitlines())[0] == GuestException(
        14, error_code=0, cs=0x10, ip=0x100013, linear=0x100013, accessed=0x100013
    )
    where = "at 0010:100013, linear 0x100013"
    assert chain(PAGE_FAULT) == [
        f"#PF page fault, error code 0x0000, of address 0x100013, {where}",
        f"#GP general protection, while #PF page fault was being delivered, {where}",
        "#GP general protection, while #DF double fault was being delivered",
    ]


def test_programs_own_int() -> None:
    first, second, *_ = chain(INT3)
    assert first == "INT 03h, at 0008:efaad, linear 0x0efaad"
    assert second.startswith("#GP general protection, error code 0x001a, while #BP breakpoint was")


def test_invalid_opcode_is_not_announced() -> None:
    first, second, *_ = chain(INVALID_OPCODE)
    assert first == "#UD invalid opcode, at 0010:100000, linear 0x100000"
    assert second.startswith("#GP general protection, error code 0x0032, while #UD invalid opcode")


def test_real_mode_has_no_places() -> None:
    assert chain(REAL_MODE) == [
        "#GP general protection",
        "#GP general protection, while #GP general protection was being delivered",
        "#GP general protection, while #DF double fault was being delivered",
    ]


def test_exception_elsewhere_is_no_part_of_it() -> None:
    handled = INVALID_OPCODE.splitlines()[0].replace("100000", "200000")
    assert chain(f"{handled}\n{PAGE_FAULT}") == chain(PAGE_FAULT)
    assert chain(f"{handled}\n{INVALID_OPCODE.split(chr(10), 1)[1]}")[0].startswith("#GP")


def test_last_of_several() -> None:
    assert chain(PAGE_FAULT + INT3) == chain(INT3)
    assert chain(INT3 + PAGE_FAULT + "SMM: enter\n") == chain(PAGE_FAULT)


@pytest.mark.parametrize("log", ["", "Triple fault\n", PAGE_FAULT.replace("Triple fault\n", "")])
def test_no_triple_fault(log: str) -> None:
    assert chain(log) == []


def test_log_that_begins_anywhere() -> None:
    for begin in range(0, len(PAGE_FAULT), 7):
        triple_fault(PAGE_FAULT[begin:].splitlines())
    assert chain(PAGE_FAULT[100:]) == chain(PAGE_FAULT)
