"""What is found on the way back from a wrong value, and what it went through."""

from msgspec import Struct

from bootharness.recording.effects import Effect
from bootharness.recording.field import Field
from bootharness.recording.footsteps import Step
from bootharness.recording.tracked import Tracked

__all__ = ["Answer", "Found", "Passed"]


class Found(Struct, frozen=True):
    """The instructions that a value went through, from the last to the first, and the guilty one,
    None where no instruction is; ``why`` says what follows of that."""

    through: tuple[Step, ...]
    guilty: Step | None
    why: str
    branch: Step | None = None
    """A conditional jump right before the guilty one, which was not taken: it may be that."""


class Answer(Struct, frozen=True):
    """What was found, and of which value; of none where it is the way alone."""

    seen: Found
    field: Field | None = None
    value: int = 0

    @classmethod
    def of_way(cls, step: Step, why: str) -> "Answer":
        """Return that an instruction is guilty by itself, of no value."""
        return cls(Found((step,), step, why))


class Passed(Struct, frozen=True):
    """An instruction that a value went through, and what was followed when it had."""

    step: Step
    effect: Effect
    tracked: Tracked
