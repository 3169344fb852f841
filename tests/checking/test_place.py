"""Which line of a loader a mistake is in, from steps and calls made by hand."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.checking.place import Places
from bootharness.formats.bioscall import BiosCall
from bootharness.predictor.footsteps import Footsteps
from bootharness.predictor.quirks import Change, Quirks
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.machine_facts import CpuSample
from tests.support.emulated import ORIGIN, steps
from tests.support.traces import loading_trace, move, read

# three calls, what they leave, and what is used of it
LINES = "mov ax, 1;int 0x13;int 0x15;mov cx, bx;int 0x13;hlt"
FLAT = Loader("flat.bin", bytes(440), {"start": ORIGIN, "read_disk": ORIGIN + 3})


@pytest.fixture
def taken(tmp_path: Path) -> Footsteps:
    return steps(tmp_path, LINES)


def at(taken: Footsteps, number: int, call: BiosCall, **registers: int) -> BiosCall:
    """Return a call as it is made by the instruction of this number."""
    behind = taken.addresses[number] + 2
    inside = replace(call.registers_in, cs=0, ip=behind, **registers)
    outside = call.registers_out
    return replace(call, registers_in=inside, registers_out=outside)


def boot(*calls: BiosCall, **more: Any) -> BootTrace:
    return loading_trace(0, [*calls], ending="idle", **more)


def usual(taken: Footsteps) -> tuple[BiosCall, ...]:
    return (at(taken, 1, read(10, 1)), at(taken, 2, move(0x100000)), at(taken, 4, read(11, 1)))


def found(
    taken: Footsteps, quirks: Quirks, *calls: BiosCall, plain: tuple[BiosCall, ...] = (),
    other: Footsteps | None = None, loader: Loader | None = FLAT,
) -> int | None:  # fmt: skip
    """Return the number of the instruction that a boot on a machine with quirks failed for."""
    places = Places(loader, boot(*(plain or usual(taken))), taken)
    place = places.of(quirks, boot(*calls), other or taken)
    return None if place is None else taken.addresses.index(place.address)


# where a place is, in words


def test_a_place_outside_of_the_loader_is_an_address(taken: Footsteps) -> None:
    for loader in (None, FLAT, Loader.stage1()):
        places = Places(loader, boot(), taken)
        place = places.at(0x10000, taken)
        assert (place.address, place.instruction, place.label, place.file) == (
            0x10000, "", None, None
        )  # fmt: skip
    inside = Places(FLAT, boot(), taken)
    assert inside.at(ORIGIN, taken).label == "start"
    assert inside.at(ORIGIN - 1, taken).label is None
    assert inside.at(ORIGIN + 440, taken).label is None
    labelled = replace(FLAT, symbols={**FLAT.symbols, "end": ORIGIN + 439})
    assert Places(labelled, boot(), taken).at(ORIGIN + 439, taken).label == "end"


def test_a_flat_loader_has_labels_and_no_lines(taken: Footsteps) -> None:
    place = Places(FLAT, boot(), taken).at(taken.addresses[1], taken)
    assert (place.label, place.instruction, place.file) == ("read_disk", "int 0x13", None)


def test_a_loader_with_its_source_has_lines(taken: Footsteps, tmp_path: Path) -> None:
    stage1 = Loader.stage1()
    place = Places(stage1, boot(), taken).at(ORIGIN, taken)
    assert (place.label, Path(place.file or "").name) == ("stage1", "stage1.asm")
    assert stage1.source
    lines = stage1.source.read_text().splitlines()
    assert place.line
    assert place.source == lines[place.line - 1].strip()
    for source in (None, tmp_path / "other.asm", tmp_path / "stage1.asm"):
        without = Places(replace(stage1, source=source), boot(), taken).at(ORIGIN, taken)
        assert (without.line, without.source) == (place.line, None)
    shorter = tmp_path / "stage1.asm"
    for text, said in (
        ("\n" * (place.line - 1) + "  a line\xff\n", "a line\xff"),
        ("\n" * (place.line - 1), None),
    ):
        shorter.write_text(text)
        other = Places(replace(stage1, source=shorter), boot(), taken).at(ORIGIN, taken)
        assert other.source == said
    shorter.write_bytes(b"\xff\n" * place.line)
    cut = Places(replace(stage1, source=shorter), boot(), taken).at(ORIGIN, taken)
    assert cut.source == "�"


# where a boot that came to nothing has ended


def test_a_boot_ends_at_its_failed_call_or_where_the_cpu_was(taken: Footsteps) -> None:
    places = Places(FLAT, boot(), taken)
    failed = at(taken, 4, read(11, 1, status=4))
    here = CpuSample(1.0, taken.addresses[5], 0, 0, "real", halted=True, interrupts=False)
    bios = replace(here, linear=0xF1234)

    def end(*calls: BiosCall, samples: tuple[CpuSample, ...] = ()) -> int | None:
        place = places.end_of(boot(*calls, samples=samples), taken)
        return None if place is None else taken.addresses.index(place.address)

    assert end(at(taken, 1, read(1, 1)), failed, at(taken, 1, read(2, 1, status=4))) == 4
    assert end(at(taken, 1, read(1, 1)), samples=(bios, here)) == 5
    assert end(failed, samples=(here,)) == 4
    assert end(samples=(bios,)) is None
    assert end(read(1, 1, status=4)) is None  # made from elsewhere


# what a machine has otherwise, and where the loader depends on it


def test_what_a_register_has_at_the_entry(taken: Footsteps, tmp_path: Path) -> None:
    assert found(taken, Quirks(entry={"ebx": 1})) == 3
    assert found(taken, Quirks(entry={"eax": 1, "ip": 0})) == 5  # it parts nowhere
    strings = steps(tmp_path, "nop;movsb;push ax;hlt")
    assert found(strings, Quirks(entry={"flags": 0x602}), plain=(read(1, 1),)) == 1
    assert found(strings, Quirks(entry={"flags": 0x602, "ds": 1}), plain=(read(1, 1),)) == 1
    pushed = steps(tmp_path, "nop;push ax;hlt")
    usual_reads = (read(1, 1),)
    assert found(pushed, Quirks(entry={"ss": 1, "esp": 1}), plain=usual_reads) == 1
    assert found(pushed, Quirks(entry={"esp": 1, "ss": 1}), plain=usual_reads) == 1
    # where nobody changed the segment, 16 bits of the pointer are there to be used
    assert found(pushed, Quirks(entry={"esp": 1}), plain=usual_reads) == 2


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (Change(0x13, (), {"ebx": (0xFFFF, 0)}), 3),
        (Change(0x13, (0x42,), {"ebx": (0xFFFF, 0)}), 3),
        (Change(0x13, (0x02,), {"ebx": (0xFFFF, 0)}), 5),
        (Change(0x15, (), {"ebx": (0xFF, 0)}), 3),
        (Change(0x10, (), {"ebx": (0xFFFF, 0)}), 5),
        (Change(0x13, (), {"edx": (0xFFFF, 0)}), 5),
    ],
)
def test_what_a_call_leaves_otherwise(taken: Footsteps, change: Change, number: int) -> None:
    assert found(taken, Quirks(changes=(change,)), *usual(taken), plain=usual(taken)) == number


def test_several_changes_are_looked_for_together(taken: Footsteps) -> None:
    changes = tuple(Change(0x13, (), {name: (0xFFFF, 0)}) for name in ("edx", "ebx"))
    assert found(taken, Quirks(changes=changes), *usual(taken)) == 3
    assert found(taken, Quirks(changes=changes[::-1]), *usual(taken)) == 3


@pytest.mark.parametrize(
    ("top", "size", "number"),
    [
        (0x7E00, 512, 1),
        (ORIGIN + 440 + 512, 512, 4),
        (ORIGIN + 440 + 511, 512, 1),
        (ORIGIN + 1, 512, 1),
        (ORIGIN, 512, 4),
        (0x9000, 512, 4),
        (ORIGIN + 8, 0x8000, 1),
    ],
)
def test_a_stack_that_reaches_down_into_the_loader(
    taken: Footsteps, top: int, size: int, number: int
) -> None:
    """The last call has one that is surely too near."""
    calls = (
        at(taken, 1, read(10, 1), esp=0xABC0000 | top, ss=0),
        at(taken, 4, read(10, 1), esp=0x7D00, ss=0),
    )
    assert found(taken, Quirks(stack_bytes=size), *calls) == number


def test_a_stack_is_counted_from_its_segment(taken: Footsteps) -> None:
    call = at(taken, 1, read(10, 1), esp=0x100, ss=0x7C0)
    assert found(taken, Quirks(stack_bytes=64), call) == 1
    assert found(taken, Quirks(stack_bytes=64), call, loader=None) == 1
    behind = at(taken, 1, read(10, 1), esp=0x240, ss=0x7C0)
    assert found(taken, Quirks(stack_bytes=64), behind, plain=(behind,), loader=None) == 5
    near = at(taken, 1, read(10, 1), esp=0x23F, ss=0x7C0)
    assert found(taken, Quirks(stack_bytes=64), near, plain=(near,), loader=None) == 1


@pytest.mark.parametrize(
    "quirks", [Quirks(a20=False), Quirks(move_closes_a20=True), Quirks(a20_gates=frozenset())]
)
def test_memory_above_1_mib_is_used_behind_a_closed_gate(taken: Footsteps, quirks: Quirks) -> None:
    high = replace(taken, high=taken.addresses[3])
    assert found(taken, quirks, *usual(taken), other=high) == 3
    assert found(taken, Quirks(flaky=True), *usual(taken), other=high) == 5


def test_memory_that_is_not_there(taken: Footsteps) -> None:
    def to(buffer: int, number: int, sectors: int = 1) -> BiosCall:
        call = read(10, sectors)
        assert call.packet
        packet = replace(call.packet, segment=buffer >> 4, offset=0)
        return at(taken, number, replace(call, packet=packet))

    quirks = Quirks(low_kib=512)
    behind = to(512 * 1024, 4)
    assert found(taken, quirks, to(512 * 1024 - 512, 1), behind) == 4
    assert found(taken, quirks, to(512 * 1024 - 512, 1, sectors=2), behind) == 1
    assert found(taken, quirks, to(0xA0000, 1), behind) == 4
    gone = replace(taken, gone=taken.addresses[3])
    assert found(taken, quirks, *usual(taken), other=gone) == 3
    assert found(taken, quirks, behind, other=gone) == 4


def test_a_call_that_fails_only_there(taken: Footsteps) -> None:
    first, second, third = usual(taken)
    failing = at(taken, 4, read(11, 1, status=4))
    assert found(taken, Quirks(flaky=True), first, second, failing) == 4
    both = at(taken, 1, read(10, 1, status=4))
    assert found(taken, Quirks(flaky=True), both, failing, plain=(both, second, third)) == 4
    assert found(taken, Quirks(flaky=True), both, failing) == 1


def test_a_call_that_asks_for_something_else_there(taken: Footsteps) -> None:
    first, second, third = usual(taken)
    other = at(taken, 4, read(12, 1))
    assert found(taken, Quirks(flaky=True), first, second, other) == 4
    assert found(taken, Quirks(flaky=True), first, at(taken, 2, move(0x200000)), third) == 2
    drive = at(taken, 1, read(10, 1), edx=0x1281)
    assert found(taken, Quirks(flaky=True), drive, second, third) == 1
    head = at(taken, 1, read(10, 1), edx=0x1280)
    assert found(taken, Quirks(flaky=True), head, second, third) == 5
    function = at(taken, 1, replace(read(10, 1), function=0x43))
    assert found(taken, Quirks(flaky=True), function, second, third) == 1
    interrupt = at(taken, 1, replace(read(10, 1), number=0x15))
    assert found(taken, Quirks(flaky=True), interrupt, second, third) == 1
    # from another place it is another call, and of the code segment nobody knows which
    assert found(taken, Quirks(flaky=True), third, second, first) == 5
    assert found(taken, Quirks(entry={"cs": 0x7C0}), first, second, other) == 5


@pytest.mark.parametrize(
    ("way", "number"), [((0, 1, 2, 3, 4, 5), 5), ((0, 1, 3), 1), ((0, 1), 1), ((2, 3), None)]
)
def test_the_last_instruction_before_the_ways_part(
    taken: Footsteps, way: tuple[int, ...], number: int | None
) -> None:
    other = replace(taken, addresses=tuple(taken.addresses[each] for each in way))
    assert found(taken, Quirks(flaky=True), *usual(taken), other=other) == number


def test_a_call_that_a_handler_passed_on_is_made_two_bytes_before(taken: Footsteps) -> None:
    call = read(11, 1, status=4)
    behind = replace(call, registers_in=replace(call.registers_in, cs=0x7C0, ip=0x5))
    other = replace(taken, code={})
    places = Places(None, boot(*usual(taken)), other)
    place = places.of(Quirks(flaky=True), boot(behind), other)
    assert place
    assert place.address == ORIGIN + 3
