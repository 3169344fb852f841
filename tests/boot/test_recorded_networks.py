"""Boots from a network on tape: played without a network they are the same, and can be gone back
in."""

from pathlib import Path

import pytest

from bootharness.debug.backwards import answer
from bootharness.debug.recorded import recording_beside
from bootharness.diagnosis import judge
from bootharness.errors import MachineLost, UsageError
from bootharness.formats.loading import SETUP_AT
from bootharness.machine.tape import TAPE, TapeEnd
from bootharness.one_boot import boot
from bootharness.plan import BootPlan, choose
from bootharness.recording.manifest import LOG, OVERLAY, ROM, Anchor, Recording
from bootharness.recording.player import Player
from bootharness.recording.proof import prove
from bootharness.report.document import document, encode
from bootharness.trace.boot_trace import BootTrace
from bootharness.watch import recorded
from tests.boot.test_debug import Terminal
from tests.support.processes import COMMAND
from tests.support.processes import run as command

KERNEL = "selfcheck:300000"


def kept(folder: Path, *faults: str, path: str = "ipxe", **more: object) -> tuple[BootTrace, Path]:
    """Boot from a network, recorded, and keep it with its trace."""
    plan = choose(
        BootPlan(),
        {"route": path, "until": "setup", "timeout_s": 120.0, "faults": faults, **more},
    )
    keep = folder / "kept"
    keep.mkdir()
    trace = boot(KERNEL, plan, keep=keep, record=True)
    if trace.ending.cause == "tool-missing":
        pytest.skip(trace.ending.detail)
    (keep / "trace.json").write_bytes(encode(document(trace, judge(trace))))
    return trace, keep


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[BootTrace, Path]:
    return kept(tmp_path_factory.mktemp("good"))


@pytest.mark.long
def test_what_came_over_the_wire_is_played_without_one(good: tuple[BootTrace, Path]) -> None:
    trace, keep = good
    assert trace.recorded, trace.post_mortem
    assert trace.handoff
    told = answer(keep / "trace.json", "auto", "handoff")
    assert 0 < told["position"] < trace.recorded.instructions
    recording = recording_beside(keep / "trace.json", trace)
    assert recording
    with Player(recording.reel) as player:
        player.seek(told["position"])
        assert trace.handoff.real_mode_address
        content = player.stub.memory(trace.handoff.real_mode_address + SETUP_AT, 2)
        # the header of setup code begins with a jump over it
        assert content[0] == 0xEB


@pytest.mark.long
def test_a_call_is_found_though_the_cpu_was_halted_on_the_way(good: tuple[BootTrace, Path]) -> None:
    trace, keep = good
    # iPXE has hooked what is asked for memory, and makes a far call of it
    number = max(at for at, call in enumerate(trace.bios_calls) if call.number == 0x15)
    there = answer(keep / "trace.json", "auto", "call", str(number))["position"]
    words = answer(keep / "trace.json", "auto", "when", str(there + 1000))["sentence"]
    assert "call " in words


@pytest.mark.long
def test_a_place_is_the_same_whatever_it_was_gone_to_from(good: tuple[BootTrace, Path]) -> None:
    trace, keep = good
    recording = recording_beside(keep / "trace.json", trace)
    assert recording
    with Player(recording.reel) as player:
        last = recording.reel.end - 1
        player.seek(last)
        registers = player.registers()
        # frames are coming, and wait for room
        player.seek(last - 1_000_000)
        player.seek(last)
        assert player.registers() == registers


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize("path", ["undionly", "ipxe-http", "lpxelinux"])
def test_every_path_by_a_bios_is_recorded(path: str, tmp_path: Path) -> None:
    trace, _ = kept(tmp_path, path=path)
    assert trace.recorded, trace.post_mortem


@pytest.mark.long
def test_a_bad_one_is_caught_and_bad_for_the_same_cause(tmp_path: Path) -> None:
    fault, keep = ("--net-fault", "missing:file=vmlinuz"), str(tmp_path / "kept")
    done = command(
        "boot",
        KERNEL,
        "--route",
        "ipxe",
        "--until",
        "setup",
        *fault,
        "--catch",
        "2",
        "--keep",
        keep,
    )
    assert done.returncode == 1, done.stderr
    assert "tftp-not-found" in done.stdout
    assert "to go back in it: bootharness debug" in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("how", [{"record": True}, {"catch": 1}])
def test_one_that_is_not_played_is_recorded_again(
    how: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Player] = []

    def lost_once(player: Player, log: bytes, end: TapeEnd) -> Anchor | None:
        tried.append(player)
        if len(tried) == 1:
            raise MachineLost("QEMU's GDB stub does not answer in time")
        return prove(player, log, end)

    monkeypatch.setattr(recorded, "prove", lost_once)
    plan = choose(
        BootPlan(),
        {
            "route": "ipxe",
            "until": "setup",
            "timeout_s": 120.0,
            "faults": ("missing:file=vmlinuz",),
        },
    )
    trace = boot(KERNEL, plan, keep=tmp_path, **how)
    assert judge(trace).cause == "tftp-not-found"
    assert len(tried) > 1
    assert trace.recorded, trace.missing


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--route", "ipxe", "--nic", "e1000"), "--nic virtio it does"),
        (("--route", "ipxe", "--and-nic", "virtio"), "several network cards"),
    ],
)
def test_what_would_be_played_otherwise_is_refused(
    options: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    done = command("boot", KERNEL, *options, "--catch", "2", "--keep", str(tmp_path / "kept"))
    assert done.returncode == 129, done.stdout
    assert "cannot be recorded" in done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nic": "../../x"}, "nic: ../../x is none of virtio"),
        ({"mac": "1,romfile=/etc/passwd"}, "mac: no address of a network card"),
        ({"nic": None, "mac": None}, "it is of no disk and of no network"),
    ],
)
def test_a_card_that_is_none_is_not_played(
    changes: dict[str, object], words: str, tmp_path: Path
) -> None:
    for name in (TAPE, OVERLAY, ROM, LOG):
        (tmp_path / name).write_bytes(bytes(64))
    known = {
        "qemu": "qemu-system-i386", "qemu_version": "7.2.22", "build": "0" * 64, "interface": None,
        "disk_sha256": None, "nic": "virtio", "mac": "52:54:00:12:34:01", "end": 1000,
        "seconds": 0.5, "anchor": None,
    }  # fmt: skip
    Recording.of(tmp_path, **{**known, **changes}).write(tmp_path)
    with pytest.raises(UsageError, match=words):
        Recording.read(tmp_path)


@pytest.mark.long
def test_gdb_goes_back_in_it(good: tuple[BootTrace, Path], tmp_path: Path) -> None:
    gdb = Terminal(*COMMAND, "debug", str(good[1]), cwd=tmp_path)
    gdb.prompt()
    assert "instruction " in gdb.ask("when")
    gdb.ask("reverse-stepi")
    assert "int" in gdb.ask("back-to call 3")
    gdb.leave()
