"""What a check has found: one row for each behaviour."""

from typing import Literal

from msgspec import Struct

from bootharness.predictor.behaviours.behaviour import Standing
from bootharness.predictor.limits import Limit

__all__ = ["Checked", "Place", "Result", "Row"]

Result = Literal["holds", "refuses", "fails", "unknown"]


class Place(Struct, frozen=True):
    """Where in a loader: a linear address, the instruction there, and as much as is known of the
    label before it and of its line in the source."""

    address: int
    instruction: str
    label: str | None = None
    file: str | None = None
    line: int | None = None
    source: str | None = None


class Row(Struct, frozen=True):
    """Whether a loader stands a behaviour; where it does not, with what and what was seen.

    ``result`` is ``holds`` (it boots), ``refuses`` (it misses something there, and says so),
    ``fails``, or ``unknown`` (nobody could find out, for the reason in ``seen``). ``cause`` is that
    of the predicted boot.
    """

    behaviour: str
    title: str
    standing: Standing
    because: str
    result: Result
    state: str | None = None
    assumes: str | None = None
    place: Place | None = None
    cause: str | None = None
    seen: str | None = None

    @property
    def wrong(self) -> bool:
        """Whether it is a mistake of the loader's: a specification allows what it fails on."""
        return self.result == "fails" and self.standing == "allowed"


class Checked(Struct, frozen=True):
    """A loader that has been checked. On QEMU's machine it ``boots``, or does not for a ``cause``;
    then there are no rows."""

    loader: str
    boots: bool | None
    cause: str | None
    seen: str
    place: Place | None
    rows: tuple[Row, ...]
    limits: tuple[Limit, ...] = ()

    @property
    def good(self) -> bool | None:
        """Whether it holds, None where nobody could find out."""
        if self.boots is not True:
            return self.boots
        if any(row.wrong for row in self.rows):
            return False
        return None if any(row.result == "unknown" for row in self.rows) else True
