"""Looks out for patterns of a person's own in what a guest writes.

A line is searched when it has ended, or has stayed as it is for a while, as a prompt does: half of
a line is not what the guest has said.
"""

import time
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from bootharness.errors import PatternTooSlow
from bootharness.plan import BootPlan
from bootharness.plan.goal import is_pattern
from bootharness.plan.pattern import compiled
from bootharness.trace.lines import Line, Lines
from bootharness.trace.sighting import Sighting, Where

__all__ = ["Found", "Lookout"]

_RESTS_S = 0.2
# for all that has come in at once: 1 MiB of lines takes a tenth of a second
_SEARCH_S = 5.0
_SHOWN = 500


class Found(Struct, frozen=True):
    """A sighting, where its line begins in all that was written there, and whether it is what the
    boot had to come to; else it makes it bad."""

    at: int
    sighting: Sighting
    wanted: bool


class Lookout(Struct):
    """Searches lines for what a boot has to come to, and for what makes it bad.

    Raises PatternTooSlow where that takes longer than any pattern should.
    """

    marker: str | None
    screen_marker: str | None
    fail_on: tuple[str, ...]
    _lines: Lines = field(default_factory=Lines)
    _written: Lines = field(default_factory=Lines)
    _fresh_at: float = 0.0
    _searched: str = ""
    _screen: str = ""
    _of_others: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, plan: BootPlan) -> "Lookout":
        """Return one for what a plan asks for."""
        return cls(plan.until if is_pattern(plan.until) else None, plan.until_screen, plan.fail_on)

    @property
    def reads_screen(self) -> bool:
        """Whether there is something to look for on the screen."""
        return self.screen_marker is not None

    def heard(self, fresh: bytes, now: float) -> list[Found]:
        """Return what is found in further bytes of the serial line, in their order."""
        if not fresh or not (self.marker or self.fail_on):
            return []
        self._fresh_at, self._searched = now, ""
        return [*self._search(self._lines.feed(fresh), self.marker, "serial line", now)]

    def rested(self, now: float, *, at_once: bool = False) -> list[Found]:
        """Return what is found in a line of the serial line that has not ended, and rests."""
        line = self._lines.open
        if line is None or line.text == self._searched:
            return []
        if not at_once and now - self._fresh_at < _RESTS_S:
            return []
        self._searched = line.text
        return [*self._search([line], self.marker, "serial line", now)]

    def written(self, words: str, now: float) -> list[Found]:
        """Return what is found in further words that were written through the BIOS."""
        if not self.reads_screen:
            return []
        lines = self._written.feed(words.encode("utf-8", "replace"))
        return [*self._search(lines, self.screen_marker, "screen", now)]

    def shown(self, text: str, now: float) -> list[Found]:
        """Return what is found in the text on the screen."""
        if text == self._screen:
            return []
        self._screen = text
        lines = [Line(0, each) for each in text.splitlines() if each not in self._of_others]
        return [*self._search(lines, self.screen_marker, "screen", now)]

    def look_again(self) -> None:
        """Take it that what is on the screen has not been looked at."""
        self._screen = ""

    def pass_over(self, text: str) -> None:
        """Take it that what is on the screen is somebody else's."""
        self._of_others.update(text.splitlines())

    def _search(
        self, lines: Iterable[Line], marker: str | None, where: Where, now: float
    ) -> Iterator[Found]:
        patterns = [(each, False) for each in self.fail_on]
        patterns += [(marker, True)] if marker is not None else []
        ends, seen = time.process_time() + _SEARCH_S, set()
        for line in lines:
            if line.text in seen:  # who floods the line repeats himself
                continue
            seen.add(line.text)
            for pattern, wanted in patterns:
                if _is_in(pattern, line.text, ends):
                    sighting = Sighting(pattern, line.text.strip()[:_SHOWN], where, round(now, 6))
                    yield Found(line.at, sighting, wanted)
                    break


def _is_in(pattern: str, text: str, ends: float) -> bool:
    try:
        left = ends - time.process_time()
        if left <= 0:
            raise TimeoutError
        return compiled(pattern).search(text, timeout=left) is not None
    except TimeoutError:
        raise PatternTooSlow(
            f"the pattern {pattern!r} takes too long to search for in what the guest writes: "
            "repeat nothing in it that is repeated already, as (a+)+ does"
        ) from None
