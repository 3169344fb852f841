"""Whether a loader will do for ever what it does: by its registers, and by what it writes."""

from collections import Counter

from bootharness.recording.footsteps import Step

__all__ = ["Standstill"]

_TIMES = 16
"""A device that is asked may answer otherwise then; so often the same is enough to have seen."""
_MOST = 4096


class Standstill:
    """The states in which a loader has been since it changed its memory."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[object, ...]] = Counter()

    def reached_by(self, step: Step) -> bool:
        """Return whether a step was made so often in the same state, or goes on into zeros."""
        if step.ahead and not any(step.ahead):
            return True
        if len(step.wrote) or _writes_another(step) or len(self._seen) > _MOST:
            self._seen.clear()
            return False
        registers = {name: value for name, value in step.cpu.values.items() if name != "efl"}
        state = (*registers.values(), *step.cpu.bases.values())
        self._seen[state] += 1
        return self._seen[state] > _TIMES


def _writes_another(step: Step) -> bool:
    """Return whether an instruction leaves something else in memory than there was."""
    for effect in step.effects:
        if effect.kind == "compare" or not effect.into or not isinstance(effect.into[0], int):
            continue
        if effect.kind in ("change", "other"):
            return True
        new = step.value(effect.source) if effect.kind == "copy" else effect.number
        if new is None or new != step.value(effect.into):
            return True
    return False
