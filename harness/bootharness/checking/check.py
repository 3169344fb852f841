"""Check a loader: predict its boot on every machine that behaves otherwise than QEMU's."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from bootharness.checking.checked import Checked, Place, Result, Row
from bootharness.checking.in_qemu import boot_in_qemu
from bootharness.checking.place import Places
from bootharness.diagnosis import Diagnosis, Judgement, Verdict, judge
from bootharness.host.deadline import Deadline
from bootharness.kernels.content import Piece
from bootharness.kernels.selfcheck import imagined_kernel
from bootharness.predictor.behaviours.behaviour import Behaviour, Way
from bootharness.predictor.behaviours.table import BEHAVIOURS
from bootharness.predictor.footsteps import Footsteps, footsteps
from bootharness.predictor.limits import Limit, find_limits
from bootharness.predictor.predict_disk import predict_disk
from bootharness.predictor.progress import Patience
from bootharness.predictor.quirks import Quirks
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import Loader
from bootharness.trace.boot_trace import BootTrace

__all__ = ["Check", "Subject", "check"]

_MIB = 1 << 20
_MEMORY_MIB = 32
_PAYLOAD_BYTES, _INITRD_BYTES = 0x30010, 0x12345
_CMDLINE = "console=ttyS0"
# a small kernel takes a loader some thousand instructions and some dozen calls
_PATIENCE = Patience(instructions=1_000_000, calls=20_000)
_MOST_S, _MOST_BOOTING_S = 60.0, 1200.0
_DISAGREE = "the predictor and QEMU do not agree, so neither is trusted"
_TELETYPE = (0x10, 0x0E)
_GAVE_UP = ("boot-failed", "bootstrap", "halted", "idle", "loop", "waits-for-key")
_WORST_FIRST: tuple[Result, ...] = ("fails", "unknown", "refuses", "holds")
_QEMU = Way("QEMU's machine", "", Quirks())

Subject = Loader | DiskImage
"""A loader, for which a disk is laid out, or a disk that is there."""


class Check:
    """One loader on all those machines; `plain` is its boot on QEMU's. If ``booted``, those that
    QEMU can be made are booted, too."""

    def __init__(self, subject: Subject, *, booted: bool = False) -> None:
        self._subject = subject
        self._booted = booted
        self.plain = self._predict(_QEMU)
        self.judgement = judge(self.plain)
        self._until = Deadline.after(_MOST_BOOTING_S if booted else _MOST_S)
        self._places: Places | None = None

    def rows(self, behaviours: Iterable[Behaviour] = BEHAVIOURS) -> Iterator[Row]:
        """Yield what comes of each behaviour; nothing where the loader does not boot on QEMU's
        machine either."""
        if self.judgement.verdict is Verdict.GOOD:
            for behaviour in behaviours:
                yield self._row(behaviour)

    def limits(self) -> Iterator[Limit]:
        """Yield the largest kernel and other parts that the loader can boot; nothing of a disk,
        on which there is a kernel, or of a loader that does not boot."""
        if isinstance(self._subject, Loader) and self.judgement.verdict is Verdict.GOOD:
            yield from find_limits(self._subject, memory_bytes=_MEMORY_MIB * _MIB)

    def told(self, rows: Iterable[Row], limits: Iterable[Limit] = ()) -> Checked:
        """Return all that was found as one value."""
        verdict, found = self.judgement.verdict, self.judgement
        boots = None if verdict is Verdict.SKIP else verdict is Verdict.GOOD
        place = self._end_of(self.plain) if boots is False else None
        name = self._subject.name
        return Checked(name, boots, found.cause, found.summary, place, tuple(rows), tuple(limits))

    def _row(self, behaviour: Behaviour) -> Row:
        outcomes: dict[Result, Row] = {"holds": _row(behaviour, "holds")}
        booted = 0
        for way in behaviour.ways(self.plain):
            if self._until.expired:
                late = f"not tried: what came before took more than {_MOST_S:.0f} s"
                outcomes.setdefault("unknown", _row(behaviour, "unknown", way, seen=late))
                break
            trace = self._predict(way)
            found = judge(trace)
            if self._booted and (other := boot_in_qemu(self._subject, way)):
                seen = judge(other)
                if found.verdict is Verdict.SKIP:
                    trace, found = other, seen
                elif seen.verdict is found.verdict:
                    booted += 1
                elif seen.verdict is not Verdict.SKIP:
                    both = f"{_DISAGREE}: {_both(found, seen)}"
                    outcomes.setdefault("unknown", _row(behaviour, "unknown", way, seen=both))
                    continue
            if found.verdict is Verdict.GOOD:
                continue
            result: Result = "unknown" if found.verdict is Verdict.SKIP else "fails"
            said = found.diagnosis
            assert said
            if result == "fails" and behaviour.missing:
                causes = [
                    each for each in (said, *found.consequences) if each.cause == behaviour.shows
                ]
                refuses = not causes and _refuses(trace, behaviour.asked_by)
                if refuses and self._steps(way).gone is None:
                    result = "refuses"
                said = causes[0] if causes else said
            place = self._place(way, trace) if result == "fails" else None
            row = _row(behaviour, result, way, place=place, said=said)
            outcomes.setdefault(result, row)
            if result == "fails":
                break
        worst = next(outcomes[each] for each in _WORST_FIRST if each in outcomes)
        return replace(worst, booted=booted)

    def _predict(self, way: Way) -> BootTrace:
        memory = way.memory_mib or _MEMORY_MIB
        return predict_disk(self._disk(memory), bios=way.bios, memory_bytes=memory * _MIB,
                            quirks=way.quirks, patience=_PATIENCE)  # fmt: skip

    def _place(self, way: Way, trace: BootTrace) -> Place | None:
        if self._places is None:
            loader = self._subject if isinstance(self._subject, Loader) else None
            self._places = Places(loader, self.plain, self._steps(_QEMU))
        return self._places.of(way.quirks, trace, self._steps(way))

    def _end_of(self, trace: BootTrace) -> Place | None:
        loader = self._subject if isinstance(self._subject, Loader) else None
        steps = self._steps(_QEMU)
        return Places(loader, trace, steps).end_of(trace, steps)

    def _steps(self, way: Way) -> Footsteps:
        memory = way.memory_mib or _MEMORY_MIB
        return footsteps(self._disk(memory), bios=way.bios, memory_bytes=memory * _MIB,
                         quirks=way.quirks, patience=_PATIENCE)  # fmt: skip

    def _disk(self, memory_mib: int) -> DiskImage | DiskLayout:
        if isinstance(self._subject, DiskImage):
            return self._subject
        kernel = imagined_kernel(_PAYLOAD_BYTES)
        initrd = Piece(kernel.content, 0, _INITRD_BYTES) if self._subject.takes_initrd else None
        return DiskLayout.plan(self._subject, kernel, cmdline=_CMDLINE,
                               memory_bytes=memory_mib * _MIB, initrd=initrd)  # fmt: skip


def check(subject: Subject, *, booted: bool = False) -> Checked:
    """Check a loader, or the boot code of a disk, against all behaviours; if ``booted``, in QEMU,
    too, where it has them.

    Raises UsageError for a loader of which no disk can be made, and CouldNotFindOut where there
    is no QEMU to boot in.
    """
    run = Check(subject, booted=booted)
    return run.told(run.rows(), run.limits())


def _row(
    behaviour: Behaviour, result: Result, way: Way | None = None, *, place: Place | None = None,
    said: Diagnosis | None = None, seen: str | None = None,
) -> Row:  # fmt: skip
    return Row(
        behaviour.name,
        behaviour.title,
        behaviour.standing,
        behaviour.source,
        result,
        way.state if way else None,
        way.assumes if way and result == "fails" else None,
        place,
        said.cause if said else None,
        said.sentence if said else seen,
    )


def _both(predicted: Judgement, booted: Judgement) -> str:
    """Say what two judgements are that do not agree."""
    said = [each.summary if each.cause is None else f"{each.cause}: {each.summary}"
            for each in (predicted, booted)]  # fmt: skip
    return f"predicted: {said[0]}; booted: {said[1]}"


def _refuses(trace: BootTrace, asked_by: tuple[int, int] | None) -> bool:
    """Whether the loader has looked, said something, and stopped."""
    calls = {(call.number, call.function) for call in trace.loader_calls}
    if trace.handoff or trace.ending.kind not in _GAVE_UP or _TELETYPE not in calls:
        return False
    return asked_by is None or asked_by in calls
