"""A boot on tape: had again as it was, or until it is bad, and kept so that it can be gone back in.

A recording is kept only where it was played once and was the same boot.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.errors import CouldNotFindOut, MachineLost, QemuCrashed, UsageError
from bootharness.formats.qcow2 import empty_overlay
from bootharness.host.deadline import Deadline
from bootharness.host.workspace import Workspace
from bootharness.machine.build import build_of
from bootharness.machine.qemu import Qemu
from bootharness.machine.tape import TAPE, Tape, TapeEnd
from bootharness.machine.taped_card import TapedCard
from bootharness.machine.taped_uefi import TapedUefi, write_variables
from bootharness.plan import BootPlan, MachineConfig
from bootharness.recording.answers import answers
from bootharness.recording.manifest import CALLS, LOG, OVERLAY, RECORDING, ROM, Recording
from bootharness.recording.player import Player, Reel, Source
from bootharness.recording.proof import prove
from bootharness.recording.questions import questions
from bootharness.recording.uefi_calls import called_at
from bootharness.routes.medium import Medium
from bootharness.routes.net_image import Card
from bootharness.trace.backwards import Recorded
from bootharness.trace.boot_trace import BootTrace
from bootharness.watch.known_end import KnownEnd
from bootharness.watch.see import see

__all__ = ["caught", "why_not_recorded", "with_recording"]

# QEMU that counts instructions is slower, and so is a host that others keep busy
_SLOWER, _AT_LEAST_S = 10, 30
_LEAST_S = 1.0
_SNAPSHOTS = 1 << 20
"""Of an image that no guest has, in bytes."""
# what comes over a network may still be played otherwise: QEMU tells nobody when a frame waited
_TAPES = 3
_NONE = "there is no recording to go back in"
_NO_TIME = "the time limit is over before one is made; `--record` takes longer"
_OF_THE_HOST = ("-netdev", "-fsdev", "vhost-user")
_TYPED = "a boot that is typed to cannot be recorded: what comes on the serial line is not kept"
_NO_BOOT = ("skipped", "foreseen")
_PLAYED_CARDS = ("virtio", "virtio-1")
"""QEMU 7.2 plays an e1000 otherwise than it was."""

Anew = Callable[[], AbstractContextManager[Medium]]
"""Prepares a medium once more: a network is used up by a boot."""


class _NotPlayed(MachineLost):
    """QEMU does not play what it has recorded."""


class _Taped(Struct, frozen=True):
    """A boot that was recorded: its trace, and the recording's files."""

    trace: BootTrace
    end: TapeEnd
    folder: Path


def why_not_recorded(medium: Medium, plan: BootPlan) -> str | None:
    """Return in words why a boot cannot be recorded, None where it can be."""
    if medium.wire and medium.device.firmware == "uefi":
        return "a boot from a network by a UEFI cannot be recorded: it was not tried to play one"
    if medium.flash and medium.flash.smm:
        return (
            "a boot by a UEFI that keeps its memory from the system (SMM) cannot be recorded: one "
            "was played the same, and did not come back in minutes to a place far behind"
        )
    if medium.wire:
        return _why_no_network(medium.wire.card, plan)
    if medium.disk is None:
        return (
            "a kernel that QEMU loads by itself cannot be recorded: there is no disk to keep it on"
        )
    if medium.faulty:
        return "a boot from a faulty disk cannot be recorded: its faults come from outside of QEMU"
    if medium.disk.others:
        return "a boot from several disks cannot be recorded: one is kept"
    if any(word.startswith(_OF_THE_HOST) for word in medium.device.words):
        return (
            "a boot with folders or ports of this computer cannot be recorded: what they bring "
            "comes from outside of QEMU"
        )
    if plan.send:
        return _TYPED
    return None


def _why_no_network(card: Card, plan: BootPlan) -> str | None:
    if card.nic not in _PLAYED_CARDS:
        return (
            f"a boot by the network card {card.nic} cannot be recorded: QEMU does not play it as "
            "it was, and --nic virtio it does"
        )
    if isinstance(card.rom, Path):
        return "a boot by a network card's ROM of your own cannot be recorded: it is not kept"
    if card.others or plan.guest.networked:
        return "a boot with several network cards cannot be recorded: one is played"
    if plan.send:
        return _TYPED
    return None


def with_recording(
    trace: BootTrace,
    medium: Medium,
    plan: BootPlan,
    config: MachineConfig,
    keep: Path,
    anew: Anew,
    *,
    asked: bool = False,
) -> BootTrace:
    """Return the trace of a boot that is kept with what its recording tells, put beside it.

    By itself that is done for a bad boot from a disk in which no kernel was heard, in what it has
    left of its time limit; ``asked`` for any, and for as long as it takes. Where it cannot be, or
    takes another course, a sentence in ``missing`` says so.
    """
    judged = judge(trace)
    before_a_kernel = not trace.reached("banner") or questions(trace, judged.cause or "")
    # of what comes from a network the wire tells why it fails, and clients wait for long; and the
    # tape of a UEFI is long, and of what is on it nothing is asked by itself
    by_itself = not (medium.wire or medium.flash)
    wanted = judged.verdict is Verdict.BAD and before_a_kernel and by_itself
    if trace.ending.kind in _NO_BOOT or not (asked or wanted):
        return trace
    if why := why_not_recorded(medium, plan):
        return trace.with_missing(f"it is not recorded: {why}") if asked else trace
    limit = min(plan.timeout_s, _AT_LEAST_S + _SLOWER * trace.ending.seconds)
    until = None
    if not asked:
        until = Deadline.after(plan.timeout_s - trace.ending.seconds)
        limit = min(limit, until.remaining)
    try:
        if limit < _LEAST_S:
            raise MachineLost(_NO_TIME)
        plan = replace(plan, timeout_s=limit)
        for _ in range(_TAPES - 1 if asked else 0):
            with suppress(_NotPlayed):
                return _again(trace, medium, plan, config, keep, anew, until)
        return _again(trace, medium, plan, config, keep, anew, until)
    except CouldNotFindOut as error:
        late = until is not None and until.expired
        told = _NO_TIME if late else str(error)
        return trace.with_missing(f"{_NONE}: {told}")


def _again(
    trace: BootTrace,
    medium: Medium,
    plan: BootPlan,
    config: MachineConfig,
    keep: Path,
    anew: Anew,
    until: Deadline | None,
) -> BootTrace:
    """Have a boot again, on tape, and keep that where it is the same boot.

    Where QEMU dies of it under the recorder's breakpoints, its own are set in their place.
    """
    judged, known = judge(trace), KnownEnd.of(trace)
    of_bios_calls = medium.disk is not None and not medium.flash
    if known and not (of_bios_calls and medium.wire is None):
        known = replace(known, raises=False)

    def by(entries: tuple[int, ...] | None) -> BootTrace:
        with (
            anew() as again,
            _taped(trace.source, again, plan, config, entries, known) as taped,
        ):
            now = judge(taped.trace)
            if (judged.verdict, judged.cause) != (now.verdict, now.cause):
                other = now.cause or "good"
                raise MachineLost(f"a second boot, to record it, went otherwise ({other})")
            return _kept(trace, taped, medium, config, keep, until)

    try:
        return by(None)
    except QemuCrashed:
        if not of_bios_calls:
            raise
        return by(_entries(trace))


def _entries(trace: BootTrace) -> tuple[int, ...]:
    """Return where a kernel was entered, by its linear address."""
    if trace.handoff is None:
        return ()
    registers = trace.handoff.registers
    return (registers.cs * 16 + registers.ip,)


def caught(
    source: str,
    medium: Medium,
    plan: BootPlan,
    config: MachineConfig,
    keep: Path,
    anew: Anew,
    times: int,
) -> BootTrace:
    """Boot up to so many times, each time on tape, until a boot is bad; return its trace, or that
    of the last.

    Raises UsageError for a boot that cannot be recorded.
    """
    if why := why_not_recorded(medium, plan):
        raise UsageError(f"--catch: {why}")
    if times < 1:
        raise UsageError(f"--catch {times}: at least 1")
    left, tapes, found = times, _TAPES, None
    while left:
        with anew() as again, _taped(source, again, plan, config) as taped:
            left -= 1
            bad = judge(taped.trace).verdict is Verdict.BAD
            if bad or not (left or found):
                found = taped.trace
                for path in (taped.folder / "evidence").iterdir():
                    shutil.copy(path, keep)
            if not bad:
                continue
            try:
                return _kept(taped.trace, taped, medium, config, keep)
            except CouldNotFindOut as error:
                found = taped.trace.with_missing(f"{_NONE}: {error}")
                if not isinstance(error, _NotPlayed):
                    break
            tapes -= 1
            left = left + 1 if tapes else 0  # for one that is played
    assert found
    return found


@contextmanager
def _taped(
    source: str,
    medium: Medium,
    plan: BootPlan,
    config: MachineConfig,
    entries: tuple[int, ...] | None = None,
    known: KnownEnd | None = None,
) -> Iterator[_Taped]:
    """Boot on tape, under TCG; ``entries`` and ``known`` are those of `see`."""
    with Workspace() as workspace:
        overlay, evidence = workspace.path / OVERLAY, workspace.path / "evidence"
        _write_empty(medium, workspace.path)
        evidence.mkdir()
        config = replace(config, accelerator="tcg")
        plan = replace(plan, tracer="recorder")
        booted = _source(medium, config)
        device = medium.device if medium.wire else booted.played(overlay)
        armed = entries is None
        tape = Tape("record", frames=booted.frames, shift=booted.shift, armed=armed)
        by_stub = not armed or (known is not None and known.raises)
        tracer = "both" if by_stub else "recorder"
        with Qemu(config, device, workspace, tracer=tracer, tape=tape) as qemu:
            medium.started(qemu.launched)
            trace = see(
                source, qemu, medium, plan, observer=None, keep=evidence, entries=entries,
                known=known,
            )  # fmt: skip
        if trace.ending.cause:
            raise MachineLost(f"a boot that was recorded: {trace.ending.detail}")
        assert qemu.tape_end
        (evidence / LOG).touch()
        yield _Taped(trace, qemu.tape_end, workspace.path)


def _write_empty(medium: Medium, folder: Path) -> None:
    """Write what takes what a guest writes, as it is at first."""
    size = medium.disk.facts.bytes if medium.disk else _SNAPSHOTS
    (folder / OVERLAY).write_bytes(empty_overlay(size))
    if medium.flash:
        write_variables(folder, medium.flash.at_first)


def _source(medium: Medium, config: MachineConfig) -> Source:
    if medium.wire:
        return TapedCard(medium.wire.card.nic, medium.wire.card.mac or "")
    assert medium.disk
    drive = medium.disk.drive(medium.interface or config.disk_interface)
    if medium.flash is None:
        return drive
    return TapedUefi(drive, medium.flash.code, medium.flash.own_order)


def _kept(
    trace: BootTrace,
    taped: _Taped,
    medium: Medium,
    config: MachineConfig,
    keep: Path,
    until: Deadline | None = None,
) -> BootTrace:
    """Play a recording once, ask it, and keep it, whole or not at all; raises CouldNotFindOut where
    it is another boot."""
    log = taped.folder / "evidence" / LOG
    config = replace(config, accelerator="tcg")
    source, seconds = _source(medium, config), taped.trace.ending.seconds
    folder = taped.folder / RECORDING
    try:
        folder.mkdir()
        _write_empty(medium, folder)
        for path in (taped.folder / TAPE, taped.folder / ROM, log):
            shutil.copyfile(path, folder / path.name)
        reel = Reel(folder, config, source, taped.end.position, seconds, until)
        try:
            with Player(reel) as player:
                if reel.by_uefi:
                    found = called_at(player, log.read_bytes(), (folder / ROM).read_bytes())
                    (folder / CALLS).write_bytes(msgspec.json.encode(found))
                anchor = prove(player, log.read_bytes(), taped.end)
                reel = player.reel
        except MachineLost as error:
            raise _NotPlayed(str(error)) from error
        assert taped.trace.machine
        recording = Recording.of(
            folder,
            qemu=Path(config.qemu).name,
            qemu_version=taped.trace.machine.qemu_version,
            build=build_of(config.qemu),
            **source.facts,
            end=reel.end,
            seconds=seconds,
            anchor=anchor,
        )
        recording.write(folder)
        cause = judge(taped.trace).cause or ""
        told, origin = (
            ((), None)
            if medium.wire or medium.flash
            else answers(reel, anchor, taped.trace, cause, medium.loader)
        )
        shutil.move(folder, keep / RECORDING)
    except OSError as error:
        shutil.rmtree(keep / RECORDING, ignore_errors=True)
        raise MachineLost(f"{keep / RECORDING}: {error.strerror}") from error
    return replace(trace, recorded=Recorded(reel.end, seconds, told, origin))
