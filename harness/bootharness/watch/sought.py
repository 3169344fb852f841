"""A picture of a person's own that is looked for on one screen after the other."""

from msgspec import Struct

from bootharness.formats.needle import Likeness, Needle
from bootharness.formats.picture import Area, Picture
from bootharness.host.needles import read_needle
from bootharness.trace.sighting import Closest, Sighting

__all__ = ["Sought"]


class Sought(Struct):
    """A needle by its file's name, and how close the screen has come to it.

    ``passed`` is a screen that was there before: what is still as it was on that is not counted.
    """

    name: str
    needle: Needle
    passed: Picture | None = None
    closest: Closest | None = None
    closest_screen: Picture | None = None

    @classmethod
    def named(cls, name: str, passed: Picture | None = None) -> "Sought":
        """Return one that is in a file. Raises UsageError for what is none."""
        return cls(name, read_needle(name), passed)

    def on(self, screen: Picture, now: float) -> Sighting | None:
        """Return where it is on a screen, None where it is not."""
        likeness = self.needle.on(screen)
        if likeness and self._was_there(screen, likeness.area):
            return None
        if self.needle.found(likeness):
            return Sighting(self.name, "", "screen", round(now, 6), "picture", likeness)
        if self.closest is None or _percent(likeness) >= _percent(self.closest.likeness):
            picture, needle = self.needle.picture, self.needle
            self.closest = Closest(
                picture.width, picture.height, needle.match, screen.width, screen.height,
                likeness, round(now, 6),
            )  # fmt: skip
            self.closest_screen = screen
        return None

    def _was_there(self, screen: Picture, area: Area) -> bool:
        before = self.passed
        if before is None or before.pixels.shape != screen.pixels.shape:
            return False
        return bool((before.cut(area).pixels == screen.cut(area).pixels).all())


def _percent(likeness: Likeness | None) -> float:
    return -1.0 if likeness is None else likeness.percent
