"""What a bad boot leaves behind: enough to see why, and to see it again."""

import json
import os
import re
import shlex
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.errors import UsageError
from bootharness.formats.record import Decoder
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, MachineConfig
from bootharness.report.disassembly import disassembly
from bootharness.report.document import document, encode, read_trace
from bootharness.trace.boot_trace import BootTrace
from bootharness.watch.kept import keep_account
from tests.boot.conftest import Boot
from tests.support.builders import edited_stage1
from tests.support.faults import (
    DEBIAN,
    FAULTS,
    JUMP_HERE,
    NO_IDT,
    SELFCHECK,
    Fault,
    code32,
    insert,
    patient,
)
from tests.support.faults import run as run_fault
from tests.support.processes import run
from tests.support.programs import QEMU, program

BY_NAME = {fault.name: fault for fault in FAULTS}
TRIPLE_FAULT = BY_NAME["triple fault before the handoff"]
# page tables that are zeros, and paging on: the next instruction cannot be fetched
PAGING = bytes.fromhex("b8 00002000 0f22d8 0f20c0 0d 00000080 0f22c0")


def keep(fault: Fault, folder: Path, missing: tuple[str, ...] = ()) -> tuple[BootTrace, Path]:
    """Boot a fault and keep all of it, as the command does, but for what is ``missing``."""
    kept = folder / "kept"
    kept.mkdir()
    trace = run_fault(patient(fault), folder, keep=kept)
    if trace.ending.cause == "tool-missing":
        pytest.skip(trace.ending.detail)
    assert keep_account(trace, BootPlan(until=trace.until), kept) == ()
    assert trace.post_mortem
    assert trace.post_mortem.missing == missing
    return trace, kept


def marked(kept: Path) -> str:
    (line,) = re.findall(r"^=> (.*)$", (kept / "disassembly.txt").read_text(), re.MULTILINE)
    return " ".join(line.split())


def test_triple_fault_in_the_loader(tmp_path: Path) -> None:
    trace, kept = keep(TRIPLE_FAULT, tmp_path)
    assert trace.loader
    at = trace.loader.symbols["set_header"] + 5
    assert marked(kept) == f"0000:{at:04x} cc int3"
    assert f"EIP={at:08x}" in (kept / "registers.txt").read_text()
    told = (kept / "exceptions.txt").read_text().splitlines()
    assert told[:4] == [
        "1. #GP general protection",
        "2. #GP general protection, while #GP general protection was being delivered",
        "3. #GP general protection, while #DF double fault was being delivered",
        "4. triple fault: the machine is reset",
    ]
    assert re.fullmatch(r"=> 0000:\w+ +cc +int3   in set_header\+0x5", told[-1])
    code = (kept / "disassembly.txt").read_text()
    assert re.search(r"   set_header:\n.*lidt", code)
    assert re.search(r"call +0x\w+   <load_high>", code)


@pytest.mark.long
def test_hang_in_the_loader(tmp_path: Path) -> None:
    _, kept = keep(BY_NAME["jmp $ at entry"], tmp_path)
    assert marked(kept) == "0000:7c00 eb fe jmp 0x7c00 <stage1>"
    assert not (kept / "exceptions.txt").exists()
    assert "Booting from Hard Disk" in (kept / "screen.txt").read_text()


@pytest.mark.long
def test_hang_in_the_kernel_has_code_of_its_mode(tmp_path: Path) -> None:
    _, kept = keep(Fault("", "", source=DEBIAN, kernel=code32(JUMP_HERE)), tmp_path)
    assert marked(kept) == "0x100000 eb fe jmp 0x100000"
    first = (kept / "disassembly.txt").read_text().splitlines()[0]
    assert first.startswith("32-bit code in protected mode")
    assert first.endswith("where the protected-mode kernel is loaded, offset 0x0 in it")


def test_page_fault_in_the_kernel(tmp_path: Path) -> None:
    at = 0x100000 + len(PAGING)
    missing = (f"the code could not be read: nothing is mapped at {at:#x}",)
    trace, kept = keep(Fault("", "", source=DEBIAN, kernel=code32(PAGING)), tmp_path, missing)
    assert (
        (kept / "exceptions.txt")
        .read_text()
        .startswith(f"1. #PF page fault, error code 0x0000, of address {at:#x}, at 0010:{at:x}")
    )
    assert trace.post_mortem
    assert trace.post_mortem.cpu.linear == at


@pytest.mark.long
def test_fault_inside_the_bios(tmp_path: Path) -> None:
    _, kept = keep(BY_NAME["payload of 17,000,000 without the carry"], tmp_path)
    told = (kept / "exceptions.txt").read_text()
    # SeaBIOS loads SS from a table that the block move has written over
    assert told.startswith("1. #GP general protection, error code 0x0028, at 0020:")
    assert "the BIOS or an option ROM" in (kept / "disassembly.txt").read_text()


def test_reset_that_is_no_triple_fault(tmp_path: Path) -> None:
    keyboard = insert("set_header", "        mov al, 0xfe\n        out 0x64, al\n        jmp $")
    trace, kept = keep(Fault("", "", edit=keyboard), tmp_path)
    assert trace.ending.kind == "guest-reset"
    assert (kept / "exceptions.txt").read_text() == (
        "no triple fault: the guest had the machine reset\n"
    )


@pytest.mark.long
def test_panic_on_the_screen(tmp_path: Path) -> None:
    plan = {"cmdline": "console=tty0 console=ttyS0 panic=0"}
    _, kept = keep(Fault("", "", source=DEBIAN, initrd=0, options=plan), tmp_path)
    screen = (kept / "screen.txt").read_text()
    assert "Kernel panic - not syncing: VFS: Unable to mount root fs" in screen
    assert len(screen.splitlines()) <= 25
    assert "SeaBIOS" not in screen  # scrolled away
    width, height, colours = picture(kept / "screen.png")
    assert (width, height) == (720, 400)
    assert colours > 1


def picture(path: Path) -> tuple[int, int, int]:
    """Return a PNG's width, height and how many colours it has, and check all of its CRCs."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, []
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + body)
        chunks.append((kind, body))
        at += 12 + size
    assert chunks[-1][0] == b"IEND"
    width, height, depth, kind = struct.unpack_from(">IIBB", chunks[0][1])
    assert (depth, kind) == (8, 2)  # RGB
    pixels = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    assert len(pixels) == height * (1 + 3 * width)
    return width, height, len(set(pixels))


def test_log_of_the_recorder_is_what_the_trace_was_made_of(tmp_path: Path) -> None:
    trace, kept = keep(TRIPLE_FAULT, tmp_path)
    records = Decoder().feed((kept / "recorder.log").read_bytes())
    assert sum(record.tag == "C" for record in records) == len(trace.bios_calls)
    told = (kept / "bios-calls.txt").read_text().splitlines()
    assert [str(call) for call in trace.block_moves and trace.bios_calls if call.table] == [
        line for line in told if " block move(" in line
    ]
    assert any(line.endswith("---- kernel-loaded") for line in told)


def test_trace_alone_tells_the_same(tmp_path: Path) -> None:
    trace = run_fault(replace(TRIPLE_FAULT, source="selfcheck:4096"), tmp_path)
    again = read_trace(encode(document(trace, judge(trace))))
    assert again == trace
    assert again.post_mortem
    assert "Booting from Hard Disk" in again.post_mortem.screen
    assert again.post_mortem.exceptions is None  # that would take a second boot
    assert "int3" in disassembly(again)


def test_good_boot_is_not_looked_at(boots: Boot) -> None:
    assert boots(SELFCHECK).post_mortem is None


@pytest.mark.parametrize("tracer", ["gdb", "both"])
def test_machine_that_gdb_holds(tmp_path: Path, tracer: str) -> None:
    trace, kept = keep(replace(TRIPLE_FAULT, options={"tracer": tracer}), tmp_path)
    assert trace.ending.kind == "guest-reset"
    assert " int3" in marked(kept)
    assert "#GP" in (kept / "exceptions.txt").read_text()


@pytest.mark.long
def test_second_boot_that_cannot_be(tmp_path: Path) -> None:
    qemu = program(tmp_path, QEMU, 'case "$*" in *" -D "*) exit 1;; esac; exec $real "$@"')
    plan = BootPlan(until="banner", machine=MachineConfig(qemu=qemu))
    loader = edited_stage1(tmp_path, insert("set_header", NO_IDT))
    kept = tmp_path / "kept"
    kept.mkdir()
    trace = boot("selfcheck:4096", replace(plan, loader=loader.name), keep=kept)
    assert judge(trace).cause == "triple-fault"
    assert trace.post_mortem
    (sentence,) = trace.post_mortem.missing
    assert sentence.startswith("no exceptions are known: ")
    assert trace.post_mortem.exceptions is None


def test_commands_show_it_again(tmp_path: Path) -> None:
    trace, kept = keep(TRIPLE_FAULT, tmp_path)
    _, watched, _, _, debugged, _, _, plain = (kept / "command.txt").read_text().splitlines()
    words = shlex.split(watched)
    assert words[0] == "bootharness"
    done = run(*words[1:])
    assert done.returncode == 1
    assert "triple-fault: " in done.stdout
    assert debugged == "bootharness debug trace.json"
    done = run("debug", kept / "trace.json")
    assert done.returncode == 0, done.stderr
    assert re.search(r"block_move \(\) at edited\.asm:\d+", done.stdout)
    # QEMU alone ends at the reset; with what the kernel has to say it would not
    by_hand = subprocess.run(
        shlex.split(plain), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    assert by_hand.returncode == 0, by_hand.stderr
    assert trace.serial == ""


def test_command_offers_and_keeps(tmp_path: Path) -> None:
    edited_stage1(tmp_path, insert("set_header", NO_IDT))
    done = run("boot", "selfcheck:4096", "--loader", tmp_path / "edited.asm")
    (offer,) = re.findall(r"investigate: bootharness (.*)$", done.stdout, re.MULTILINE)
    *words, folder = shlex.split(offer)
    assert words[-1] == "--keep"
    assert not Path(folder).exists()
    done = run(*words, tmp_path / "kept")
    assert done.returncode == 1, done.stderr
    line = f"kept in {tmp_path / 'kept'}, after a second boot that shows the exceptions"
    assert line in done.stdout
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {
        "bios-calls.txt", "bios.txt", "command.txt", "disassembly.txt", "disk.img",
        "exceptions.txt", "qemu.log", "recorder.log", "recording", "registers.txt", "screen.png",
        "screen.txt", "serial.log", "trace.json",
    }  # fmt: skip
    seen = json.loads((tmp_path / "kept" / "trace.json").read_text())["post_mortem"]
    assert [each["vector"] for each in seen["exceptions"]] == [13, 13, 13]
    assert "EAX=" in seen["registers"]


def test_disk_image_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "disk.img").write_text("mine")
    with pytest.raises(UsageError, match="not empty; keep a boot in a new folder"):
        boot("selfcheck:16", BootPlan(), keep=tmp_path)
    assert (tmp_path / "disk.img").read_text() == "mine"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for next to nothing."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    if os.geteuid() or not shutil.which("mount") or subprocess.call(mount):
        pytest.skip("a file system of its own takes root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.long
def test_full_disk_changes_no_verdict(small_disk: Path, tmp_path: Path) -> None:
    edited_stage1(tmp_path, insert("set_header", NO_IDT))
    for arguments, status in (((), 0), (("--loader", tmp_path / "edited.asm"), 1)):
        kept = small_disk / f"kept-{status}"
        done = run("boot", "selfcheck:4000000", "--keep", kept, *arguments)
        assert done.returncode == status, done.stderr
        assert done.stderr == ""
        (line,) = [line for line in done.stdout.splitlines() if "not all of it: " in line]
        assert re.search(r"\bdisk\.img\b.* could not be written: No space left on device", line)
        assert "trace.json" in line
        assert not (kept / "disk.img").exists()
