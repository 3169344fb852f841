"""When a guest hangs: by where its CPU is, and never because it only takes its time."""

import pytest
from msgspec.structs import replace

from bootharness.formats.bioscall import BiosCall
from bootharness.trace.machine_facts import CpuSample
from bootharness.watch.hang import hang
from tests.support.traces import registers

KERNEL = 0xFFFFFFFF81000000


def look(linear: int, *, mode: str = "real", halted: bool = False, on: bool = True) -> CpuSample:
    return CpuSample(1.0, linear, linear >> 4, linear & 15, mode, halted, on)


def key(*, returned: bool = False) -> BiosCall:
    asked = registers(cs=0, ip=0x7C42)
    return BiosCall(0x16, 0, asked, asked if returned else None, 0.5, 0.5 if returned else None)


def test_halted_with_interrupts_off_never_goes_on() -> None:
    assert hang([look(0x7C02, halted=True, on=False)] * 4, 0.35, None) == "halted"
    assert hang([look(0x7C02, halted=True, on=True)] * 4, 0.35, None) is None
    mixed = [look(0x7C02, halted=True, on=False)] * 3 + [look(0x7C02)]
    assert hang(mixed, 0.35, None) is None


def test_loop_in_low_memory_is_given_a_second() -> None:
    samples = [look(0x7C40), look(0xF1234), look(0x7C44), look(0x7C40)] * 3
    assert hang(samples, 1.1, None) is None
    assert hang(samples, 1.3, None) == "loop"
    assert hang(samples[:8], 1.3, None) is None


def test_guest_that_halts_for_good_at_last_does_not_loop() -> None:
    samples = [look(0x7C40)] * 20
    assert hang(samples, 3.0, None) == "loop"
    assert hang([*samples, look(0x7C42, halted=True, on=False)], 3.0, None) is None
    assert hang([*samples, look(0x7C42, halted=True)], 3.0, None) == "loop"


def test_menu_that_polls_for_a_key_may_have_a_time_limit() -> None:
    samples = [look(0x7C40), *(look(0xF1234 + 16 * at) for at in range(30))]
    assert hang(samples, 9.0, key(returned=True)) is None


def test_bios_that_takes_its_time_is_not_the_loaders_loop() -> None:
    assert hang([look(0xF1234)] * 9, 5.0, key(returned=True)) is None


def test_call_that_does_not_come_back() -> None:
    read = BiosCall(0x13, 0x42, registers(cs=0, ip=0x7D41), None, 0.5, None)
    assert hang([look(0xF1234)] * 9, 1.4, read) is None
    assert hang([look(0xF1234)] * 9, 1.6, read) == "loop"
    assert hang([look(0xF1234, halted=True)] * 9, 1.6, read) is None


def test_waiting_for_a_key() -> None:
    assert hang([look(0xF1234)] * 4, 0.6, key()) == "waits-for-key"
    assert hang([look(0xF1234)] * 4, 0.6, key(returned=True)) is None


def test_same_state_again_and_again_is_a_loop() -> None:
    samples = [look(0x100000 + at % 3, mode="protected") for at in range(40)]
    assert hang(samples, 1.1, None) is None
    assert hang(samples, 1.3, None) == "loop"
    assert hang(samples, 1.3, None, exact=False) is None


def test_kernel_may_compute_and_copy_for_long() -> None:
    moving = [look(KERNEL + at, mode="long", on=False) for at in range(40)]
    assert hang(moving, 9.0, None) is None
    copying = [
        replace(look(0x437801E, mode="protected", on=False), general=f"ECX={at}")
        for at in range(40)
    ]
    assert hang(copying, 9.0, None) is None


def test_kernel_that_waits_for_a_jiffy_is_not_hung() -> None:
    assert hang([look(KERNEL, mode="long", on=True)] * 40, 9.0, None) is None
    assert hang([look(KERNEL, mode="long", on=False)] * 40, 9.0, None) == "loop"


def test_few_looks_prove_nothing() -> None:
    assert hang([look(0x7C40)] * 3, 9.0, None) is None
    assert hang([], 9.0, None) is None


@pytest.mark.parametrize(
    ("places", "verdict"),
    [
        ([(0x7C42, "real")] * 3 + [(0x7D00 + at, "real") for at in range(17)], "loop"),
        ([(0xA1C2 + at, "protected") for at in range(20)], None),
        ([(0x911D + at, "real") for at in range(17)] + [(0xF8765, "real")] * 3, None),
    ],
)
def test_boot_manager_that_may_wait_for_a_key(
    places: list[tuple[int, str]], verdict: str | None
) -> None:
    looks = [
        replace(look(at, mode=mode), general=f"EAX={number:08x}")
        for number, (at, mode) in enumerate(places)
    ]
    assert hang(looks, 9.0, None, may_poll=True) == verdict
    assert hang(looks, 9.0, None) == "loop"


def test_kernel_that_runs_in_low_memory_may_test_memory() -> None:
    looks = [
        replace(look(0x1BE44 + at, mode="long", on=False), general=f"EAX={at:08x}")
        for at in range(20)
    ]
    assert hang(looks, 9.0, None) == "loop"
    assert hang(looks, 9.0, None, entered=True) is None


def low(at: int) -> CpuSample:
    """Return a look at code below 1 MiB, none like the other."""
    return replace(look(0x7C00 + at), general=f"EAX={at:08x}")


BIOS_LOOKS = [replace(look(0xF0000), general=f"EAX={at:08x}") for at in range(100)]


@pytest.mark.parametrize(
    ("idle_s", "looks", "last", "expected"),
    [
        (0.3, [look(0, halted=True, on=False)] * 4, None, None),
        (0.31, [low(1), *[look(0, halted=True, on=False)] * 4], None, "halted"),
        (0.5, [look(0xF1234)] * 4, key(), None),
        (0.51, [look(0xF1234)] * 4, key(), "waits-for-key"),
        (0.51, [look(0xF1234)] * 3 + [look(0x7C00)], key(), None),
        (0.51, [look(0x7C00)] * 3 + [look(0xF1234)], key(), "waits-for-key"),
        (0.51, [look(0xF1234)] * 3 + [look(0x7C00), look(0xF1234)], key(), "waits-for-key"),
        (0.51, [look(0xF1234)] * 2 + [look(0xF1234), look(0x7C00)], key(), None),
        (1.5, [look(0xF1234)] * 9, replace(key(), number=0x13), None),
        (1.51, [look(0xF1234)] * 9, replace(key(), number=0x13), "loop"),
        (1.51, [look(0xF1234)] * 8 + [look(0x7C00)], replace(key(), number=0x13), None),
        (1.51, [look(0xF1234, halted=True)] + [look(0xF1234)] * 8, replace(key(), number=0x13),
         None),
        (1.2, [low(at) for at in range(10)], None, None),
        (1.21, [low(at) for at in range(10)], None, "loop"),
        (1.21, [low(at) for at in range(9)], None, None),
        (1.21, [low(at) for at in range(5)] + BIOS_LOOKS[:5], None, None),
        (1.21, [low(at) for at in range(6)] + BIOS_LOOKS[:5], None, "loop"),
        (1.21, [low(at) for at in range(19)] + [replace(low(0), linear=0x100000)], None, None),
        (1.21, [low(at) for at in range(19)] + [replace(low(0), linear=0xBFFFF)], None, "loop"),
        (1.2, [look(0x200000, mode="protected")] * 10, None, None),
        (1.21, [look(0x200000, mode="protected")] * 10, None, "loop"),
        (1.21, [look(0x200000, mode="protected")] * 9, None, None),
        (1.21, [look(0x200000 + at % 4, mode="protected") for at in range(40)], None, "loop"),
        (1.21, [look(0x200000 + at % 5, mode="protected") for at in range(40)], None, None),
        (1.21, [look(0xF0000)] * 10, None, None),
        (1.21, [look(0xF0000)] * 9 + [look(0x200000, mode="protected")], None, "loop"),
        (1.21, [look(0x200000, mode="protected", halted=True)]
         + [look(0x200000, mode="protected")] * 9, None, None),
        (1.21, [look(KERNEL, mode="long")] + [look(KERNEL, mode="long", on=False)] * 9, None, None),
    ],
)  # fmt: skip
def test_how_much_makes_it_certain(
    idle_s: float, looks: list[CpuSample], last: BiosCall | None, expected: str | None
) -> None:
    assert hang(looks, idle_s, last) == expected


@pytest.mark.parametrize(
    ("number", "function", "kind"),
    [(0x16, 0x00, "waits-for-key"), (0x16, 0x10, "waits-for-key"), (0x16, 0x01, None),
     (0x13, 0x00, None)],
)  # fmt: skip
def test_only_who_reads_a_key_waits_for_one(number: int, function: int, kind: str | None) -> None:
    asked = registers(eax=function << 8, cs=0, ip=0x7C42)
    call = BiosCall(number, function, asked, None, 0.5, None)
    assert hang([look(0xF1234)] * 4, 1.0, call) == kind


def test_a_call_of_the_bios_itself_is_none_of_the_loaders() -> None:
    asked = registers(cs=0xF000, ip=0x1234)
    assert hang([look(0xF1234)] * 9, 9.0, BiosCall(0x13, 2, asked, None, 0.5, None)) is None


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([low(at) for at in range(92)] + BIOS_LOOKS[:8], None),
        ([low(at) for at in range(93)] + BIOS_LOOKS[:7], "loop"),
        ([low(at) for at in range(20)] + [replace(low(20), linear=0x100000)], None),
        ([low(at) for at in range(20)] + [replace(low(20), linear=0xFFFFF)], "loop"),
    ],
)
def test_who_hardly_ever_asks_the_bios_polls_for_nothing(
    looks: list[CpuSample], expected: str | None
) -> None:
    assert hang(looks, 9.0, None, may_poll=True) == expected


def test_a_kernel_that_was_entered_and_is_in_real_mode_only_loops() -> None:
    real = [low(at) for at in range(20)]
    assert hang(real, 9.0, None, entered=True) == "loop"
    protected = [replace(each, mode="protected") for each in real]
    assert hang(protected, 9.0, None) == "loop"
    assert hang([*real[1:], protected[0]], 9.0, None, entered=True) is None
