"""Boots of a disk by a UEFI on tape: played they are the same, and can be gone back in."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bootharness.debug.backwards import answer
from bootharness.debug.recorded import recording_beside
from bootharness.diagnosis import judge
from bootharness.errors import UsageError
from bootharness.machine.taped_uefi import VARIABLES_FILE
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.recording.manifest import CALLS, LOG, MANIFEST, RECORDING
from bootharness.recording.player import Player
from bootharness.report.document import document, encode
from bootharness.trace.boot_trace import BootTrace
from tests.boot.test_debug import Terminal
from tests.support.processes import COMMAND
from tests.support.processes import run as command
from tests.support.uefi_programs import FALLBACK, disk, program

WHERE, WHAT = 0x7C00, 0x42
STORES = bytes.fromhex("c60425007c000042") + bytes.fromhex("31c0c3")
"""mov byte [0x7c00], 0x42; xor eax, eax; ret"""
PATIENCE_S = 300


@pytest.fixture(scope="module")
def gave_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[BootTrace, Path]:
    """A boot file that writes a byte and comes back, recorded."""
    folder = tmp_path_factory.mktemp("gave-up")
    keep = folder / "kept"
    keep.mkdir()
    image = disk(folder, {FALLBACK: program(STORES)})
    plan = choose(BootPlan(), {"route": "uefi-disk", "timeout_s": 300.0})
    trace = boot(str(image), plan, keep=keep, catch=1)
    if trace.ending.cause == "tool-missing":
        pytest.skip(trace.ending.detail)
    (keep / "trace.json").write_bytes(encode(document(trace, judge(trace))))
    return trace, keep


def number_of(trace: BootTrace, is_it: Callable[..., bool]) -> int:
    """Return the number of the first call of which something is so."""
    return next(number for number, call in enumerate(trace.uefi_calls) if is_it(call))


@pytest.mark.long
def test_a_bad_boot_by_a_uefi_is_recorded_and_played_the_same(
    gave_up: tuple[BootTrace, Path],
) -> None:
    trace, keep = gave_up
    assert judge(trace).cause == "efi-gave-up"
    assert trace.recorded, trace.post_mortem
    kept = recording_beside(keep / "trace.json", trace)
    assert kept
    assert len(kept.called_at) == len(kept.trace.uefi_calls) == len(trace.uefi_calls)
    with Player(kept.reel) as player:
        player.play()
        assert player.position == kept.reel.end == trace.recorded.instructions
        assert player.recorded() == (keep / RECORDING / LOG).read_bytes()


@pytest.mark.long
def test_a_call_is_told_where_its_position_is(gave_up: tuple[BootTrace, Path]) -> None:
    trace, keep = gave_up
    started = number_of(trace, lambda call: FALLBACK.rpartition("/")[2] in call.path.upper())
    there = answer(keep / "trace.json", "auto", "call", str(started))["position"]
    said = answer(keep / "trace.json", "auto", "when", str(there))["sentence"]
    assert said.startswith(f"instruction {there:,} of ")
    assert f"behind call {started}, {trace.uefi_calls[started].service} " in said
    before = answer(keep / "trace.json", "auto", "when", str(there - 1))["sentence"]
    assert f"behind call {started - 1}, " in before
    first = answer(keep / "trace.json", "auto", "when", "1")["sentence"]
    assert first.endswith("before any call")


@pytest.mark.long
def test_the_instruction_is_named_that_wrote_a_byte_last(gave_up: tuple[BootTrace, Path]) -> None:
    trace, keep = gave_up
    assert trace.recorded
    end = trace.recorded.instructions - 1
    told = answer(keep / "trace.json", "auto", "last-write", str(WHERE), str(end), "a byte")
    assert told["sentence"] == (
        f"a byte ({WHERE:#08x}, {WHAT:#04x}) was last written by "
        f"\\EFI\\BOOT\\BOOTX64.EFI+0x1000, `mov byte ptr [{WHERE:#x}], {WHAT:#x}`"
    )
    kept = recording_beside(keep / "trace.json", trace)
    assert kept
    with Player(kept.reel) as player:
        player.seek(told["position"])
        assert player.stub.memory(player.cpu().linear, len(STORES)) == STORES
        player.seek(told["position"] + 1)
        assert player.stub.memory(WHERE, 1) == bytes([WHAT])


@pytest.mark.long
def test_gdb_goes_back_in_it(gave_up: tuple[BootTrace, Path], tmp_path: Path) -> None:
    trace, keep = gave_up
    image = "image:bootx64.efi"
    gdb = Terminal(*COMMAND, "debug", str(keep), "--at", image, cwd=tmp_path)
    gdb.child.timeout = PATIENCE_S
    assert "by a UEFI" in gdb.prompt()
    at = number_of(trace, lambda call: call.service == "StartImage")
    said = gdb.ask("when")
    assert f"behind call {at}, StartImage \\EFI\\BOOT\\BOOTX64.EFI" in re.sub(r"\s+", " ", said)
    position = gdb.ask("calls 1").split()[1]
    assert f"{position} of" in said
    gdb.ask("reverse-stepi")
    assert f"behind call {at - 1}, " in re.sub(r"\s+", " ", gdb.ask("when"))
    gdb.ask("back-to image bootx64.efi")
    assert f"instruction {position} of" in gdb.ask("when")
    assert "makes no BIOS calls" in re.sub(r"\s+", " ", gdb.ask("back-to move 1"))
    assert "makes no BIOS calls" in re.sub(r"\s+", " ", gdb.ask("first-wrong"))
    gdb.leave()


@pytest.mark.long
def test_a_timeline_has_the_positions_of_its_calls(
    gave_up: tuple[BootTrace, Path], tmp_path: Path
) -> None:
    trace, keep = gave_up
    done = command("timeline", str(keep), "--html", str(tmp_path / "boot.html"))
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    data = re.search(r'id="data">(.*?)</script>', (tmp_path / "boot.html").read_text())
    assert data
    images = dict(json.loads(data[1])["lanes"])["UEFI: images"]
    started = number_of(trace, lambda call: call.service == "StartImage")
    there = answer(keep / "trace.json", "auto", "call", str(started))["position"]
    assert str(there) in [event[4] for event in images]


@pytest.mark.long
@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("call:100000", "calls, the first is 0"),
        ("999,999,999,999", "the recording's last position is"),
        ("stage1", "in a UEFI's recording it is call:N, POSITION, image:NAME"),
        ("image:vmlinuz", "that boot started no such image; it started \\EFI\\BOOT\\BOOTX64.EFI"),
        ("exit-boot-services", "that boot did not end the boot services"),
    ],
)
def test_a_place_that_it_does_not_have_is_wrong_usage(
    gave_up: tuple[BootTrace, Path], place: str, words: str
) -> None:
    done = command("debug", str(gave_up[1]), "--at", place)
    assert done.returncode == 129, done.stdout
    assert f"--at {place}: " in done.stderr
    assert words in done.stderr


@pytest.mark.long
@pytest.mark.parametrize("name", [MANIFEST, VARIABLES_FILE, CALLS])
def test_a_damaged_one_is_one_sentence(
    gave_up: tuple[BootTrace, Path], name: str, tmp_path: Path
) -> None:
    trace, keep = gave_up
    shutil.copytree(keep / RECORDING, tmp_path / RECORDING)
    content = bytearray((tmp_path / RECORDING / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / RECORDING / name).write_bytes(content)
    with pytest.raises(UsageError, match=f"{name}: "):
        recording_beside(tmp_path / "trace.json", trace)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--route", "uefi-grub", "--firmware", "uefi-secure"), "(SMM) cannot be recorded"),
        (("--route", "uefi-grub", "--disk-fault", "error:lba=20000"), "a faulty disk"),
    ],
)
def test_what_is_not_played_is_refused(
    options: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    kernel = "deb:linux-image-cloud-amd64/bookworm"
    done = command("boot", kernel, *options, "--catch", "2", "--keep", str(tmp_path / "kept"))
    assert done.returncode == 129, done.stdout
    assert "cannot be recorded" in done.stderr
    assert words in done.stderr
