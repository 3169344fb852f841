"""The lanes of a timeline: what kinds of things happen in a boot, and each with its events."""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from bootharness.diagnosis import Judgement, Verdict
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.call_lines import writes_text
from bootharness.formats.screen_text import ScreenText
from bootharness.report.timeline.event import Event, Seen
from bootharness.report.timeline.serial_lines import serial_lines
from bootharness.report.uefi_calls import call_words
from bootharness.text import address, count
from bootharness.trace.reads import disk_reads
from bootharness.trace.uefi_images import file_of

__all__ = ["Lane", "lanes"]

_STARTS = {"stage1": "stage1", "setup-entered": "handoff", "protected-mode": "protected-mode"}
"""Milestones that `debug --at` knows by a name, from a disk by a BIOS."""
_UEFI_STARTS = {"boot-services-ended": "exit-boot-services"}
_FILES = ("ReadBlocks", "Open", "Read", "LoadFile")
_WRITES = "OutputString"
_SERVED = ("served", "read")
_LETTERS = 400
"""Of a text on one line."""
_PANICKED = "GUEST_PANICKED"
_LOOKED_AT = f"the recorder stops the machine as the kernel takes over, to look at it ({_PANICKED})"


class Lane(Struct, frozen=True):
    """Events of one kind, in the order of their times."""

    name: str
    events: tuple[Event, ...]


def lanes(seen: Seen, judgement: Judgement) -> tuple[Lane, ...]:
    """Return the lanes of a boot in which anything happened."""
    made = ((name, made_of(seen, judgement)) for name, made_of in _LANES.items())
    found = (Lane(name, tuple(sorted(each, key=lambda one: one.seconds))) for name, each in made)
    return tuple(lane for lane in found if lane.events)


def _milestones(seen: Seen, judgement: Judgement) -> Iterator[Event]:
    trace = seen.trace
    by_uefi = trace.machine is not None and trace.machine.firmware == "uefi"
    starts = _UEFI_STARTS if by_uefi else _STARTS
    for each in trace.milestones:
        name = starts.get(each.name, "")
        yield Event(each.seconds, each.name, at=seen.at_place(name) if name else "")
    ending = trace.ending
    said = f"it ended: {ending.kind}" + (f", {ending.detail}" if ending.detail else "")
    yield Event(ending.seconds, said, wrong=judgement.verdict is Verdict.BAD)


def _going_back(seen: Seen, _: Judgement) -> Iterator[Event]:
    """What the recording has told, where it is known when that was."""
    recorded = seen.trace.recorded
    if recorded is None or not seen.positions:
        return
    for each in recorded.answers:
        if each.position is not None:
            yield from _told(seen, each.position, each.sentence)
        elif each.call is not None and each.call in seen.positions:  # a device wrote it
            yield from _told(seen, seen.positions[each.call], each.sentence)
    if recorded.origin and recorded.origin.guilty:
        yield from _told(seen, recorded.origin.guilty.position, recorded.origin.sentence)


def _told(seen: Seen, position: int, sentence: str) -> Iterator[Event]:
    seconds = seen.seconds_of(position)
    if seconds is not None:
        yield Event(seconds, sentence, wrong=True, at=f"{position}", position=position,
                    about="between the calls around it")  # fmt: skip


def _moves(seen: Seen, _: Judgement) -> Iterator[Event]:
    numbers = (number for number, call in enumerate(seen.trace.bios_calls) if call.table)
    for number, (move, wanted) in zip(numbers, seen.trace.destinations, strict=True):
        wrapped = move.destination != wanted
        instead = f" instead of {address(wanted)}" if wrapped else ""
        failed = "" if move.completed else ", which did not succeed"
        at, position = seen.at_call(number, move.index)
        yield Event(
            move.seconds,
            f"block move {move.index}: {count(move.bytes, 'byte')} from {address(move.source)} to "
            f"{address(move.destination)}{instead}{failed}",
            move.returned_at, wrapped or not move.completed, at, position,
        )  # fmt: skip


def _reads(seen: Seen, _: Judgement) -> Iterator[Event]:
    numbers = {id(call): number for number, call in enumerate(seen.trace.bios_calls)}
    for read in disk_reads(seen.trace.bios_calls, seen.trace.disk):
        call = read.call
        what = "sectors of unknown LBA" if read.lba is None else f"LBA {read.lba:,}"
        failed = f": {call.status_name}" if call.failed or call.status is None else ""
        at, position = seen.at_call(numbers[id(call)])
        yield Event(
            call.called_at,
            f"{_by(call)}read of {what}, {count(read.sectors, 'sector')} to "
            f"{address(read.buffer)}{failed}",
            call.returned_at, bool(failed), at, position,
        )  # fmt: skip


def _other_calls(seen: Seen, _: Judgement) -> Iterator[Event]:
    calls = seen.trace.bios_calls
    told = {id(read.call) for read in disk_reads(calls, seen.trace.disk)}
    for number, call in enumerate(calls):
        if call.table or id(call) in told or writes_text(call):
            continue
        at, position = seen.at_call(number)
        said = str(call).split(maxsplit=2)[-1]
        yield Event(call.called_at, _by(call) + said, call.returned_at, call.failed, at, position)


def _by(call: BiosCall) -> str:
    return "the BIOS itself: " if call.from_bios else ""


def _images(seen: Seen, _: Judgement) -> Iterator[Event]:
    for number, (call, words) in enumerate(call_words(seen.trace)):
        if call.service in (*_FILES, _WRITES):
            continue
        at, position = seen.at_call(number)
        if call.service == "StartImage" and call.path:
            at = at or seen.at_place(f"image:{file_of(call.path)}")
        elif call.service == "ExitBootServices" and not call.failed:
            at = at or seen.at_place("exit-boot-services")
        said = f"{call.service}  {words}".strip()
        yield Event(call.seconds, said, wrong=call.failed, at=at, position=position)


def _files(seen: Seen, _: Judgement) -> Iterator[Event]:
    for number, (call, words) in enumerate(call_words(seen.trace)):
        if call.service in _FILES:
            at, position = seen.at_call(number)
            said = f"{call.service}  {words}"
            yield Event(call.seconds, said, wrong=call.failed, at=at, position=position)


def _wire(seen: Seen, _: Judgement) -> Iterator[Event]:
    for event in seen.trace.network.events if seen.trace.network else ():
        yield Event(event.seconds, " ".join(str(event).split()[1:]))


def _served(seen: Seen, _: Judgement) -> Iterator[Event]:
    for file in seen.trace.network.files if seen.trace.network else ():
        said = (
            f"{file.name} by {file.protocol}: {file.sent_bytes:,} of "
            f"{count(file.file_bytes, 'byte')}, {file.outcome}"
        )
        yield Event(file.requested_at, said, file.last_at, file.outcome not in _SERVED)


def _screen(seen: Seen, _: Judgement) -> Iterator[Event]:
    """What was written on the screen, a line each, when its first letter was."""
    text, line = ScreenText(), ""
    first: tuple[int, float] | None = None
    last = 0.0
    for number, call in enumerate(seen.trace.bios_calls):
        written = text.feed([call])
        if not written:
            continue
        for letter in written:
            if letter not in "\r\n":
                first = first or (number, call.called_at)
                line, last = line + letter, call.called_at
            elif first and letter == "\n":
                yield _line(seen, first, last, line)
                first, line = None, ""
    if first:
        yield _line(seen, first, last, line + text.rest())
    for asked in seen.trace.uefi_calls:
        if asked.service == _WRITES and asked.text.strip():
            yield Event(asked.seconds, asked.text.strip()[:_LETTERS])


def _line(seen: Seen, first: tuple[int, float], last: float, line: str) -> Event:
    at, position = seen.at_call(first[0])
    return Event(first[1], line[:_LETTERS].rstrip(), last, at=at, position=position)


def _serial(seen: Seen, _: Judgement) -> Iterator[Event]:
    yield from serial_lines(seen.trace)


def _sightings(seen: Seen, judgement: Judgement) -> Iterator[Event]:
    """What was looked for and found, and what was typed."""
    trace = seen.trace
    for sighting, what, wrong in (
        (trace.marker, "found", False), (trace.failed_on, "found, which makes it bad", True),
        *((each, "found, and its answer typed", False) for each in trace.sent),
    ):  # fmt: skip
        if sighting:
            said = f"{sighting.pattern!r} {what} on the {sighting.on}"
            yield Event(sighting.seconds, said, wrong=wrong)


def _cpu(seen: Seen, _: Judgement) -> Iterator[Event]:
    for sample in seen.trace.samples:
        where = ", in the BIOS" if sample.in_bios else ", in the kernel" if sample.in_kernel else ""
        halted = ", halted" if sample.halted else ""
        yield Event(
            sample.seconds, f"{sample.mode} mode at {address(sample.linear)}{where}{halted}"
        )


def _qemu(seen: Seen, _: Judgement) -> Iterator[Event]:
    handoffs = (seen.trace.handoff, seen.trace.uefi_handoff)
    stopped = {each.seconds for each in handoffs if each}
    for event in seen.trace.events:
        if event.name == _PANICKED and event.seconds in stopped:
            yield Event(event.seconds, _LOOKED_AT)
            continue
        told = ", ".join(f"{name} {value}" for name, value in event.data.items())
        yield Event(event.seconds, f"{event.name} {told}".strip())


_LANES: dict[str, Callable[[Seen, Judgement], Iterable[Event]]] = {
    "milestones": _milestones,
    "going back": _going_back,
    "disk reads": _reads,
    "block moves": _moves,
    "other BIOS calls": _other_calls,
    "UEFI: images": _images,
    "UEFI: files": _files,
    "wire": _wire,
    "files served": _served,
    "screen": _screen,
    "serial line": _serial,
    "patterns": _sightings,
    "CPU": _cpu,
    "QEMU": _qemu,
}
"""By their names, from the top to the bottom. Another kind of happening is a line here."""
