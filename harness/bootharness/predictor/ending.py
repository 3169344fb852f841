"""How an emulated boot ends: raised wherever it does, and an answer as good as any other."""

from bootharness.trace.boot_trace import Ending

__all__ = ["Ended", "not_emulated"]


class Ended(Exception):
    """The boot is over."""

    def __init__(self, kind: str, detail: str = "", cause: str | None = None) -> None:
        super().__init__(kind, detail)
        self.ending = Ending(kind, 0.0, detail, cause)


def not_emulated(what: str) -> Ended:
    """Return the ending for what a real machine can do and this one cannot."""
    return Ended("skipped", f"the predictor does not know {what}: boot it for real", "not-emulated")
