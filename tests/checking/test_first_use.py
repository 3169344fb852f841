"""Where a value is used that nobody has put there, instruction by instruction."""

from pathlib import Path

import pytest

from bootharness.checking.first_use import Decoder, first_use
from bootharness.predictor.footsteps import Footsteps
from tests.support.emulated import ORIGIN, steps

ALL, LOW, AL, AH = 0xFFFF_FFFF, 0xFFFF, 0xFF, 0xFF00
DF = 0x400


@pytest.mark.parametrize(
    ("lines", "unset", "at"),
    [
        # whole registers and their parts
        ("nop;mov bx, ax", {"eax": ALL}, 1),
        ("mov bx, ax", {"ebx": ALL}, None),
        ("mov bx, ax", {}, None),
        ("mov bl, ah", {"eax": AL}, None),
        ("mov bl, ah", {"eax": AH}, 0),
        ("mov bl, al", {"eax": AH}, None),
        ("mov ax, 1;mov bx, ax", {"eax": ALL}, None),
        ("mov ax, 1;mov ebx, eax", {"eax": ALL}, 1),
        ("mov eax, 1;mov ebx, eax", {"eax": ALL}, None),
        ("mov al, 1;mov bx, ax", {"eax": LOW}, 1),
        ("mov al, 1;mov ah, 2;mov bx, ax", {"eax": LOW}, None),
        ("add ax, 1", {"eax": LOW}, 0),
        ("mov ax, si", {"esi": ALL}, 0),
        ("mov si, 1;mov ax, si", {"esi": ALL}, None),
        # what clears a register does not use it
        ("xor ax, ax;mov bx, ax", {"eax": LOW}, None),
        ("sub eax, eax;mov ebx, eax", {"eax": ALL}, None),
        ("xor ax, bx", {"eax": LOW}, 0),
        ("xor ax, bx", {"ebx": LOW}, 0),
        ("xor ax, 1", {"eax": LOW}, 0),
        ("xor [bx], bx", {"ebx": LOW}, 0),
        ("or ax, ax", {"eax": LOW}, 0),
        # the stack
        ("push ax;pop ax", {"eax": LOW}, None),
        ("push ax;mov ax, 1;pop ax;mov bx, ax", {"eax": LOW}, 3),
        ("push ax;pop bx;mov cx, bx", {"eax": LOW}, 2),
        ("push ax;mov ax, 1;push ax;pop bx;mov cx, bx", {"eax": LOW}, None),
        ("push ax;mov ax, 1;push ax;pop bx;pop dx;mov cx, dx", {"eax": LOW}, 5),
        ("mov ax, 1;push ax;pop bx;mov cx, bx", {"ebx": LOW}, None),
        ("pop bx;mov cx, bx", {"ebx": LOW}, None),
        ("pusha;mov ax, 1;popa;mov bx, ax", {"eax": LOW}, 3),
        ("mov ax, 1;pusha;popa;mov bx, ax", {"eax": LOW}, None),
        ("popa;mov bx, ax", {"eax": LOW}, None),
        ("pusha;popa;mov bx, si", {"esi": LOW}, 2),
        ("push ds;pop es;mov al, [es:0]", {"ds": LOW}, 2),
        ("push cs;pop ds;mov al, [0x10]", {"cs": LOW}, 2),
        ("push ax", {"ss": LOW}, 0),
        ("push ax", {"esp": LOW}, 0),
        ("push ax", {"esp": 0xFFFF_0000}, None),
        ("int 0x13", {"ss": LOW}, 0),
        ("mov ss, ax;mov sp, 0x7c00;push ax", {"ss": LOW, "esp": LOW}, None),
        # memory
        ("mov al, [0x10]", {"ds": LOW}, 0),
        ("mov al, [0x10]", {"es": LOW, "ss": LOW}, None),
        ("mov al, [es:0x10]", {"ds": LOW}, None),
        ("mov al, [es:0x10]", {"es": LOW}, 0),
        ("mov al, [bp]", {"ss": LOW}, 0),
        ("mov al, [bp]", {"ds": LOW}, None),
        ("mov al, [bx]", {"ss": LOW}, None),
        ("mov al, [bx]", {"ds": LOW}, 0),
        ("mov al, [bx]", {"ebx": LOW}, 0),
        ("lea ax, [bx]", {"ds": LOW}, None),
        ("lea ax, [bx]", {"ebx": LOW}, 0),
        ("mov ds, ax;mov al, [0x10]", {"ds": LOW}, None),
        ("mov ax, ds", {"ds": LOW}, 0),
        ("mov ax, cs", {"cs": LOW}, 0),
        # the direction of strings
        ("movsb", {"flags": DF}, 0),
        ("rep movsb", {"flags": DF}, 0),
        ("stosw", {"flags": DF}, 0),
        ("cld;lodsb", {"flags": DF}, None),
        ("std;lodsb", {"flags": DF}, None),
        ("popf;lodsb", {"flags": DF}, None),
        ("mov ax, 1", {"flags": DF}, None),
        # jumps to an offset in the code segment
        ("jmp ax", {"cs": LOW}, 0),
        ("call bx", {"cs": LOW}, 0),
        ("jmp [bx]", {"cs": LOW}, 0),
        ("jmp short $+2", {"cs": LOW}, None),
        ("jmp ax", {"eax": LOW}, 0),
    ],
)
def test_first_use_of_what_nobody_has_set(
    tmp_path: Path, lines: str, unset: dict[str, int], at: int | None
) -> None:
    taken = steps(tmp_path, lines)
    found = first_use(taken, unset, Decoder())
    assert found == (None if at is None else taken.addresses[at])


@pytest.mark.parametrize(
    ("lines", "left", "at"),
    [
        ("int 0x13;mov ax, bx", {0: {"ebx": LOW}}, 1),
        ("int 0x13;mov al, bl", {0: {"ebx": AH}}, None),
        ("mov bx, 1;int 0x13;mov ax, bx", {1: {"ebx": LOW}}, 2),
        ("int 0x13;mov bx, 1;mov ax, bx", {0: {"ebx": LOW}}, None),
        ("int 0x13;mov ax, bx", {}, None),
        ("mov ax, bx;int 0x13", {1: {"ebx": LOW}}, None),
        ("int 0x10;int 0x13;mov ax, bx", {0: {"ebx": AL}, 1: {"ebx": AH}}, 2),
        ("int 0x10;int 0x13;mov al, bl", {0: {"ebx": AL}, 1: {"ebx": AH}}, 2),
    ],
)
def test_what_a_call_leaves_otherwise_is_used_behind_it(
    tmp_path: Path, lines: str, left: dict[int, dict[str, int]], at: int | None
) -> None:
    taken = steps(tmp_path, lines)
    behind = {taken.addresses[number]: changed for number, changed in left.items()}
    found = first_use(taken, {}, Decoder(), behind=behind)
    assert found == (None if at is None else taken.addresses[at])


@pytest.mark.parametrize(
    ("code", "real", "text"),
    [
        (b"\xb8\1\0", True, "mov ax, 1"),
        (b"\xb8\1\0\0\0", False, "mov eax, 1"),
        (b"\xb8\1\0", False, "mov ax, 1"),
        (b"\xb8\1\0\0\0", True, "mov eax, 1"),
        (b"\x66\xb8\1\0\0\0", True, "mov eax, 1"),
        (b"\xf4", True, "hlt"),
        (b"\x0f\xff\xff\xff\xff", True, ""),
        (b"", True, ""),
    ],
)
def test_an_instruction_is_decoded_as_it_was_carried_out(
    code: bytes, *, real: bool, text: str
) -> None:
    taken = Footsteps((ORIGIN,), {ORIGIN: code}, frozenset((ORIGIN,) if real else ()), None, None)
    decoder = Decoder()
    assert decoder.text(taken, ORIGIN) == text
    assert decoder.text(taken, ORIGIN) == text
    assert decoder.text(taken, ORIGIN + 1) == ""
    assert first_use(taken, {"eax": ALL}, decoder) is None


def test_code_that_was_changed_is_decoded_anew() -> None:
    decoder = Decoder()
    for code, text in ((b"\xf4", "hlt"), (b"\xfa", "cli")):
        taken = Footsteps((ORIGIN,), {ORIGIN: code}, frozenset((ORIGIN,)), None, None)
        assert decoder.text(taken, ORIGIN) == text
