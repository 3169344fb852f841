"""Code around CS:IP: in step with what the CPU executes, in its mode, with the loader's labels."""

import pytest
from msgspec.structs import replace

from bootharness.report.disassembly import disassembly, instruction_at_end, instructions
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import LoaderFacts
from bootharness.trace.machine_facts import CpuSample, PostMortem
from tests.support.traces import handoff, loading_trace

# mov ax, 0x1234; mov bx, ax; jmp $
REAL = bytes.fromhex("b83412 89c3 ebfe 90")
LOADER = LoaderFacts("stage1", "0" * 64, {"stage1": 0x7C00, "wait": 0x7C05, "stage1_end": 0x7C08})


def trace(
    code: bytes,
    ip: int,
    *,
    bits: int = 16,
    at: int = 0x7C00,
    segment: int = 0,
    cs: int | None = None,
    loader: LoaderFacts | None = LOADER,
) -> BootTrace:
    mode = {16: "real", 32: "protected", 64: "long"}[bits]
    linear = ip + segment * 16
    cpu = CpuSample(1.0, linear, segment if cs is None else cs, ip, mode, False, True)
    seen = PostMortem("running", cpu, "", bits, at, code.hex(), "")
    return loading_trace(16, [], ending="loop", loader=loader, post_mortem=seen)


def marked(text: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith("=>")]
    return " ".join(line.split())


def test_real_mode_with_labels() -> None:
    text = disassembly(trace(REAL, 0x7C05))
    assert text.startswith("16-bit code in real mode, CS:IP 0000:7c05, linear 0x007c05: wait in st")
    assert [" ".join(line.split()) for line in text.splitlines()[2:]] == [
        "stage1:",
        "0000:7c00 b8 34 12 mov ax, 0x1234",
        "0000:7c03 89 c3 mov bx, ax",
        "wait:",
        "=> 0000:7c05 eb fe jmp 0x7c05 <wait>",
        "0000:7c07 90 nop",
    ]
    assert instruction_at_end(trace(REAL, 0x7C05)).endswith("<wait>   in wait")


def test_offset_and_linear_address_differ() -> None:
    text = disassembly(trace(REAL, 0x0005, segment=0x7C0))
    assert marked(text) == "=> 07c0:0005 eb fe jmp 5 <wait>"
    assert "linear 0x007c05" in text


@pytest.mark.parametrize(
    ("bits", "wanted"),
    [(16, "mov ax, 0x1234"), (32, "mov eax, 0xc3891234"), (64, "mov eax, 0xc3891234")],
)
def test_mode_decides(bits: int, wanted: str) -> None:
    assert wanted in marked(disassembly(trace(REAL, 0x7C00, bits=bits)))


def test_kernel_in_long_mode() -> None:
    at = 0xFFFFFFFF81000000
    code = bytes.fromhex("4889e5 0f0b c3")
    text = disassembly(trace(code, at + 3, bits=64, at=at, cs=0x10))
    assert text.startswith("64-bit code in long mode, CS:IP 0010:ffffffff81000003")
    assert text.splitlines()[0].endswith("the kernel")
    assert marked(text) == "=> 0xffffffff81000003 0f 0b ud2"
    assert "0xffffffff81000000  48 89 e5  mov     rbp, rsp" in text


def test_once_the_kernel_is_entered_its_memory_is_not_the_loaders() -> None:
    entered = replace(trace(REAL, 0x7C05), handoff=handoff(0))
    assert "wait" not in disassembly(entered)


def test_every_start_ends_at_the_instruction() -> None:
    code = bytes.fromhex("b83412 89c3 66b8785634 12 0f20c0 ebfe")
    starts = [0, 3, 5, 11, 14]
    for ip in starts[:-1]:
        found = instructions(code, 0, ip, 16)
        assert ip in [each.offset for each in found]
        assert b"".join(each.code for each in found) == code[found[0].offset :]


def test_data_before_the_code_does_not_hide_it() -> None:
    code = b"\x0f\xff\xff" + bytes(20) + b"\xeb\xfe"
    found = instructions(code, 0x100, 0x117, 16)
    assert [(each.offset, each.code) for each in found] == [(0x117, b"\xeb\xfe")]


def test_what_is_no_instruction_is_shown_in_bytes() -> None:
    text = disassembly(trace(b"\xff\xff\xff\xff", 0x7C00))
    assert marked(text) == "=> 0000:7c00 ff ff ff ff (no instruction)"


def test_nothing_to_decode() -> None:
    assert disassembly(trace(b"", 0x7C00)) == ""
    assert instruction_at_end(trace(b"", 0x7C00)) == ""
    assert disassembly(loading_trace(16, [])) == ""


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_any_bytes_at_all(bits: int) -> None:
    code = bytes((at * 167 + at // 7) & 0xFF for at in range(192))
    for ip in range(0x7C00, 0x7C00 + len(code)):
        assert marked(disassembly(trace(code, ip, bits=bits, at=0x7C00, loader=None)))
