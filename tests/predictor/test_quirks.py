"""The BIOS of the predictor where it behaves otherwise than QEMU's."""

from pathlib import Path

import pytest

from bootharness.checking.check import Check
from bootharness.diagnosis import judge
from bootharness.predictor.pc import Pc
from bootharness.predictor.predict_disk import predict_disk
from bootharness.predictor.progress import Patience
from bootharness.predictor.quirks import A20_GATES, Change, Quirks
from bootharness.predictor.sectors import Sectors
from bootharness.routes.disk import DiskImage
from bootharness.trace.bioses import BIOSES
from tests.support.emulated import SECTORS, assembled, machine
from tests.support.plain_loader import plain_loader

STATUS = """
        xor ax, ax
        mov ds, ax
        mov es, ax
        {call}
        mov [0x600], ah
        setc [0x601]
        cli
        hlt
packet: dw 16, {sectors}, {offset}, {segment}
        dq 1
"""
BY_PACKET = "mov si, packet\nmov ah, 0x42\nint 0x13"
BY_CHS = "mov bx, 0xff00\nmov cx, 2\nmov dh, 0\nmov ax, 0x0201\nint 0x13"


def status(
    folder: Path, quirks: Quirks, call: str = BY_PACKET, *, sectors: int = 1, offset: int = 0,
    segment: int = 0x2000,
) -> tuple[int, bool]:  # fmt: skip
    code = STATUS.format(call=call, sectors=sectors, offset=offset, segment=segment)
    pc = machine(folder, code, quirks=quirks)
    assert pc.boot().kind == "halted"
    ah, carry = pc.memory.read_memory(0x600, 2)
    return ah, bool(carry)


@pytest.mark.parametrize(
    ("quirks", "sectors", "offset", "segment", "ah"),
    [
        (Quirks(most_sectors=64), 64, 0, 0x2000, 0x00),
        (Quirks(most_sectors=64), 65, 0, 0x2000, 0x01),
        (Quirks(crossing=frozenset({"packet"})), 1, 0, 0x2FF0, 0x09),
        (Quirks(crossing=frozenset({"packet"})), 1, 0, 0x2FE0, 0x00),
        (Quirks(crossing=frozenset({"segment"})), 1, 0, 0x2FF0, 0x00),
        (Quirks(crossing=frozenset({"segment"})), 1, 0xFE01, 0x2000, 0x09),
        (Quirks(flaky=True), 1, 0, 0x2000, 0x80),
        (Quirks(edd=(0xAA55, 2, 0)), 1, 0, 0x2000, 0x01),
        (Quirks(), 128, 0xFE01, 0x2000, 0x00),
    ],
)
def test_reads_that_fail(
    tmp_path: Path, quirks: Quirks, sectors: int, offset: int, segment: int, ah: int
) -> None:
    found = status(tmp_path, quirks, sectors=sectors, offset=offset, segment=segment)
    assert found == (ah, ah != 0)


def test_a_chs_read_over_64_kib_fails_where_dma_does_not(tmp_path: Path) -> None:
    assert status(tmp_path, Quirks(), BY_CHS) == (0, False)
    assert status(tmp_path, Quirks(crossing=frozenset({"chs"})), BY_CHS) == (0x09, True)


def test_a_flaky_read_is_right_when_it_is_repeated(tmp_path: Path) -> None:
    again = f"{BY_PACKET}\nmov word [packet + 2], 1\nmov ah, 0x42\nint 0x13"
    assert status(tmp_path, Quirks(flaky=True), again) == (0, False)


def test_calls_change_registers_that_are_no_result(tmp_path: Path) -> None:
    code = f"mov ax, 0x4200\n{STATUS}".replace("mov [0x600], ah", "mov [0x602], eax")
    change = Change(0x13, (0x42,), {"eax": (0xFFFF_00FF, 0xDEAD_BEEF)})
    code = code.format(call=BY_PACKET, sectors=1, offset=0, segment=0x2000)
    pc = machine(tmp_path, code, quirks=Quirks(changes=(change,)))
    pc.boot()
    assert pc.memory.read_memory(0x602, 4) == b"\xef\x00\xad\xde"


def test_a_call_uses_the_stack_below_its_frame_alone(tmp_path: Path) -> None:
    pc = machine(tmp_path, "mov sp, 0x7000\nmov ah, 0x41\nint 0x13\ncli\nhlt",
                 quirks=Quirks(stack_bytes=16))  # fmt: skip
    pc.boot()
    assert pc.memory.read_memory(
        0x7000 - 6 - 17, 18
    ) == b"\0" + b"\xb5" * 16 + pc.memory.read_memory(0x7000 - 6, 1)
    assert pc.memory.read_memory(0x7000, 1) == b"\0"


def test_nothing_is_behind_the_end_of_conventional_memory(tmp_path: Path) -> None:
    code = """
        int 0x12
        mov [0x600], ax
        mov ax, 0x8000
        mov es, ax
        mov byte [es:0], 0x11
        mov al, [es:0]
        mov [0x602], al
        mov ax, 0x7fff
        mov es, ax
        mov byte [es:15], 0x22
        cli
        hlt"""
    pc = machine(tmp_path, code, quirks=Quirks(low_kib=512))
    assert pc.boot().kind == "halted"
    assert pc.memory.read_memory(0x600, 3) == b"\x00\x02\xff"
    assert pc.memory.read_memory(0x7FFFF, 2) == b"\x22\xff"
    pc.memory.write(0x7FFFE, b"\x33" * 4)
    assert pc.memory.read_memory(0x7FFFE, 4) == b"\x33\x33\xff\xff"


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("port 92h", "in al, 0x92\nor al, 2\nout 0x92, al"),
        ("INT 15h AX=2401h", "mov ax, 0x2401\nint 0x15"),
        ("the keyboard controller", "mov al, 0xd1\nout 0x64, al\nmov al, 0xdf\nout 0x60, al"),
    ],
)
def test_a_means_of_opening_a20_that_does_nothing(tmp_path: Path, gate: str, code: str) -> None:
    for gates, opened in ((A20_GATES, True), (A20_GATES - {gate}, False)):
        pc = machine(tmp_path, f"{code}\ncli\nhlt", quirks=Quirks(a20=False, a20_gates=gates))
        pc.boot()
        assert pc.memory.a20 is opened


def test_patience_ends_without_an_answer(tmp_path: Path) -> None:
    for code, patience in (
        ("mov cx, 0xffff\none: dec dx\nloop one\njmp $$", Patience(instructions=30_000)),
        ("xor ax, ax\nmov ds, ax\nmov es, ax\none: add bx, 512\nmov cx, 1\nmov ax, 0x0201\n"
         "mov dh, 0\nint 0x13\njmp one", Patience(calls=5)),
        ("one: in al, 0x64\nout 0x80, al\njmp one", Patience(calls=100)),
    ):  # fmt: skip
        path = tmp_path / "disk.img"
        path.write_bytes(assembled(tmp_path, code).ljust(SECTORS * 512, b"\0"))
        disk = Sectors.of(DiskImage.existing(path))
        ending = Pc(disk, 64 << 20, BIOSES["seabios"], Quirks(), patience=patience).boot()
        assert (ending.kind, ending.cause) == ("skipped", "not-emulated")


def test_no_cpu_runs_past_the_end_of_its_code_segment(tmp_path: Path) -> None:
    pc = machine(tmp_path, "jmp 0:0xfff0")
    ending = pc.boot()
    assert (ending.kind, ending.cause) == ("loop", None)
    assert {sample.ip for sample in pc.hang.samples.values()} == {0xFFFF}


def test_a_read_that_is_repeated_with_no_sectors_is_said_so(tmp_path: Path) -> None:
    loader = plain_loader(tmp_path)
    layout = Check(loader)._disk(32)
    judgement = judge(predict_disk(layout, memory_bytes=32 << 20, quirks=Quirks(flaky=True)))
    assert judgement.cause == "disk-read-failed"
    assert "and the next attempt asked for 0" in judgement.summary
