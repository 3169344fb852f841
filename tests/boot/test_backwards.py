"""Bad boots that were recorded: what is told of them by itself, and going back in gdb."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from msgspec import structs

from bootharness.debug.backwards import answer
from bootharness.debug.recorded import recording_beside
from bootharness.diagnosis import judge
from bootharness.errors import CouldNotFindOut, UsageError
from bootharness.formats.qcow2 import empty_overlay
from bootharness.host.assembler import assemble_flat, shipped
from bootharness.kernels.image import KernelImage
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.kernels.source import fetch
from bootharness.machine.tape import TAPE
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, MachineConfig
from bootharness.recording.calls import Counted
from bootharness.recording.manifest import LOG, MANIFEST, OVERLAY, RECORDING, ROM, Recording
from bootharness.recording.operands import Cpu
from bootharness.recording.player import Player
from bootharness.report.document import document, encode, read_trace
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import ORIGIN, Loader
from bootharness.routes.table import ROUTES
from bootharness.trace.boot_trace import BootTrace
from tests.boot.test_debug import WIDTH, Terminal
from tests.support.back_faults import BACK_FAULTS, UNRECORDED, back_in, mark_of
from tests.support.back_matrix import KNOWN, back, cases, names
from tests.support.boots import boot_through
from tests.support.builders import without_carry
from tests.support.faults import FAULTS, patient, run
from tests.support.other_release import gdb_of, qemu_of
from tests.support.processes import COMMAND, environment, eventually, processes_with
from tests.support.processes import run as command

# the instruction that was changed is the one that wrote last: a piece of its line
GUILTY = {
    "no carry out of bit 15": "mov byte [si + DESTINATION + 4], 0x10",
    "heap flag not set": "or word [type_of_loader], 0xff",
    "type_of_loader not set": "or word [type_of_loader], CAN_USE_HEAP << 8",
    "heap_end_ptr too low": "mov word [heap_end_ptr], 0x200",
}
RETURNS = """
        bits 16
        org 0x7c00
        mov cx, 100
again:  int 0x80
        loop again
        ud2
        times 510 - ($ - $$) db 0
        dw 0xaa55
"""
"""A handler that only returns is called a hundred times, and then for ever, for an exception."""
UD2 = b"\x0f\x0b"
OUT_DX_AX = b"\xef"
MUCH, PATIENCE_S = 10**12, 20
BY_NAME = {fault.name: fault for fault in FAULTS}


def kept(name: str, folder: Path, **machine: str) -> tuple[BootTrace, Path]:
    """Boot a fault, and keep it with its trace."""
    keep = folder / "kept"
    keep.mkdir()
    fault = patient(BY_NAME[name])
    trace = run(structs.replace(fault, options={**fault.options, **machine}), folder, keep=keep)
    (keep / "trace.json").write_bytes(encode(document(trace, judge(trace))))
    return trace, keep


@pytest.fixture(scope="module")
def misplaced(tmp_path_factory: pytest.TempPathFactory) -> tuple[BootTrace, Path]:
    return kept("no carry out of bit 15", tmp_path_factory.mktemp("misplaced"))


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", GUILTY)
def test_the_instruction_that_was_changed_is_named(name: str, tmp_path: Path) -> None:
    trace, _ = kept(name, tmp_path)
    assert trace.recorded
    assert GUILTY[name] in trace.recorded.answers[0].source
    assert trace.recorded.answers[0].by == "loader"


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "name", [each.name for each in BACK_FAULTS if each.guilty and each.name not in UNRECORDED]
)
def test_what_was_put_into_a_loader_is_named(name: str, tmp_path: Path) -> None:
    trace = back_in(BY_NAME[name], tmp_path)
    assert trace.recorded, trace.post_mortem
    origin = trace.recorded.origin
    assert mark_of(BY_NAME[name], origin) == "right", origin


@pytest.mark.long
@pytest.mark.sample(1)
@pytest.mark.parametrize("name", KNOWN)
def test_the_changed_instruction_is_followed_back_to(name: str, tmp_path: Path) -> None:
    (mutant,) = (each for each in cases() if each.name.endswith(name))
    _, origin = back(mutant, tmp_path)
    assert origin
    assert origin.guilty
    assert names(origin, mutant), origin.sentence
    assert f"stage1.asm:{mutant.line}: {mutant.source}" in origin.sentence
    assert origin.guilty in origin.through


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("SP too low at the handoff", "right"),
        ("payload of 15,760,384 without the carry", "nobody"),
    ],
)
@pytest.mark.long
def test_a_boot_that_raises_exceptions_for_ever_has_a_short_tape(
    name: str, mark: str, tmp_path: Path
) -> None:
    """Each exception is on it: of half a minute it would have 120 MB, and be played for minutes."""
    fault = BY_NAME[name]
    keep = tmp_path / "kept"
    keep.mkdir()
    trace = run(structs.replace(fault, options={**fault.options, "timeout_s": 60}), tmp_path,
                keep=keep)  # fmt: skip
    assert trace.recorded, trace.post_mortem
    assert mark_of(fault, trace.recorded.origin) == mark
    assert (keep / RECORDING / TAPE).stat().st_size < 1 << 20


@pytest.mark.long
def test_who_calls_what_only_returns_raises_no_exceptions_by_that(tmp_path: Path) -> None:
    (tmp_path / "returns.asm").write_text(RETURNS)
    disk = tmp_path / "returns.img"
    disk.write_bytes(assemble_flat(tmp_path / "returns.asm").ljust(1 << 20, b"\0"))
    (keep := tmp_path / "kept").mkdir()
    plan = ROUTES["disk"].only_used(BootPlan(route="disk"))
    trace = boot(DiskImage.existing(disk), plan, keep=keep)
    (keep / "trace.json").write_bytes(encode(document(trace, judge(trace))))
    assert trace.ending.kind == "loop"
    recording = recording_beside(keep / "trace.json", trace)
    assert recording, trace.post_mortem
    with Player(recording.reel) as player:
        player.seek(recording.reel.end - 1)
        cpu = Cpu.real(player.stub.registers())
        stack = player.stub.memory(cpu.bases["ss"] + cpu.register("sp"), 4)
        refused = int.from_bytes(stack[2:], "little") * 16 + int.from_bytes(stack[:2], "little")
        assert UD2 in (player.stub.memory(refused, 2), player.stub.memory(cpu.linear, 2))


def test_a_tape_that_grows_on_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootharness.watch.watch.MOST_BYTES", 1 << 12)
    trace, keep = kept("heap flag not set", tmp_path)
    assert trace.recorded is None
    assert trace.post_mortem
    (told,) = (each for each in trace.post_mortem.missing if "its tape has" in each)
    assert re.search(r"its tape has 0 MB after \d s and grows on, and none of more is kept$", told)
    assert not (keep / RECORDING).exists()


@pytest.mark.long
def test_a_byte_that_no_instruction_wrote_is_told_as_that(tmp_path: Path) -> None:
    trace, _ = kept("payload of 15,735,824 without the carry", tmp_path)
    assert trace.recorded
    (told,) = trace.recorded.answers
    assert told.by == "device"
    assert re.fullmatch(
        r"byte 7 of the destination descriptor of block move 242 \(0x007d\w\w, 0x00\) was last "
        r"written by the BIOS reading the boot sector to 0x007c00; no instruction of the loader "
        r"ever wrote it",
        told.sentence,
    )


@pytest.mark.long
def test_qemu_10_of_another_release_goes_back_too(tmp_path: Path) -> None:
    try:
        qemu = qemu_of("trixie")
    except CouldNotFindOut as error:
        pytest.skip(str(error))
    plan = BootPlan(until="setup", timeout_s=600, machine=MachineConfig(qemu=qemu))
    kernel = KernelImage.read(selfcheck_kernel(17_000_000))
    trace = boot_through(without_carry(Loader.stage1()), kernel, plan, keep=tmp_path)
    assert trace.machine
    assert trace.machine.qemu_version.startswith("10.")
    assert trace.recorded, trace.post_mortem
    (told,) = trace.recorded.answers
    assert told.by == "device"
    assert told.sentence.endswith("no instruction of the loader ever wrote it")


def test_a_recording_is_played_the_same_again_and_again(misplaced: tuple[BootTrace, Path]) -> None:
    trace, keep = misplaced
    recording = recording_beside(keep / "trace.json", trace)
    assert recording
    log = (keep / RECORDING / LOG).read_bytes()
    for _ in range(2):
        with Player(recording.reel) as player:
            player.play()
            assert player.position == recording.reel.end
            counted = Counted(player, recording.records)
            counted.count()
            assert counted.heard == log


def test_a_guest_that_switches_itself_off_is_played_to_there(tmp_path: Path) -> None:
    """QEMU lets it go on for a while, and when it plays it for another while."""
    trace, keep = kept("ACPI power-off", tmp_path)
    recording = recording_beside(keep / "trace.json", trace)
    assert recording
    with Player(recording.reel) as player:
        player.seek(recording.reel.end - 1)
        assert player.stub.memory(player.cpu().linear, 1) == OUT_DX_AX
        player.set_break(recording.reel.end + MUCH)
        player.stub.go(PATIENCE_S)
        assert player.off
        assert not player.go()
        player.seek(1000)
        assert player.position == 1000
        assert not player.off


@pytest.mark.long
def test_a_qemu_that_stands_still_on_its_way_back_is_replaced(
    misplaced: tuple[BootTrace, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    trace, keep = misplaced
    recording = recording_beside(keep / "trace.json", trace)
    assert recording
    with Player(recording.reel) as player:
        player.seek(recording.reel.end - 1)
        player.stub.stop_at(ORIGIN)
        hung = player.machine.qemu.pid
        monkeypatch.setattr(player.machine, "wait", lambda *_: os.kill(hung, signal.SIGSTOP))
        player.seek(1000)
        assert player.position == 1000
        assert player.machine.qemu.pid != hung
        assert not Path(f"/proc/{hung}").exists()
        player.go()
        assert player.cpu().linear == ORIGIN


def test_a_position_is_found_by_move_and_by_call(misplaced: tuple[BootTrace, Path]) -> None:
    trace, keep = misplaced
    calls = [number for number, call in enumerate(trace.bios_calls) if call.table]
    by_move = answer(keep / "trace.json", "auto", "move", "2")["position"]
    assert by_move == answer(keep / "trace.json", "auto", "call", str(calls[2]))["position"]
    where = answer(keep / "trace.json", "auto", "when", str(by_move))["sentence"]
    assert where.startswith(f"instruction {by_move:,} of ")
    with pytest.raises(UsageError, match="block moves, the first is 0"):
        answer(keep / "trace.json", "auto", "move", "1000")


def instruction(said: str) -> int:
    """Return the position that `when` has told."""
    found = re.search(r"instruction ([\d,]+) of", said)
    assert found, said
    return int(found[1].replace(",", ""))


def go_back(terminal: Terminal, trace: BootTrace, version: str = "") -> None:
    """Walk backwards and forwards through a recording, as a person would, in some gdb."""
    said = _back_from_move_2(terminal, trace, version)
    assert said.count("SIG") == 1  # for the watchpoint, which QEMU does not tell of
    said += _from_one_end_to_the_other(terminal, trace)
    assert "Traceback" not in said
    assert "Python" not in said
    terminal.leave()


def _back_from_move_2(terminal: Terminal, trace: BootTrace, version: str) -> str:
    """Return all that gdb says while a wrong byte is looked for in every way."""
    said = [terminal.prompt()]
    assert "last-write" in said[0]

    def ask(command: str) -> str:
        said.append(terminal.ask(command))
        return said[-1]

    assert version in ask("show version").partition("\n")[0]
    told = re.sub(r"\s+", " ", ask("first-wrong"))
    assert "comes from `mov byte ptr [si + 0x1c], 0x10`" in told
    assert "DESTINATION + 4], 0x10" in told
    guilty = instruction(ask("when"))
    ask("back-to move 2")
    told = ask("last-write gdt.destination+4")
    assert "was last written by the loader" in told
    assert "mov byte [si + DESTINATION + 4], 0x10" in re.sub(r"\s+", " ", told)
    assert max(map(len, told.splitlines())) <= WIDTH
    ask("back-to move 2")
    assert re.search(r"^> +2 ", ask("moves"), re.MULTILINE)
    first = instruction(ask("when"))
    assert "int     0x15" not in ask("reverse-stepi")
    assert instruction(ask("when")) == first - 1
    ask("delete")
    table = next(call.registers_in for call in trace.bios_calls if call.table)
    byte = table.es * 16 + (table.esi & 0xFFFF) + 0x18 + 4
    ask(f"watch *(unsigned char *){byte:#x}")
    assert "A watchpoint: the instruction before" in ask("reverse-continue")
    assert instruction(ask("when")) == guilty + 1
    assert "A watchpoint" not in ask("reverse-stepi")
    ask("delete")
    ask("hbreak block_move")
    ask("back-to move 2")
    assert re.search(r"Breakpoint \d+, block_move \(\)", ask("reverse-continue"))
    assert instruction(ask("when")) < first - 1
    assert re.search(r"^> +1 .*\Z", ask("moves").strip("\r\n"), re.MULTILINE)
    ask("until-move 0")
    ask("until-move 1")
    assert re.search(r"^> +1 .*\Z", ask("moves").strip("\r\n"), re.MULTILINE)
    return "".join(said)


def _from_one_end_to_the_other(terminal: Terminal, trace: BootTrace) -> str:
    """Return all that gdb says at the ends of a recording."""
    said = []

    def ask(command: str) -> str:
        said.append(terminal.ask(command))
        return said[-1]

    first = instruction(ask("when"))
    assert f"made {len(trace.block_moves)} block moves" in ask("back-to move 1000")
    ask("back-to stage1")
    assert re.search(r"before any call|behind call \d+", ask("when"))
    ask("delete")
    assert "The recording ends here" in ask("continue")
    assert "The recording ends here" in ask("continue")
    end = instruction(ask("when"))
    ask("reverse-stepi")
    assert instruction(ask("when")) == end - 1
    assert "The recording begins here" in ask("reverse-continue")  # at no call of the loader's
    assert "The recording begins here" in ask("reverse-stepi")
    assert "last position is" in ask(f"back-to {end + 1}")
    assert instruction(ask(f"back-to {first:,}") + ask("when")) == first
    return "".join(said)


@pytest.mark.long
def test_a_person_goes_back_in_gdb(misplaced: tuple[BootTrace, Path], tmp_path: Path) -> None:
    trace, keep = misplaced
    go_back(Terminal(*COMMAND, "debug", str(keep), cwd=tmp_path), trace)


@pytest.mark.long
def test_a_disk_that_was_named_from_a_folder_is_found_from_gdb(tmp_path: Path) -> None:
    """gdb runs in a folder of its own."""
    sector = bytes.fromhex("faf4").ljust(510, b"\0") + b"\x55\xaa"  # cli; hlt
    (tmp_path / "halts.img").write_bytes(sector.ljust(1 << 20, b"\0"))
    booting = ("boot", "--disk", "halts.img", "--keep", "kept", "--record")
    done = subprocess.run(
        [*COMMAND, *booting], cwd=tmp_path, env=environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert "recorded, and played once, the same" in done.stdout, done
    terminal = Terminal(*COMMAND, "debug", "kept", cwd=tmp_path)
    terminal.prompt()
    assert instruction(terminal.ask("when"))
    terminal.leave()


@pytest.mark.long
@pytest.mark.parametrize("qemu_too", [False, True], ids=["gdb", "gdb and QEMU"])
def test_gdb_16_of_another_release_goes_back_too(
    misplaced: tuple[BootTrace, Path], qemu_too: bool, tmp_path: Path
) -> None:
    try:
        folder = Path(gdb_of("trixie")).parent
        qemu = qemu_of("trixie") if qemu_too else ""
    except CouldNotFindOut as error:
        pytest.skip(str(error))
    (trace, keep), words = misplaced, []
    if qemu:
        trace, keep = kept("no carry out of bit 15", tmp_path, qemu=qemu)
        words = ["--qemu", qemu]
    path = f"{folder}:{os.environ['PATH']}"
    terminal = Terminal(*COMMAND, "debug", str(keep), *words, cwd=tmp_path, PATH=path)
    go_back(terminal, trace, version=" 16.")


@pytest.mark.long
def test_a_qemu_that_stands_still_on_its_way_back_is_told(
    misplaced: tuple[BootTrace, Path], tmp_path: Path
) -> None:
    _, keep = misplaced
    temporary = tmp_path / "t"
    temporary.mkdir()
    terminal = Terminal(*COMMAND, "debug", str(keep), cwd=tmp_path, TMPDIR=str(temporary))
    terminal.prompt()
    terminal.ask("back-to move 2")
    here = instruction(terminal.ask("when"))
    (qemu,) = (
        each for each in processes_with(str(temporary)) if re.match(r"\d+ \S*qemu-system-", each)
    )
    os.kill(int(qemu.split()[0]), signal.SIGSTOP)
    told = terminal.ask("reverse-continue")
    assert "QEMU no longer answers: on its way back it waits for ever" in told
    assert f"bootharness debug {keep}/trace.json --at {here}" in told
    assert "The machine is gone" in terminal.ask("reverse-stepi")
    assert "The machine is gone" in terminal.ask("last-write gdt")
    terminal.leave()
    eventually(lambda: processes_with(str(temporary)))
    eventually(temporary.iterdir)


@pytest.mark.long
def test_a_timelines_positions_are_where_the_debugger_stops(
    misplaced: tuple[BootTrace, Path], tmp_path: Path
) -> None:
    trace, keep = misplaced
    page = tmp_path / "boot.html"
    done = command("timeline", str(keep), "--html", str(page))
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    data = re.search(r'id="data">(.*?)</script>', page.read_text())
    assert data
    drawn = dict(json.loads(data[1])["lanes"])
    moves = drawn["block moves"]
    assert len(moves) == len(trace.block_moves)
    by_word = answer(keep / "trace.json", "auto", "move", "1")["position"]
    assert moves[1][4] == str(by_word)
    assert any("comes from" in event[2] for event in drawn["going back"])
    terminal = Terminal(*COMMAND, "debug", str(keep), "--at", moves[1][4], cwd=tmp_path)
    terminal.prompt()
    assert re.search(r"^> +1 ", terminal.ask("moves"), re.MULTILINE)
    terminal.leave()
    done = command("debug", str(keep), "--forwards", "--at", moves[1][4])
    assert done.returncode == 129
    assert "only a boot that was recorded has this place" in done.stderr


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("call:99999", "BIOS calls, the first is 0"),
        ("call:x", "did you mean call:N"),
        ("move:99999", "block moves, the first is 0"),
        ("999,999,999,999", "the recording's last position is"),
        ("0x12", "The recording ends before 0x000012"),
    ],
)
def test_a_place_that_a_recording_does_not_have_is_wrong_usage(
    misplaced: tuple[BootTrace, Path], place: str, said: str
) -> None:
    done = command("debug", str(misplaced[1]), "--at", place)
    assert done.returncode == 129, done.stdout
    assert f"--at {place}: " in done.stderr
    assert said in done.stderr
    assert "Error in sourced" not in done.stdout + done.stderr


def test_who_wrote_where_no_memory_is_is_not_told(misplaced: tuple[BootTrace, Path]) -> None:
    keep = misplaced[1]
    with pytest.raises(UsageError, match="nowhere: that machine has no memory there"):
        answer(keep / "trace.json", "auto", "last-write", str(0xFFFFFFFFFFF), "1000", "nowhere")


def damaged(path: Path, how: str) -> None:
    """Do to a file what happens to files, and what a stranger may do to one."""
    content = bytearray(path.read_bytes())
    if how == "changed":
        content[len(content) // 2] ^= 1
    elif how == "cut":
        del content[len(content) // 2 :]
    path.unlink()
    if how == "a link to nothing":
        path.symlink_to("nowhere")
    elif how == "a link to something":
        path.symlink_to("/etc/passwd")
    elif how == "a folder":
        path.mkdir()
    elif how == "a pipe":
        os.mkfifo(path)
    elif how != "missing":
        path.write_bytes(bytes(content[: 0 if how == "empty" else None]))
        if how == "huge":
            os.truncate(path, 1 << 40)


def refused(keep: Path) -> str:
    """Return the sentence with which a recording is refused."""
    done = command("debug", str(keep))
    assert done.returncode == 129, done.stderr
    assert not done.stdout
    assert done.stderr.startswith("bootharness: ")
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("; --forwards debugs the boot without its recording\n")
    return done.stderr


HOW = (
    "changed", "cut", "missing", "empty", "huge", "a link to nothing", "a link to something",
    "a folder", "a pipe",
)  # fmt: skip


@pytest.mark.sample(6)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", [MANIFEST, TAPE, OVERLAY, ROM, LOG])
def test_a_damaged_recording_is_one_sentence(
    misplaced: tuple[BootTrace, Path], name: str, how: str, tmp_path: Path
) -> None:
    keep = tmp_path / "kept"
    shutil.copytree(misplaced[1], keep)
    damaged(keep / RECORDING / name, how)
    assert f"{keep}/recording" in refused(keep)


def test_a_recording_of_another_disk_build_or_version_is_one_sentence(
    misplaced: tuple[BootTrace, Path], tmp_path: Path
) -> None:
    keep = tmp_path / "kept"
    shutil.copytree(misplaced[1], keep)
    manifest = keep / RECORDING / MANIFEST
    whole, text = manifest.read_text(), (keep / "trace.json").read_text()
    other = structs.replace(Recording.read(manifest.parent), build="0" * 64)
    other.sealed().write(manifest.parent)
    assert "it was recorded by another build of QEMU" in refused(keep)
    manifest.write_text(whole.replace('"version": 5', '"version": 7'))
    assert "version: 7, and this bootharness knows 5" in refused(keep)
    manifest.write_text(whole)
    trace = read_trace(text.encode())
    assert trace.disk
    disk = next(keep.glob("*.img"))
    (keep / "trace.json").write_text(text.replace(trace.disk.path, str(disk)))
    disk.write_bytes(disk.read_bytes()[:-512] + bytes(511) + b"x")
    assert "the disk image is not here as it was recorded" in refused(keep)


FLAKY = """
        xor     ax, ax
        out     0x70, al
        in      al, 0x71                ; the clock's seconds, in BCD
        and     al, 0x0f
        cmp     al, 7                   ; one time in ten
        je      boot_failed
"""


@pytest.mark.long
def test_a_boot_that_fails_by_chance_is_caught_and_fails_each_time(tmp_path: Path) -> None:
    source = shipped("mbr/stage1.asm").read_text()
    source = re.sub(r" +cmp +word \[fs:version\].*\n +jb +error\n", "", source)
    (tmp_path / "flaky.asm").write_text(
        source.replace("\ncheck_header:", f"\ncheck_header:{FLAKY}", 1)
    )
    keep = tmp_path / "kept"
    keep.mkdir()
    plan = BootPlan(loader=str(tmp_path / "flaky.asm"), until="setup", machine=MachineConfig())
    trace = boot(fetch("selfcheck:100000"), plan, keep=keep, catch=60)
    assert judge(trace).cause == "kernel-rejected"
    assert trace.recorded
    (keep / "trace.json").write_bytes(encode(document(trace, judge(trace))))
    recording = recording_beside(keep / "trace.json", trace)
    assert recording
    for _ in range(20):
        with Player(recording.reel) as player:
            player.play()
            assert player.position == recording.reel.end
            counted = Counted(player, recording.records)
            counted.count()
            assert counted.heard == (keep / RECORDING / LOG).read_bytes()


def test_what_cannot_be_recorded_is_refused(tmp_path: Path) -> None:
    done = command("boot", "selfcheck:100000", "--catch", "2")
    assert done.returncode == 129
    assert "--keep" in done.stderr
    done = command("boot", "selfcheck:100000", "--route", "direct", "--catch", "2", "--keep",
                   str(tmp_path / "kept"))  # fmt: skip
    assert done.returncode == 129
    assert "there is no disk to keep it on" in done.stderr


def test_an_overlay_is_whole_to_qemu(tmp_path: Path) -> None:
    for size in (512, 1000, 1 << 20, 3 << 30):
        path = tmp_path / f"{size}.qcow2"
        path.write_bytes(empty_overlay(size))
        done = subprocess.run(["qemu-img", "check", path], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
