"""Looks out for patterns of a person's own in what a guest writes, and for pictures on its screen.

A line is searched when it has ended, or has stayed as it is for a while, as a prompt does: half of
a line is not what the guest has said.
"""

import time
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from bootharness.errors import PatternTooSlow
from bootharness.formats.picture import Picture
from bootharness.plan import BootPlan
from bootharness.plan.goal import is_pattern
from bootharness.plan.pattern import compiled, is_needle
from bootharness.plan.prompt import Prompt
from bootharness.trace.lines import Line, Lines
from bootharness.trace.sighting import How, Sighting, Where
from bootharness.watch.sought import Sought

__all__ = ["Found", "Lookout"]

_RESTS_S = 0.2
# for all that has come in at once: 1 MiB of lines takes a tenth of a second
_SEARCH_S = 5.0
_SHOWN = 500


class Found(Struct, frozen=True):
    """A sighting, and where its line begins in all that was written there.

    It is what the boot had to come to (``wanted``), or what asks for a ``prompt``'s keys; else it
    makes the boot bad.
    """

    at: int
    sighting: Sighting
    wanted: bool = False
    prompt: Prompt | None = None


class Lookout(Struct):
    """Searches lines for what a boot has to come to, and for what makes it bad; what it has to
    come to may be a picture (``sought``), and so may be what makes it bad (``banned``) and what
    it asks.

    Raises PatternTooSlow where that takes longer than any pattern should.
    """

    marker: str | None
    screen_marker: str | None
    fail_on: tuple[str, ...]
    prompts: tuple[Prompt, ...] = ()
    """Those that have not been seen yet, in their order."""
    sought: Sought | None = None
    banned: tuple[Sought, ...] = ()
    _lines: Lines = field(default_factory=Lines)
    _written: Lines = field(default_factory=Lines)
    _fresh_at: float = 0.0
    _searched: str = ""
    _screen: tuple[str, bool] = ("", False)
    _asked_in: int = -1
    _asked_on: frozenset[tuple[int, str]] = frozenset()
    _of_others: set[str] = field(default_factory=set)
    _picture: tuple[Picture, bool] | None = None
    _asks: Sought | None = None

    @classmethod
    def of(cls, plan: BootPlan) -> "Lookout":
        """Return one for what a plan asks for."""
        marker, on_screen = plan.until if is_pattern(plan.until) else None, plan.until_screen
        prompts, sought = tuple(map(Prompt.parse, plan.send)), None
        if on_screen and is_needle(on_screen):
            sought, on_screen = Sought.named(on_screen), None
        fail_on = tuple(each for each in plan.fail_on if not is_needle(each))
        banned = tuple(Sought.named(each) for each in plan.fail_on if is_needle(each))
        lookout = cls(marker, on_screen, fail_on, prompts, sought, banned)
        lookout._await_picture(None)
        return lookout

    @property
    def reads_screen(self) -> bool:
        """Whether there is something to look for on the screen."""
        return self.reads_words or self.looks_at_pictures

    @property
    def reads_words(self) -> bool:
        """Whether it is words on the screen that are looked for."""
        return self.screen_marker is not None or self._asks_in_words

    @property
    def looks_at_pictures(self) -> bool:
        """Whether it is a picture on the screen that is looked for."""
        return bool(self.sought or self.banned or self._asks)

    @property
    def _asks_in_words(self) -> bool:
        return bool(self.prompts) and self._asks is None

    def heard(self, fresh: bytes, now: float) -> list[Found]:
        """Return what is found in further bytes of the serial line, in their order."""
        if not fresh or not (self.marker or self.fail_on or self.prompts):
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
        if self.screen_marker is None:
            return []
        lines = self._written.feed(words.encode("utf-8", "replace"))
        return [*self._search(lines, self.screen_marker, "screen", now)]

    def shown(
        self, text: str, now: float, *, before_kernel: bool = False, by: How = "text"
    ) -> list[Found]:
        """Return what is found in the text on the screen; ``before_kernel`` only what asks."""
        if (text, before_kernel) == self._screen:
            return []
        self._screen = (text, before_kernel)
        found = self._asked(text, now, by)
        if before_kernel or self.screen_marker is None:
            return found
        lines = [Line(0, each) for each in text.splitlines() if each not in self._of_others]
        return [*found, *self._search(lines, self.screen_marker, "screen", now, by)]

    def pictured(self, screen: Picture, now: float, *, before_kernel: bool = False) -> list[Found]:
        """Return which pictures are found on the screen; ``before_kernel`` only one that asks."""
        last = self._picture
        if last and last[1] == before_kernel and last[0].same(screen):
            return []
        self._picture = (screen, before_kernel)
        found = []
        if self._asks and (sighting := self._asks.on(screen, now)):
            found.append(Found(0, sighting, prompt=self._next(screen)))
        for each in () if before_kernel else (*self.banned, self.sought):
            if each and (sighting := each.on(screen, now)):
                found.append(Found(0, sighting, wanted=each is self.sought))
        return found

    def _next(self, screen: Picture | None = None) -> Prompt:
        """Go on to the next prompt, and return the one before."""
        done, *rest = self.prompts
        self.prompts = tuple(rest)
        self._await_picture(screen)
        return done

    def _await_picture(self, screen: Picture | None) -> None:
        """Look for the next prompt's picture, if it has one, but not in what is on a screen
        already."""
        asks = self.prompts and is_needle(self.prompts[0].pattern)
        self._asks = Sought.named(self.prompts[0].pattern, screen) if asks else None

    def _asked(self, text: str, now: float, by: How) -> list[Found]:
        """Return what of a screen asks for the next prompt's keys: not what was there when the one
        before it was seen."""
        rows = frozenset(enumerate(text.splitlines()))
        ends = time.process_time() + _SEARCH_S
        for row, line in sorted(rows - self._asked_on) if self._asks_in_words else ():
            if _is_in(self.prompts[0].pattern, line, ends):
                self._asked_on = rows
                return [self._prompted(row, line, "screen", now, by)]
        return []

    def _prompted(self, at: int, line: str, where: Where, now: float, by: How) -> Found:
        prompt = self._next()
        return Found(at, _sighting(prompt.pattern, line, where, now, by), prompt=prompt)

    def look_again(self) -> None:
        """Take it that what is on the screen has not been looked at."""
        self._screen, self._picture = ("", False), None

    def pass_over(self, text: str, screen: Picture | None = None) -> None:
        """Take it that what is on the screen is somebody else's."""
        self._of_others.update(text.splitlines())
        for each in (*self.banned, self.sought):
            if each:
                each.passed = screen

    def _search(
        self, lines: Iterable[Line], marker: str | None, where: Where, now: float, by: How = "text"
    ) -> Iterator[Found]:
        patterns = [(each, False) for each in self.fail_on]
        patterns += [(marker, True)] if marker is not None else []
        ends, seen = time.process_time() + _SEARCH_S, set()
        for line in lines:
            if line.text in seen:  # who floods the line repeats himself
                continue
            seen.add(line.text)
            asks = self._asks_in_words and where == "serial line" and line.at > self._asked_in
            if asks and _is_in(self.prompts[0].pattern, line.text, ends):
                self._asked_in = line.at
                yield self._prompted(line.at, line.text, where, now, by)
            for pattern, wanted in patterns:
                if _is_in(pattern, line.text, ends):
                    yield Found(line.at, _sighting(pattern, line.text, where, now, by), wanted)
                    break


def _sighting(pattern: str, line: str, where: Where, now: float, by: How) -> Sighting:
    return Sighting(pattern, line.strip()[:_SHOWN], where, round(now, 6), by)


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
