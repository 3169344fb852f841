"""Guests that lie, flood or end the machine themselves: boot sectors of a few instructions."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.host.assembler import assemble_flat
from bootharness.kernels.source import fetch
from bootharness.one_boot import boot
from bootharness.plan import BootPlan
from bootharness.trace.boot_trace import BootTrace
from bootharness.watch import watch
from tests.support.flat import FLAT, GDT
from tests.support.processes import COMMAND, environment, run

HEAD = """
        bits 16
        org 0x7c00
        cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
"""
TAIL = """
        times 510 - ($ - $$) db 0
        dw 0xaa55
"""
SAY = """
        mov si, words
say:    lodsb
        test al, al
        jz $
        mov dx, 0x3f8
        out dx, al
        jmp say
words:  db {}, 13, 10, 0
"""


def disk(folder: Path, code: str) -> Path:
    source = folder / "guest.asm"
    source.write_text(HEAD + code + TAIL)
    image = folder / "guest.img"
    image.write_bytes(assemble_flat(source))
    return image


def booted(folder: Path, code: str, *, timeout_s: float = 30) -> tuple[BootTrace, Judgement]:
    plan = BootPlan(route="disk", until="banner", timeout_s=timeout_s)
    trace = boot(str(disk(folder, code)), plan)
    return trace, judge(trace)


RESETS = {
    "the keyboard controller": "mov al, 0xfe\n out 0x64, al\n jmp $",
    "port 0xcf9": "mov dx, 0xcf9\n mov al, 6\n out dx, al\n jmp $",
    "port 0x92": "in al, 0x92\n or al, 1\n out 0x92, al\n jmp $",
    "the BIOS": "jmp 0xffff:0",
    "": "lidt [nothing]\n int3\nnothing: dw 0, 0, 0",
}
CAUSES = ("reset-keyboard", "reset-cf9", "reset-port-92", "reset-bios", "triple-fault")


@pytest.mark.parametrize(("by", "cause"), [*zip(RESETS, CAUSES, strict=True)])
def test_reset_has_its_own_name(tmp_path: Path, by: str, cause: str) -> None:
    code = RESETS[by]
    if not by:  # real mode does not triple fault by an empty table: protected mode does
        code = "lgdt [g]\n mov eax, cr0\n or al, 1\n mov cr0, eax\n jmp 0x18:0\ng: dw 0, 0, 0"
    trace, judgement = booted(tmp_path, code)
    assert trace.ending.kind == "guest-reset"
    assert judgement.cause == cause
    assert by in judgement.summary


@pytest.mark.parametrize(
    ("control", "cause"), [(0x2000, "guest-powered-off"), (0x2400, "guest-suspended")]
)
def test_guest_that_goes_to_sleep_is_known_at_once(
    tmp_path: Path, control: int, cause: str
) -> None:
    trace, judgement = booted(tmp_path, f"mov dx, 0x604\n mov ax, {control}\n out dx, ax\n jmp $")
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, cause)
    assert trace.ending.seconds < 10


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        "'Linux version 9.9.9 (evil)', 13, 10, 'bootharness: init reached'",
        "'bootharness: init reached'",
        "'Kernel panic - not syncing: ', 27, '[31m', 13, 10, '---[ end Kernel panic'",
    ],
)
def test_words_of_a_kernel_that_are_written_in_real_mode_are_nobodys(
    tmp_path: Path, words: str
) -> None:
    trace, judgement = booted(tmp_path, SAY.format(words))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "kernel-not-entered")
    assert "in real mode" in judgement.summary
    assert not trace.reached("banner")
    assert not trace.reached("init")


def test_loader_that_fakes_a_boot_is_bad_for_every_kernel(tmp_path: Path, debian: str) -> None:
    image = disk(tmp_path, SAY.format("'Linux version 9.9.9 (evil)', 13, 10"))
    loader = image.rename(tmp_path / "fake.bin")
    (tmp_path / "fake.toml").write_text("[patch]\nkernel_lba = { at = 0x1b0, bytes = 4 }\n")
    judgement = judge(boot(debian, BootPlan(loader=str(loader), until="banner", timeout_s=30)))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "kernel-not-entered")


PROTECTED = f"""{FLAT}        mov dx, 0x3f8
        mov esi, words
say:    lodsb
        test al, al
        jz $
        out dx, al
        jmp say
words:  db 'Linux version {{}} (evil)', 13, 10, 'bootharness: init reached', 13, 10, 0
{GDT}"""


def test_disk_that_fakes_a_boot_is_refused_by_a_gate(tmp_path: Path) -> None:
    words = SAY.format("'Linux version 9.9.9 (evil)', 13, 10").replace("jz $", "jz stop")
    image = disk(tmp_path, f"{words}stop: hlt\n")
    done = run("gate", "--route", "disk", image, "--attempts", 1, "--history", tmp_path / "history")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "kernel-not-entered" in done.stdout


@pytest.mark.long
def test_right_release_from_protected_mode_is_no_kernel(tmp_path: Path, debian: str) -> None:
    image = disk(tmp_path, PROTECTED.format(fetch(debian).release))
    loader = image.rename(tmp_path / "fake.bin")
    (tmp_path / "fake.toml").write_text("[patch]\nkernel_lba = { at = 0x1b0, bytes = 4 }\n")
    judgement = judge(boot(debian, BootPlan(loader=str(loader), until="init", timeout_s=30)))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "kernel-not-entered")


@pytest.mark.long
@pytest.mark.parametrize(
    "code",
    [
        # text first, as a loader writes it that is made for an emulator's debug port
        "mov dx, 0xe9\n mov cx, 300\na: mov al, 'X'\n out dx, al\n loop a\n jmp $",
        "a: mov dx, 0xe9\n mov al, 0x43\n out dx, al\n jmp a",
        "a: mov dx, 0x505\n mov al, 2\n out dx, al\n jmp a",
        "mov dx, 0x505\n mov al, 1\n out dx, al\n jmp $",
        "mov dx, 0xe9\n mov cx, 100\na: mov al, 'X'\n out dx, al\n loop a\n"
        "mov al, 6\n mov dx, 0xcf9\n out dx, al\n jmp $",
    ],
)
def test_port_of_the_harness_is_no_way_to_a_skip(tmp_path: Path, code: str) -> None:
    _, judgement = booted(tmp_path, code)
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "port-misused")


def test_debug_output_on_the_recorders_port_does_no_harm(tmp_path: Path) -> None:
    code = (
        "mov dx, 0xe9\n mov cx, 300\na: mov al, 'X'\n out dx, al\n loop a\n"
        "mov ax, 0x0e41\n int 0x10\n"
        "mov dx, 0xe9\n mov cx, 77\nb: mov al, 'C'\n out dx, al\n loop b\n"
        "mov ax, 0x0e42\n int 0x10\n hlt"
    )
    trace, _ = booted(tmp_path, code)
    assert trace.screen.endswith("AB")
    assert all(call.registers_out for call in trace.loader_calls)
    assert 300 < trace.foreign_bytes <= 377


FLOODS = {
    "reads": "a: inc dword [p + 8]\n mov si, p\n mov dl, 0x80\n mov ah, 0x42\n int 0x13\n jmp a\n"
    "p: db 16, 0\n dw 1, 0x8000, 0\n dq 0",
    "writes": "a: inc dword [p + 8]\n mov si, p\n mov dl, 0x80\n mov ax, 0x4300\n int 0x13\n"
    " jmp a\np: db 16, 0\n dw 127, 0x8000, 0\n dq 0",
    "forged records": "a: mov dx, 0xe9\n inc dword [r]\n mov si, r\n mov cx, 68\n rep outsb\n"
    " jmp a\nr: times 42 db 0\n dw 'C'\n db 0x13, 0x42\n times 22 db 0",
    "pvpanic": "a: mov dx, 0x505\n mov al, 2\n out dx, al\n jmp a",
    "serial": "mov dx, 0x3f8\nb: mov si, w\na: lodsb\n out dx, al\n test al, al\n jnz a\n jmp b\n"
    "w: db 27, '[', 255, '<', 0",
}
LIMIT_S = 4
# a process of its own that is small: what a process begins with is its parent's memory
PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
sys.exit(done.returncode)
"""


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize("what", FLOODS)
def test_flood_is_bounded_in_time_and_memory(tmp_path: Path, what: str) -> None:
    image, said = disk(tmp_path, FLOODS[what]), tmp_path / "said"
    trace = tmp_path / "trace.json"
    argv = [*COMMAND, "boot", "--disk", str(image), "--timeout", str(LIMIT_S), "--json", str(trace)]
    with said.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *argv],
            env=environment(), stdout=subprocess.PIPE, stderr=output, timeout=120, check=False,
        )  # fmt: skip
    busy = b"host-busy" in done.stdout  # and then it is nobody's fault
    assert done.returncode == (125 if busy else 1), done.stdout.decode() + said.read_text()
    assert int(done.stdout.split()[-1]) < 200
    document = json.loads(trace.read_text())
    assert document["ending"]["seconds"] <= LIMIT_S * 1.2 + 2
    assert all(point["seconds"] >= 0 for point in document["milestones"])
    assert all(call["called_at"] >= 0 for call in document["bios_calls"])


def test_guest_that_keeps_qemu_from_answering_has_misused_the_port_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_STOP_S", 0.0)
    trace, judgement = booted(tmp_path, FLOODS["pvpanic"])
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "port-misused")
    assert trace.post_mortem is None
    assert len(trace.events) <= 1000


def test_damaged_recorder_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bootharness.machine import rom

    def zeros(source: Path, **_: int) -> bytes:
        return b"\x55\xaa\x02\xcb" + bytes(1020)

    monkeypatch.setattr(rom, "assemble_flat", zeros)
    judgement = judge(boot("selfcheck:200000", BootPlan(timeout_s=60)))
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "recorder-silent")


IPXE = Path("/usr/lib/ipxe/ipxe.lkrn")


@pytest.mark.skipif(not IPXE.exists(), reason="ipxe is not installed")
def test_program_in_the_shape_of_a_kernel_gives_up_by_its_own_name() -> None:
    judgement = judge(boot(str(IPXE), BootPlan(until="init", timeout_s=60)))
    assert (judgement.verdict, judgement.cause) == (Verdict.BAD, "kernel-gave-up")
    assert "was entered, and gave the machine back to the BIOS with INT 18h" in judgement.summary
