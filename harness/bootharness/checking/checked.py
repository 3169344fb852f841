"""What a check has found: one row for each behaviour."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from bootharness.errors import NotEmulated, NoVerdict
from bootharness.predictor.behaviours.behaviour import Standing
from bootharness.predictor.limits import Limit
from bootharness.text import address, printable

__all__ = ["Checked", "Place", "Result", "Row"]

_MOST_SHOWN = 400

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

    def __str__(self) -> str:
        if self.file is None:
            label = f" ({self.label})" if self.label else ""
            return f"{address(self.address)}{label}: {self.instruction}".rstrip(": ")
        file = Path(self.file)
        if file.is_relative_to(Path.cwd()):
            file = file.relative_to(Path.cwd())
        return f"{file}:{self.line}: {self.source or self.instruction}"


class Row(Struct, frozen=True):
    """Whether a loader stands a behaviour; where it does not, with what and what was seen.

    ``result`` is ``holds`` (it boots), ``refuses`` (it misses something there, and says so),
    ``fails``, or ``unknown`` (nobody could find out, for the reason in ``seen``). ``cause`` is that
    of the predicted boot. On ``booted`` of the machines QEMU has come to the same.
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
    booted: int = 0

    @property
    def told(self) -> str:
        """What the loader does that does not hold, where, with what, and what comes of it."""
        said = self.assumes or ""
        if self.place:
            said = f"{said or 'it went wrong'} at {self.place}"
        seen = f"{self.cause}: {self.seen}" if self.cause else f"{self.seen}"
        if len(seen) > _MOST_SHOWN:  # a loader that has gone astray writes much
            seen = f"{seen[:_MOST_SHOWN]}..."
        with_what = f"with {self.state}, {seen}" if self.state else seen
        return printable(f"{said}; {with_what}" if said else with_what)

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

    def require_good(self) -> None:
        """Return if the loader holds, with or without warnings.

        Raises AssertionError with what does not, and NoVerdict where nobody could find out.
        """
        __tracebackhide__ = True  # pytest's: to be shown is the line that asks
        if self.good is None:
            unknown = next((row for row in self.rows if row.result == "unknown"), None)
            cause = (unknown.cause if unknown else self.cause) or NotEmulated.cause
            raise NoVerdict(cause, (unknown.seen if unknown else self.seen) or "")
        if not self.good:
            wrong = [f"{row.behaviour}: {row.told}" for row in self.rows if row.wrong]
            raise AssertionError("; ".join(wrong) or f"{self.cause}: {self.seen}")
