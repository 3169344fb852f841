"""A cell: one boot that is asked for, with what is expected of it."""

from msgspec import Struct, field

from bootharness.diagnosis.causes import CAUSES
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.plan import BootPlan
from bootharness.text import hint

__all__ = ["Cell"]


class Cell(Struct, frozen=True):
    """One boot to be: of a kernel, by its source, and by a plan that is settled.

    ``expect`` is a verdict, or the cause of a bad one. Raises UsageError for another.
    """

    kernel: str
    plan: BootPlan = field(default_factory=BootPlan)
    expect: str = Verdict.GOOD

    def __post_init__(self) -> None:
        try:
            self.kernel.encode()
        except UnicodeEncodeError as error:
            raise UsageError(
                f"{self.kernel!a}: its name is not UTF-8, and results are kept by it"
            ) from error
        cause = CAUSES.get(self.expect)
        if self.expect not in (Verdict.GOOD, Verdict.BAD) and not (
            cause and cause.verdict == "bad"
        ):
            known = ["good", *(each.name for each in CAUSES.values() if each.verdict == "bad")]
            wanted = "it is good, bad, or a cause of docs/causes.md that makes a boot bad"
            raise UsageError(
                f"expectation {self.expect!r}: {hint(self.expect, known, otherwise=wanted)}"
            )
