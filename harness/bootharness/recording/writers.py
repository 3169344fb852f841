"""Who wrote the bytes last that a value is in."""

from bootharness.recording.effects import Byte, Effect
from bootharness.recording.footsteps import Step
from bootharness.recording.tracked import Tracked

__all__ = ["all_written", "writer"]


def writer(steps: list[Step], end: int, tracked: Tracked) -> tuple[int, Effect | None] | None:
    """Return the last step that wrote one of the wrong bytes, or changed the register that has
    them, and how; without how for a BIOS call."""
    wrong, whole = tracked.wrong, set(tracked.where)
    linear = [byte for byte in wrong if isinstance(byte, int)]
    for at in range(end - 1, -1, -1):
        step = steps[at]
        for effect in step.effects:
            carries = effect.kind == "change" and isinstance(effect.into[0], tuple)
            if (whole if carries else wrong) & set(effect.into):
                return at, effect
        if there := tuple(byte for byte in tracked.where if byte in step.wrote and byte in linear):
            return at, None if step.number is not None else _repeated(step, there)
        if step.number is not None and at + 1 < len(steps):
            after = steps[at + 1]
            named = [byte for byte in wrong if not isinstance(byte, int)]
            if any(step.value((byte,)) != after.value((byte,)) for byte in named):
                return at, None
    return None


def _repeated(step: Step, there: tuple[Byte, ...]) -> Effect:
    """Return what a repeated string instruction does to some of the bytes that it writes."""
    linear = [byte for byte in there if isinstance(byte, int)]
    if not len(step.copied):
        return Effect(there, "other")
    move = step.copied.start - step.wrote.start
    return Effect(there, "copy", tuple(byte + move for byte in linear))


def all_written(steps: list[Step], tracked: Tracked) -> bool:
    """Return whether somebody wrote each of the wrong bytes: else a store is missing, whatever the
    others are."""
    left = {byte for byte in tracked.wrong if isinstance(byte, int)}
    for step in steps:
        for effect in step.effects:
            left -= set(effect.into)
        left -= {byte for byte in left if byte in step.wrote}
    return not left
