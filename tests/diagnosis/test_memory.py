"""What lies where in memory: initrds at their borders, and what was overwritten or differs."""

from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis.memory import (
    a20_closed,
    initrd_does_not_fit,
    initrd_missing,
    memory_clobbered,
    payload_corrupt,
)
from bootharness.diagnosis.moves import move_failed
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.bzimage import SetupHeader
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.handoff import Comparison
from bootharness.trace.machine_facts import MachineFacts
from tests.support.builders import bzimage
from tests.support.traces import handoff, loading_trace, move, read

MIB = 1 << 20
MEMORY = 64 * MIB
PAYLOAD = 3 * MIB
MACHINE = MachineFacts("qemu", "7.2", "tcg", "pc", None, MEMORY, (), bios="seabios")
PREFERRED, UNPACKED = 16 * MIB, 8 * MIB
LIMIT = 0x37FFFFFF


def with_initrd(at: int | None, size: int | None, **fields: Any) -> BootTrace:
    """Return the trace of a boot whose initrd was to lie there; fields are the kernel header's."""
    trace = loading_trace(PAYLOAD, [], machine=MACHINE)
    assert trace.disk
    assert trace.kernel
    usual = {"pref_address": PREFERRED, "init_size": UNPACKED, "initrd_addr_max": LIMIT}
    header = replace(trace.kernel.header, **{**usual, **fields})
    return replace(
        trace,
        disk=replace(trace.disk, initrd_address=at, initrd_bytes=size),
        kernel=replace(trace.kernel, header=header),
    )


def said(trace: BootTrace) -> str:
    found = initrd_does_not_fit(trace)
    return found.sentence if found else ""


KERNEL_END = MIB + PAYLOAD


@pytest.mark.parametrize(
    ("at", "size", "fields", "sentence"),
    [
        (MEMORY - 4095, 4096, {}, "the initrd of 4,096 bytes does not fit: it would lie at "
         "0x3fff001 to 0x4000000, and the machine has 64 MiB of memory"),
        (32 * MIB, 4097, {"initrd_addr_max": 32 * MIB + 4095},
         "the initrd of 4,097 bytes lies at 0x2000000 to 0x2001000, above the kernel's "
         "initrd_addr_max of 0x2000fff"),
        (KERNEL_END - 1, 100, {},
         "the initrd of 100 bytes at 0x3fffff to 0x400062 overlaps the kernel at 0x100000 to "
         "0x3fffff"),
        (MIB - 99, 100, {}, "the initrd of 100 bytes at 0x0fff9d to 0x100000 overlaps the kernel "
         "at 0x100000 to 0x3fffff"),
        (PREFERRED - 99, 100, {}, "the initrd of 100 bytes at 0xffff9d to 0x1000000 overlaps what "
         "the kernel unpacks to (init_size) at 0x1000000 to 0x17fffff"),
        (PREFERRED + UNPACKED - 1, 1, {}, "the initrd of 1 byte at 0x17fffff to 0x17fffff overlaps "
         "what the kernel unpacks to (init_size) at 0x1000000 to 0x17fffff"),
        (8 * MIB, 1, {"pref_address": None, "init_size": 8 * MIB},
         "the initrd of 1 byte at 0x800000 to 0x800000 overlaps what the kernel unpacks to "
         "(init_size) at 0x100000 to 0x8fffff"),
    ],
)  # fmt: skip
def test_initrd_that_does_not_fit_is_told_with_both_ranges(
    at: int, size: int, fields: dict[str, Any], sentence: str
) -> None:
    assert said(with_initrd(at, size, **fields)) == sentence


@pytest.mark.parametrize(
    ("at", "size", "fields"),
    [
        (MEMORY - 4096, 4096, {}),
        (32 * MIB, 4096, {"initrd_addr_max": 32 * MIB + 4095}),
        (KERNEL_END, 100, {}),
        (MIB - 100, 100, {}),
        (PREFERRED - 100, 100, {}),
        (PREFERRED + UNPACKED, 100, {}),
        (PREFERRED, 100, {"init_size": None}),
        (PREFERRED, 100, {"init_size": MEMORY}),  # no room for the kernel itself
        (None, 100, {}),
        (PREFERRED, None, {}),
    ],
)
def test_initrd_at_the_border_fits(
    at: int | None, size: int | None, fields: dict[str, Any]
) -> None:
    assert said(with_initrd(at, size, **fields)) == ""


def test_what_is_not_known_is_not_in_the_way() -> None:
    within = with_initrd(PREFERRED, 100)
    assert said(replace(within, kernel=None)) == ""
    assert said(replace(within, disk=None)) == ""
    unknown = replace(with_initrd(MEMORY, 100), machine=None)
    assert said(unknown) == ""
    assert "init_size" in said(replace(within, machine=None))
    found = initrd_does_not_fit(within)
    assert found
    assert found.evidence == ("init_size 8,388,608, pref_address 0x1000000",)
    high = initrd_does_not_fit(with_initrd(32 * MIB, 4097, initrd_addr_max=32 * MIB))
    assert high
    assert high.evidence == ("initrd_addr_max 0x2000000",)
    above = initrd_does_not_fit(with_initrd(MEMORY, 1))
    assert above
    assert above.evidence == ("memory ends at 0x3ffffff",)


def test_initrd_that_is_not_there_is_told_with_how_much_of_it() -> None:
    trace = with_initrd(32 * MIB, 100)
    proof = Comparison(32 * MIB, 100, 7, 3, 1, 2)
    missing = replace(trace, handoff=replace(handoff(0), initrd=proof))
    found = initrd_missing(missing)
    assert found
    assert "is not at 0x2000000 to 0x2000063" in found.sentence
    assert "7 of its bytes differ" in found.sentence
    equal = replace(trace, handoff=replace(handoff(0), initrd=Comparison(32 * MIB, 100)))
    assert initrd_missing(equal) is None


def calling(call: BiosCall, cs: int = 0, ip: int = 0x7D18) -> BootTrace:
    """Return the trace of a loader that made one call from there."""
    made = replace(call, registers_in=replace(call.registers_in, cs=cs, ip=ip))
    return loading_trace(PAYLOAD, [made], machine=MACHINE, ending="idle")


def to(segment: int, offset: int = 0, sectors: int = 1) -> BiosCall:
    call = read(5, sectors)
    assert call.packet
    return replace(call, packet=replace(call.packet, segment=segment, offset=offset))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (to(0x20, 0xFF), "the read of LBA 5 (0x0002ff to 0x0004fe) overwrote the interrupt"),
        (to(0x4F, 0xF), "the read of LBA 5 (0x0004ff to 0x0006fe) overwrote the interrupt vectors"),
        (to(0x50), None),
        (to(0x9FA0), None),
        (to(0x9FA0, 1), "overwrote the extended BIOS data area at 0x09fc00 to 0x09ffff"),
        (to(0xA000), "overwrote video memory and the BIOS at 0x0a0000 to 0x0fffff"),
        (to(0x7B1, 8), None),  # up to the byte before the call
        (to(0x7B1, 9), "overwrote the loader, which was running at 0000:7d18"),
        (to(0x7D1, 8), "overwrote the loader, which was running at 0000:7d18"),
        (to(0x7D1, 9), None),
        (move(MEMORY - 0xFDFF), "block move 0 (0x3ff0201 to 0x4000000) went past the end of the 64 "
         "MiB of memory"),
        (move(MEMORY - 0xFE00), None),
        (move(MIB, 0), None),
    ],
)  # fmt: skip
def test_what_was_overwritten_is_told_with_its_range(call: BiosCall, words: str | None) -> None:
    found = memory_clobbered(calling(call))
    assert (found is None) == (words is None)
    if found and words:
        assert words in found.sentence


def test_moves_are_counted_and_what_failed_overwrote_nothing() -> None:
    calls = [move(MIB), move(2 * MIB, status=1), move(0xA0000)]
    trace = loading_trace(PAYLOAD, calls, machine=MACHINE, ending="idle")
    found = memory_clobbered(trace)
    assert found
    assert found.sentence.startswith("block move 2 (0x0a0000 to ")
    failed = loading_trace(PAYLOAD, [move(0xA0000, status=1)], machine=MACHINE, ending="idle")
    assert memory_clobbered(failed) is None


@pytest.mark.parametrize("status", [1, 2, 0x80])
def test_move_that_failed_is_the_first_of_them(status: int) -> None:
    calls = [move(MIB), move(MIB + 0xFE00, status=status), move(2 * MIB, status=3)]
    found = move_failed(loading_trace(PAYLOAD, calls))
    assert found
    assert found.sentence.startswith(f"block move 1 to 0x10fe00 failed with AH={status:02x}h, ")
    assert move_failed(loading_trace(PAYLOAD, calls[:1])) is None


def differing(proof: Comparison | None, *calls: BiosCall) -> BootTrace:
    seen = replace(handoff(len(calls)), payload=proof)
    return loading_trace(PAYLOAD, [*calls], handoff=seen, machine=MACHINE, ending="memory-differs")


DIFFERS = Comparison(MIB, 1000, 5, 10, 0x12, 0x34)


def test_memory_that_differs_is_told_with_its_first_byte() -> None:
    found = payload_corrupt(differing(DIFFERS))
    assert found
    assert found.sentence == (
        "the protected-mode kernel in memory differs from the file in 5 of 1,000 bytes, first at "
        f"offset 10 (0x10000a): 0x{DIFFERS.found:02x} instead of 0x{DIFFERS.expected:02x}"
    )
    assert found.evidence == ("compared from 0x100000 on",)
    assert payload_corrupt(differing(None)) is None
    assert payload_corrupt(differing(Comparison(MIB, 1000))) is None


def test_memory_that_ends_within_the_kernel_is_told_so() -> None:
    found = payload_corrupt(differing(replace(DIFFERS, found=None)))
    assert found
    assert found.sentence.endswith("that is where the 64 MiB of memory end")


def test_direction_flag_and_stray_sources_are_told() -> None:
    down = read(5, 1)
    down = replace(down, registers_in=replace(down.registers_in, flags=0x400))
    found = payload_corrupt(differing(DIFFERS, read(4, 1), down))
    assert found
    assert "the loader had the direction flag set (DF=1)" in found.sentence
    assert found.evidence[-1] == str(down)
    stray = payload_corrupt(differing(DIFFERS, read(4, 1), move(MIB), move(2 * MIB)))
    assert stray
    assert "direction flag" not in stray.sentence


@pytest.mark.parametrize("payload", [PAYLOAD])
def test_header_of_these_tests_is_as_they_say(payload: int) -> None:
    header = SetupHeader.parse(bzimage(syssize=payload // 16))
    assert header.load_address == MIB
    assert a20_closed(loading_trace(payload, [])) is None
