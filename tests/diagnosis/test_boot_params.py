"""What a loader tells a kernel at its 32-bit entry: as seen there, or as the kernel believed it."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.formats.bzimage import SetupHeader
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.handoff import BootParams
from bootharness.trace.machine_facts import MachineFacts
from bootharness.trace.milestones import Milestone
from tests.support.builders import bzimage
from tests.support.traces import handoff, loading_trace, registers

pytestmark = pytest.mark.usefixtures("every_word")

MACHINE = MachineFacts("qemu-system-x86_64", "7.2.0", "tcg", "pc", "ide", 512 << 20, ())
RIGHT = BootParams(e820_entries=6, alt_mem_k=0, ext_mem_k=0, as_in_file=0)
USABLE = "[    0.000000] BIOS-{by}: [mem 0x{first:016x}-0x{last:016x}] usable\n"
LOW = USABLE.format(by="e820", first=0, last=0x9FBFF)


def entered(params: BootParams, *, header: bool = True, **state: int) -> BootTrace:
    """Return the trace of a boot up to a kernel's 32-bit entry."""
    seen = SetupHeader.parse(bzimage(loadflags=1))
    seen = replace(seen, type_of_loader=0xFF, cmd_line_ptr=0x1E000, cmdline_size=2047)
    at = replace(
        handoff(0),
        boot_params=params,
        registers=registers(**{"cs": 0x10, "esi": 0x10000, **state}),
        header=seen if header else None,
        cmdline="console=ttyS0",
    )
    return loading_trace(0, [], handoff=at, machine=MACHINE)


@pytest.mark.parametrize(
    ("params", "state", "words"),
    [
        ({}, {}, ""),
        ({"e820_entries": 1}, {}, ""),
        ({"e820_entries": 128}, {}, ""),
        ({"e820_entries": 129}, {}, "e820_entries is 129, and the table has 128"),
        ({"e820_entries": 0}, {}, "no memory map"),
        ({"e820_entries": 0, "alt_mem_k": 1}, {}, ""),
        ({"e820_entries": 0, "ext_mem_k": 1}, {}, ""),
        ({"e820_entries": 0, "alt_mem_k": 512 << 10}, {}, ""),
        ({"e820_entries": 0, "alt_mem_k": (512 << 10) + 1}, {}, "alt_mem_k is 0x80001, 512 MiB"),
        ({"alt_mem_k": 1 << 31}, {}, ""),
        ({}, {"cs": 8}, "CS is 0x08"),
        ({}, {"flags": 0x200}, "interrupts are on"),
        ({}, {"header": False}, "ESI is 0x00010000, and no setup header"),
    ],
)
def test_boot_params_at_the_entry(
    params: dict[str, int], state: dict[str, Any], words: str
) -> None:
    judgement = judge(entered(replace(RIGHT, **params), **state))
    assert judgement.cause == ("boot-params-wrong" if words else None)
    assert words in judgement.summary
    if not words:
        assert judgement.summary.startswith("reached the kernel's 32-bit entry")


def test_memory_of_a_machine_that_nobody_knows_has_no_end() -> None:
    most = replace(RIGHT, e820_entries=0, alt_mem_k=(1 << 32) - 1)
    assert judge(replace(entered(most), machine=None)).cause is None


def test_boot_params_that_were_not_zeroed_are_warned_of() -> None:
    assert not judge(entered(RIGHT)).warnings
    judgement = judge(entered(replace(RIGHT, as_in_file=3)))
    assert judgement.verdict is Verdict.GOOD
    assert "not zeroed: 3 bytes outside" in judgement.warnings[0]


def told(*usable: tuple[str, int, int], **more: Any) -> BootTrace:
    """Return the trace of a kernel, entered unseen, that tells of such memory."""
    text = LOW + "".join(
        USABLE.format(by=by, first=first, last=first + size - 1) for by, first, size in usable
    )
    banner = (Milestone("protected-mode", 0.4), Milestone("banner", 0.5))
    values = {"machine": MACHINE, "milestones": banner, "serial": text, **more}
    return loading_trace(0, [], **values)


HIGH = (512 << 20) - 0x9FC00


@pytest.mark.parametrize(
    ("trace", "cause"),
    [
        (told(("e820", 1 << 20, HIGH)), None),
        (told(("e820", 1 << 20, HIGH + 1)), "boot-params-wrong"),
        (told(("e801", 1 << 20, 1 << 42)), "boot-params-wrong"),
        (told(("e820", 1 << 20, 1 << 28), ("e820", 1 << 32, 1 << 28)), "boot-params-wrong"),
        (told(("e801", 1 << 20, 1 << 42), handoff=handoff(0)), None),  # setup code asked the BIOS
        (told(("e801", 1 << 20, 1 << 42), milestones=()), None),
    ],
)
def test_memory_that_the_kernel_believes_in(trace: BootTrace, cause: str | None) -> None:
    judgement = judge(trace)
    assert judgement.cause == cause
    if cause:
        assert "and the machine has 512 MiB" in judgement.summary


def test_kernel_without_an_e820_map_is_warned_of() -> None:
    good = told(("e820", 1 << 20, 1 << 28))
    assert not judge(good).warnings
    judgement = judge(replace(good, serial=good.serial.replace("e820", "e801")))
    assert judgement.verdict is Verdict.GOOD
    assert "only by e801" in judgement.warnings[0]
    both = f"{good.serial}{USABLE.format(by='e88', first=1 << 30, last=1 << 31)}"
    machine = replace(MACHINE, memory_bytes=1 << 33)
    judgement = judge(replace(good, serial=both.replace("e820", "e801"), machine=machine))
    assert "only by e801, e88:" in judgement.warnings[0]
