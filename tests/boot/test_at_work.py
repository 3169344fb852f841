"""A guest that says nothing for long because it has much to do, beside one that only counts."""

from pathlib import Path

import pytest

from bootharness.kernels.source import fetch
from bootharness.plan import BootPlan
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace
from tests.support.boots import boot_through
from tests.support.flat import FLAT, GDT

# flat 32-bit code that reads all memory above 1 MiB, as often as it takes it a few seconds,
# and then halts; ESI is the pointer, EBP the rounds
READER = f"""
        bits 16
        cli
        xor ax, ax
        mov ds, ax
{FLAT}        mov ebp, ROUNDS
round:  mov esi, FIRST
read:   mov al, [PLACE]
        inc esi
        cmp esi, END
        jb read
        dec ebp
        jnz round
        hlt
{GDT}"""


def boot_reader(folder: Path, **values: object) -> BootTrace:
    source = READER
    for name, value in values.items():
        source = source.replace(name, str(value))
    path = folder / "reader.asm"
    path.write_text(source)
    plan = BootPlan(idle_s=2.5)
    return boot_through(Loader.read(path), fetch("selfcheck:100000"), plan)


@pytest.mark.long
@pytest.mark.parametrize(("end", "rounds"), [("0x20000000", 3), ("0x8000000", 15)])
def test_reading_much_memory_is_no_hang(tmp_path: Path, end: str, rounds: int) -> None:
    trace = boot_reader(tmp_path, FIRST="0x100000", END=end, PLACE="esi", ROUNDS=rounds)
    assert trace.ending.kind == "halted", trace.ending
    assert any(sample.halted for sample in trace.samples)


def test_counting_far_beyond_memory_for_ever_is_one(tmp_path: Path) -> None:
    trace = boot_reader(tmp_path, FIRST="0x40000000", END="0xf0000000", PLACE="0x7c00", ROUNDS=-1)
    assert trace.ending.kind == "loop", trace.ending
