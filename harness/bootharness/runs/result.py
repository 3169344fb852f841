"""What came of a cell: every attempt at it, and the one that stands for all."""

from functools import cached_property
from typing import Annotated

from msgspec import Meta, Struct, field

from bootharness.diagnosis.verdict import Verdict
from bootharness.runs.cell import Cell
from bootharness.runs.where import Host, Profile

__all__ = ["Attempt", "BootFacts", "CellResult", "LimitSeen", "Moment", "Past"]

Moment = Annotated[float, Meta(ge=0, lt=253_402_300_800)]
"""In seconds since 1970, before the year 10000: later ones no calendar writes."""


class BootFacts(Struct, frozen=True):
    """What of a boot is compared with other boots; sizes in bytes, milestones in seconds.

    ``warnings`` are the kernel's, without what differs from boot to boot; ``survived`` is what the
    judgement warns of: what went wrong and was got over, or would go wrong elsewhere.
    ``guest_s`` is how many of its own seconds a boot took that was counted.
    ``compiler`` is what the kernel's banner names, with its version.
    """

    release: str = ""
    sha256: str = ""
    file_bytes: int = 0
    payload_bytes: int = 0
    setup_sects: int = 0
    init_size: int = 0
    protocol: str = ""
    compression: str = ""
    milestones: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    survived: tuple[str, ...] = ()
    qemu_version: str = ""
    accelerator: str = ""
    compiler: str = ""
    guest_s: float | None = None


class Attempt(Struct, frozen=True):
    """One boot of a cell, judged.

    ``seconds`` is how long all of it took. ``trace`` is the trace's JSON document, compressed
    by zlib: empty when there was no boot, or when it has been left in the history.
    ``picture`` is what reports draw of it, as `runs.picture` packs it, and ``host`` the computer
    that it was made on.
    """

    verdict: Verdict
    cause: str | None
    sentence: str
    seconds: float = 0.0
    facts: BootFacts = field(default_factory=BootFacts)
    trace: bytes = b""
    picture: bytes = b""
    host: Host = Host()

    @property
    def profile(self) -> Profile:
        """With what else its seconds may be compared."""
        return Profile(self.host.cpu, self.facts.accelerator, self.facts.qemu_version)

    @property
    def outcome(self) -> tuple[Verdict, str | None]:
        """What makes two attempts the same."""
        return self.verdict, self.cause


class CellResult(Struct, frozen=True, dict=True):
    """At least one attempt at a cell, the first one first.

    ``key`` is the digest of all that matters for the boot, empty where that is not known.
    ``cached`` tells that nothing was booted: the attempts come from the history.
    """

    cell: Cell
    key: str
    attempts: tuple[Attempt, ...]
    cached: bool = False

    @property
    def known(self) -> tuple[Attempt, ...]:
        """The attempts that found something out."""
        return tuple(each for each in self.attempts if each.verdict is not Verdict.SKIP)

    @cached_property
    def decisive(self) -> Attempt:
        """The attempt that stands for all: the first one with the outcome that most have.

        Of outcomes that are as frequent a bad one counts.
        """
        candidates = self.known or self.attempts
        outcomes = [each.outcome for each in candidates]
        return max(
            candidates,
            key=lambda each: (outcomes.count(each.outcome), each.verdict is Verdict.BAD),
        )

    @property
    def verdict(self) -> Verdict:
        """The verdict on the kernel, whatever was expected."""
        return self.decisive.verdict

    @property
    def as_expected(self) -> bool | None:
        """Whether the boot went as expected, None when that could not be found out."""
        if self.verdict is Verdict.SKIP:
            return None
        return self.cell.expect in self.decisive.outcome

    @property
    def flaky(self) -> bool:
        """Whether the same boot has come to different ends."""
        return len({each.outcome for each in self.known}) > 1

    @property
    def settled(self) -> bool:
        """Whether one more attempt could change nothing: it went as expected, or the same twice."""
        outcomes = [each.outcome for each in self.known]
        if len(outcomes) == 1:
            return bool(self.as_expected)
        return len(outcomes) > len(set(outcomes))


class Past(Struct, frozen=True):
    """A result of the past: when it was made, in seconds since 1970, and by which version.

    ``id`` is its number in one history, and ``uid`` what it is in all of them.
    """

    id: int
    made_at: Moment
    harness: str
    result: CellResult
    uid: str = ""


class LimitSeen(Struct, frozen=True):
    """The largest of a part that a loader, by its name, could boot from a moment on, in seconds
    since 1970; None where only memory ended it."""

    loader: str
    part: str
    unit: str
    largest: int | None
    at: Moment
