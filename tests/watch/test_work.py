"""What tells a guest at work from one that is hung: its registers, and where it has been."""

import random
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from bootharness.trace.machine_facts import CpuSample
from bootharness.watch.work import runs_new_code, sweeps_memory

RAM = range(1 << 29)


def looks(values: Sequence[int], *, linear: Sequence[int] | None = None) -> list[CpuSample]:
    return [
        CpuSample(
            float(at),
            linear[at] if linear else 0x100000,
            8,
            0,
            "protected",
            halted=False,
            interrupts=False,
            general=f"EAX={7:08x} ESI={value & 0xFFFFFFFF:08x}",
        )
        for at, value in enumerate(values)
    ]


def in_ram(addresses: Sequence[int]) -> bool:
    return all(address in RAM for address in addresses)


@pytest.mark.parametrize("step", [0x110, -0x110, 0x400000])
def test_pointer_that_goes_through_memory_is_work(step: int) -> None:
    start = 0x8000000
    assert sweeps_memory(looks([start + at * step for at in range(10)]), in_ram)


def test_work_of_a_while_ago_counts() -> None:
    values = [0x100000 + at * 0x1000 for at in range(20)] + [0x100000] * 20
    assert sweeps_memory(looks(values), in_ram)


@pytest.mark.parametrize(
    "values",
    [
        [0x100000] * 40,
        [0x100000, 0x200000] * 20,
        [0x100000 + at for at in range(40)],  # not far
        [0x40000000 + at * 0x1000 for at in range(40)],  # there is no memory
        [at * 0x7000000 for at in range(4)] * 10,  # a clock
        [random.Random(1).randrange(1 << 29) for _ in range(200)],
        [0x100000 + at * 0x1000 for at in range(9)],  # few looks
    ],
)
def test_what_only_changes_is_not(values: list[int]) -> None:
    assert not sweeps_memory(looks(values), in_ram)


def test_registers_are_read_as_qemu_writes_them_in_long_mode() -> None:
    general = "RAX=ffff8d51240cd45a R8 =000000003ffffdb0 R10=0000000000000001"
    sample = CpuSample(0.0, 0, 0, 0, "long", halted=False, interrupts=False, general=general)
    assert sample.registers == (0xFFFF8D51240CD45A, 0x3FFFFDB0, 1)


def test_code_that_has_not_run_before_is_work() -> None:
    new = looks([0] * 60, linear=[0x100000 + at * 0x300 for at in range(60)])
    assert runs_new_code(new)
    assert not runs_new_code(new[:20])


def test_long_loop_has_been_seen_after_a_while() -> None:
    places = [0x100000 + random.Random(2).randrange(64) * 0x100 for at in range(200)]
    assert not runs_new_code(looks([0] * 200, linear=places))


def test_bios_that_counts_is_no_work() -> None:
    rising = looks([0x36B420 + at * 0x20000 for at in range(10)])
    assert sweeps_memory(rising, in_ram)
    assert not sweeps_memory([replace(each, linear=0xC2EEB) for each in rising], in_ram)


def swept(values: Sequence[int]) -> bool:
    return sweeps_memory(looks(values), in_ram)


def test_how_far_and_how_fast_a_pointer_has_to_go() -> None:
    def rising(*steps: int) -> list[int]:
        return [0x100000 + sum(steps[:at]) for at in range(len(steps) + 1)]

    assert swept(rising(*[113] * 8, 120))  # 1,024 bytes
    assert not swept(rising(*[113] * 8, 119))
    assert swept(rising(*[1] * 8, 1 << 26))
    assert not swept(rising(*[1] * 8, (1 << 26) + 1))
    assert swept([0x8000000 - each for each in rising(*[1] * 8, 1 << 26)])
    assert not swept(rising(*[1] * 4, 0, *[1000] * 4))
    assert not swept([0x8000000 - each for each in rising(*[1] * 4, 0, *[1000] * 4)])
    assert swept([0x100000] * 5 + rising(*[200] * 9))


def test_stretches_are_looked_at_from_the_last_look_back() -> None:
    rising = [0x100000 + at * 0x1000 for at in range(10)]
    for behind in (0, 10, 20):
        assert swept(rising + [0x100000] * behind)
    far = [0x40000000] * 3 + rising
    assert swept(far)


def test_half_the_looks_in_the_bios_are_too_many() -> None:
    rising = looks([0x100000 + at * 0x1000 for at in range(12)])
    of_bios = [replace(each, linear=0xF0000) for each in rising]
    assert sweeps_memory([*rising[:5], *of_bios[5:10], rising[10]], in_ram)
    assert not sweeps_memory([*rising[:6], *of_bios[6:]], in_ram)


def test_looks_in_two_modes_have_other_registers() -> None:
    rising = looks([0x100000 + at * 0x1000 for at in range(12)])
    more = replace(rising[0], general=rising[0].general + " R8 =00000000")
    assert sweeps_memory([more, *rising], in_ram)
    assert not sweeps_memory([more, *looks([0x100000] * 12)], in_ram)


def ran(*linear: int, halted: bool = False) -> list[CpuSample]:
    return [replace(each, halted=halted) for each in looks([0] * len(linear), linear=linear)]


def test_half_of_the_last_twenty_looks_make_code_new() -> None:
    old = ran(*[0x100000] * 20)
    new = ran(*[0x200000 + at * 0x100 for at in range(10)])
    assert runs_new_code([*old, *ran(*[0x100000] * 10), *new])
    assert not runs_new_code([*old, *ran(*[0x100000] * 11), *new[:9]])
    assert not runs_new_code([*old, *ran(*[0x100000] * 10), *new, *ran(0x100000), *old[:19]])


def test_code_of_the_same_256_bytes_is_the_same() -> None:
    old = ran(0x1000FF)
    assert not runs_new_code([*old, *ran(*[0x100000 + at for at in range(20)])])
    assert runs_new_code([*old, *ran(*[0x100100 + at * 0x100 for at in range(20)])])
    close = [0x200000 + at * 0x80 for at in range(18)]  # nine lines
    assert not runs_new_code([*old, *ran(*close, 0x100000, 0x100000)])


def test_a_cpu_that_is_halted_runs_nothing() -> None:
    places = [0x200000 + at * 0x100 for at in range(20)]
    assert not runs_new_code([*ran(0x100000), *ran(*places, halted=True)])


def test_twenty_looks_have_nothing_before_them() -> None:
    places = [0x200000 + at * 0x100 for at in range(21)]
    assert runs_new_code(ran(*places))
    assert not runs_new_code(ran(*places[:20]))
