"""The milestones that a boot manager's own words on the screen prove, and what it calls itself."""

import re
from bisect import bisect_right
from collections.abc import Iterable

from msgspec import Struct

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.screen_text import WRITES, ScreenText
from bootharness.trace.boot_managers import waits

__all__ = ["ManagerPoints", "manager_points"]

_VIDEO = 0x10
# so much of what was written is looked at: a manager tells its name before all else
_CHARACTERS = 1 << 16
# of the same manager the name with its version comes first
_NAMES = (
    re.compile(r"\b((?:SYS|ISO|EXT|PXE)LINUX \d[\w.+~-]{0,40})"),
    re.compile(r"\b(GNU GRUB  ?version \d[\w.+~-]{0,40})"),
    re.compile(r"\b(GRUB)(?: loading[.,]|!)"),
    re.compile(r"\b(GRUB Legacy|GRUB)(?= Loading stage)"),
    re.compile(r"\b(MEMDISK \d[\w.+~-]{0,40})"),
    re.compile(r"\b(iPXE \d[\w.+~-]{0,60})"),
    re.compile(r"\b(Limine \d[\w.+~-]{0,40})"),
    re.compile(r"^(LILO)(?= \d|\s)", re.MULTILINE),
)
_CHOSEN = re.compile(
    r"^\s*(?:Loading [^\s.][^\s]{0,200}?(?=\.\.\.|\.?\s|$)(?! ?stage)"
    r"|Booting [`'\"][^\n]{1,200}|Booting a command list|\[(?:Linux-bzImage|Multiboot-))",
    re.MULTILINE,
)


class ManagerPoints(Struct, frozen=True):
    """What a boot manager calls itself, "" where it does not say, and when it came how far: in
    seconds since launch, by the names of milestones."""

    name: str = ""
    points: dict[str, float] = {}


def manager_points(calls: Iterable[BiosCall]) -> ManagerPoints:
    """Return what the calls of a boot manager, before a kernel is entered, tell of it."""
    text, lengths, times = _written(calls)

    def at(place: int) -> float:
        return times[bisect_right(lengths, place)]

    found = [match for pattern in _NAMES if (match := pattern.search(text))]
    if not found:
        return ManagerPoints()
    points = {"boot-manager": at(min(match.start() for match in found))}
    lines = re.finditer(r"[^\n]+", text)
    if menu := next((line for line in lines if waits(line[0])), None):
        points["boot-menu"] = at(menu.end() - 1)
    if chosen := _CHOSEN.search(text, min(match.end() for match in found)):
        points["kernel-chosen"] = at(chosen.end() - 1)
    return ManagerPoints(" ".join(found[0][1].split()), points)


def _written(calls: Iterable[BiosCall]) -> tuple[str, list[int], list[float]]:
    """Return the text, and after how many characters of it which call came when."""
    screen, parts, lengths, times, size = ScreenText(), [], [], [], 0
    for call in calls:
        if call.number != _VIDEO or call.function not in WRITES or call.from_bios:
            continue
        part = screen.feed((call,))
        if not part:
            continue
        parts.append(part)
        size += len(part)
        lengths.append(size)
        times.append(call.called_at)
        if size > _CHARACTERS:
            break
    return "".join(parts), lengths, times
