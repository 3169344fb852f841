"""Code that a loader has copied elsewhere, to go on there: where it was assembled for."""

from msgspec.structs import replace

from bootharness.recording.footsteps import Step

__all__ = ["MovedCode"]


class MovedCode:
    """What was copied by repeated string instructions, as far as a loader has come."""

    def __init__(self) -> None:
        self._copies: list[tuple[range, range]] = []

    def noted(self, step: Step) -> Step:
        """Take note of a step; return it with where its code came from."""
        if len(step.copied):
            self._copies.append((step.wrote, step.copied))
        at = step.cpu.linear
        for wrote, copied in reversed(self._copies):
            if at in wrote:
                return replace(step, came_from=at - wrote.start + copied.start)
        return step
