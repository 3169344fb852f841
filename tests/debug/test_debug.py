"""What gdb is told, and what it says, without gdb."""

import dataclasses
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bootharness.debug import prepare
from bootharness.debug.bootgdb import decode
from bootharness.debug.labels import code_labels, followed
from bootharness.debug.listing import listed
from bootharness.debug.place import Place
from bootharness.debug.replay import replayed
from bootharness.debug.scene import Scene
from bootharness.errors import UsageError
from bootharness.formats.bioscall import BiosCall, DiskAddressPacket, Registers
from bootharness.formats.bzimage import LOADFLAGS, SetupHeader
from bootharness.formats.gdt import SegmentDescriptor
from bootharness.kernels.image import KernelImage
from bootharness.plan import MachineConfig
from bootharness.routes.loader import Loader
from bootharness.text import flags
from bootharness.trace.machine_facts import MachineFacts
from tests.support.builders import bzimage
from tests.support.traces import handoff, loading_trace, move, read

# as qemu-system-x86_64 7.2 writes them: at the loader's entry, in the BIOS's block move, in Linux
REAL = """\
EAX=0000aa55 EBX=00000000 ECX=00000000 EDX=00000080
ESI=00000000 EDI=00000000 EBP=00000000 ESP=00006f00
EIP=00007c00 EFL=00000202 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
ES =0000 00000000 0000ffff 00009300
CS =07c0 00007c00 0000ffff 00009b00
SS =0000 00000000 0000ffff 00009300
DS =d980 000d9800 0000ffff 00009300
CR0=00000010 CR2=00000000 CR3=00000000 CR4=00000000
EFER=0000000000000000
"""
MOVING = """\
EAX=00000028 EBX=0000fca8 ECX=00000000 EDX=0000ffff
EIP=0000c131 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =0020 000f0000 0000ffff 00009b00 DPL=0 CS16 [-RA]
CR0=00000011 CR2=00000000 CR3=00000000 CR4=00000000
EFER=0000000000000000
"""
LONG = """\
RAX=1234567880050033 RBX=00000000035ba000 RCX=00000000c0000080 RDX=0000000000000000
RIP=0000000000100200 RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
CR0=80050033 CR2=0000000000000000 CR3=0000000004357000 CR4=00000020
EFER=0000000000000500
"""


def test_registers_in_every_mode() -> None:
    real, moving, long = map(decode.CpuRegisters.parse, (REAL, MOVING, LONG))
    assert (real.mode, real.bits, real.linear, real.flat) == ("real", 16, 0x7C00 * 2, False)
    assert real.place() == "07c0:7c00"
    assert real.address("ds", "esp") == 0xD9800 + 0x6F00
    assert (moving.mode, moving.bits, moving.linear) == ("protected", 16, 0xFC131)
    assert (long.mode, long.bits, long.linear, long.flat) == ("long", 64, 0x100200, True)
    assert long["eax"] == 0x80050033
    assert long["efl"] == 0x46


@given(st.binary(min_size=8, max_size=8))
def test_descriptors_read_as_ours_do(raw: bytes) -> None:
    ours = SegmentDescriptor.parse(raw)
    assert decode.descriptor(raw) == str(ours)
    assert decode.base_of(raw) == ours.base


@given(st.integers(0, 255))
def test_flags_read_as_ours_do(value: int) -> None:
    names = {str(bit): name for bit, name in LOADFLAGS.items()}
    assert decode.flags(value, names) == flags(value, LOADFLAGS)


@pytest.mark.parametrize(
    ("number", "eax", "extra"),
    [
        (0x13, 0x4200, DiskAddressPacket(16, 0, 127, 0, 0x2000, 2056).build()),
        (0x15, 0x8700, bytes(16) + bytes.fromhex("ffff000002930000ffff001c00930001") + bytes(16)),
        (0x13, 0x4100, b""),
        (0x10, 0x0E41, b""),
    ],
)
def test_calls_read_as_ours_do(number: int, eax: int, extra: bytes) -> None:
    values = dict.fromkeys(("ebx", "ecx", "edx", "esi", "edi", "ebp", "esp"), 0x7F80)
    ours = BiosCall(
        number,
        eax >> 8,
        Registers(**values, eax=eax, ds=0, es=0, flags=0, cs=0, ip=0x7C02),
        None,
        0.0,
        None,
        DiskAddressPacket.parse(extra) if len(extra) == 16 else None,
        extra.hex() if len(extra) == 48 else "",
    )
    theirs = decode.CpuRegisters({**values, "eax": eax}, {}, 16, "real")
    assert decode.arguments(number, theirs, extra) in str(ours)


def test_results_read_as_ours_do() -> None:
    names = {"13": {"4": "sector not found"}}
    failed = decode.CpuRegisters({"eax": 0x0400, "efl": 1}, {}, 16, "real")
    assert decode.result(0x13, failed, names) == "CF=1 AH=04h sector not found"
    assert decode.result(0x10, failed, names) == "ok"
    assert (
        decode.result(0x13, dataclasses.replace(failed, values={"eax": 0x0400, "efl": 2}), names)
        == "ok"
    )


def test_labels_of_code_are_told_from_those_of_data() -> None:
    stage1 = Loader.stage1()
    found = set(code_labels(stage1.binary, stage1.symbols))
    names = {name for name, address in stage1.symbols.items() if address in found}
    assert {"stage1", "check_edd", "block_move", "error.next", "handoff", "boot_failed"} <= names
    assert not names & {"dap", "gdt", "gdt.destination", "message", "kernel_lba", "stage1_end"}


def test_listing_is_the_loader_again() -> None:
    stage1 = Loader.stage1()
    loader = listed("its name", stage1.binary, stage1.symbols)
    assert loader.elf
    assert loader.source
    assembled = Loader.read(loader.elf)
    assert assembled.binary == stage1.binary
    assert assembled.symbols["load_high.chunk"] == stage1.symbols["load_high.chunk"]
    assert "; 7d16  int     0x15" in loader.source.read_text()


@given(st.binary(min_size=1, max_size=64))
def test_any_bytes_can_be_followed(code: bytes) -> None:
    for at, instruction in followed(code).items():
        assert 0x7C00 <= at < at + len(instruction.code) <= 0x7C00 + len(code)


def header(**fields: int) -> SetupHeader:
    return SetupHeader.parse(bzimage(**fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("stage1", "until-address 0x7c00"),
        ("move:242", "until-move 242"),
        ("handoff", "until-handoff"),
        ("protected-mode", "until-handoff; until-address 0x100000"),
        ("there", "until-address 0x7d00"),
        ("0x7d15", "until-address 0x7d15"),
        ("1020:0", "until-address 1020:0"),
    ],
)
def test_places(text: str, commands: str) -> None:
    assert "; ".join(Place.parse(text, {"there": 0x7D00}, header()).commands) == commands


@pytest.mark.parametrize(
    ("text", "command"), [("call:3", "back-to call 3"), ("1,234", "back-to 1234")]
)
def test_places_of_a_recording(text: str, command: str) -> None:
    assert Place.parse(text, {}, None, recorded=True).commands == (command,)
    with pytest.raises(UsageError, match="did you mean call:N"):
        Place.parse("call:x", {}, None, recorded=True)


def test_kernel_is_where_it_is_64_bit() -> None:
    narrow = Place.parse("kernel", {}, header())
    assert narrow.commands[-1] == "until-address 0x100000"
    wide = Place.parse("kernel", {}, replace(header(), xloadflags=1))
    assert wide.commands[-1] == "until-address 0x100200"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stagel", "did you mean stage1"),
        ("move:x", "neither a place nor a label"),
        ("block_mov", "did you mean block_move"),
        ("7d15", "such as 0x7d15"),
        ("call:3", "only a boot that was recorded"),
        ("1,234", "only a boot that was recorded"),
        (f"0x{'1' * 17}", "neither a place nor a label"),
        (f"move:{'9' * 5000}", "neither a place nor a label"),
    ],
)
def test_places_that_are_none(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Place.parse(text, {"block_move": 0x7D00}, header())
    with pytest.raises(UsageError, match="which kernel"):
        Place.parse("protected-mode", {}, None)


def test_files_of_a_run(tmp_path: Path) -> None:
    trace = loading_trace(17_000_000, [])
    assert trace.disk
    stage1 = Loader.stage1()
    place = Place.parse("move:1", stage1.symbols, None)
    scene = Scene(
        "what\nit is", stage1, trace.disk, trace.kernel, place, frozenset([0x9000]), 0x10200
    )
    scene.write(tmp_path, wide=True)
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert 0x9000 in facts["sites"]
    assert stage1.symbols["block_move"] in facts["sites"]
    assert "go_to_place(['until-move 1'])" in (tmp_path / "debug.gdb").read_text()
    assert "<architecture>i386</architecture>" in (tmp_path / "target-32.xml").read_text()
    assert (tmp_path / "stage1.asm").exists()


def test_stand_in_has_the_header_and_the_sizes(tmp_path: Path) -> None:
    trace = loading_trace(1_000_000, [])
    assert trace.kernel
    assert trace.disk
    original = bzimage(random.Random(1).randbytes(1_000_000), setup_sects=39)
    facts = replace(
        trace.kernel,
        source="/not/here",
        header=SetupHeader.parse(original),
        real_mode_bytes=40 * 512,
        payload_bytes=1_000_000,
        file_bytes=len(original),
    )
    machine = MachineFacts("qemu-system-i386", "7.2", "tcg", "pc", "ahci", 1 << 29, ())
    disk = replace(trace.disk, bytes=1 << 22, boot_sector=(bytes(510) + b"\x55\xaa").hex())
    trace = replace(trace, kernel=facts, machine=machine, disk=disk, loader=None, bios_calls=())
    notes = replayed(trace, None, tmp_path / "disk.img").notes
    assert notes[0].startswith("the kernel /not/here is not here: a stand-in")
    assert disk.kernel_lba is not None
    written = (tmp_path / "disk.img").read_bytes()[disk.kernel_lba * 512 :][: len(original)]
    (tmp_path / "kernel").write_bytes(written)
    stand_in = KernelImage.read(tmp_path / "kernel")
    assert stand_in.header == facts.header
    assert stand_in.missing_bytes == 0
    other = KernelImage.read(tmp_path / "kernel", source="given")
    with pytest.raises(UsageError, match="another SHA-256"):
        replayed(trace, other, tmp_path / "other.img")


def test_entry_is_where_a_boot_before_has_found_it(tmp_path: Path) -> None:
    """Some loaders copy the setup code after they have read it."""
    machine = MachineFacts("qemu-system-i386", "7.2", "tcg", "pc", "ahci", 1 << 29, ())
    entered = replace(handoff(2), exact=False, real_mode_address=0x90000)
    calls = [read(2052, 1), move(0x100000)]
    trace = loading_trace(1_000_000, calls, machine=machine, handoff=entered)
    prepared = prepare.prepare_trace(trace, None, tmp_path / "disk.img")
    assert prepared.scene.kernel_entry == 0x90200
    assert prepared.scene.place.name == "handoff"
    sites = {call.registers_in.cs * 16 + call.registers_in.ip - 2 for call in calls}
    assert prepared.scene.sites == sites
    last = prepare.prepare_trace(trace, "last-good-move", tmp_path / "again.img").scene.place
    assert last.commands == ("until-move 0",)


@pytest.mark.parametrize(
    ("at", "said"),
    [("handoff", "did not enter the kernel"), ("move:1", r"made 1 block move, the first is 0")],
)
def test_place_that_was_not_reached(tmp_path: Path, at: str, said: str) -> None:
    machine = MachineFacts("qemu-system-i386", "7.2", "tcg", "pc", "ahci", 1 << 29, ())
    trace = loading_trace(1_000_000, [move(0x100000)], machine=machine)
    with pytest.raises(UsageError, match=said):
        prepare.prepare_trace(trace, at, tmp_path / "disk.img")


def test_trace_that_has_no_boot_in_it(tmp_path: Path) -> None:
    trace = replace(loading_trace(1_000_000, []), disk=None)
    with pytest.raises(UsageError, match="only one from a disk"):
        prepare.prepare_trace(trace, None, tmp_path / "disk.img")


def test_breakpoints_are_for_the_emulator() -> None:
    assert prepare.machine_for(MachineConfig(accelerator="kvm")).accelerator == "tcg"
