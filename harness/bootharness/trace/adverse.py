"""What would come of a boot in a state in which this machine does not enter a loader."""

from msgspec import Struct

__all__ = ["Adverse"]


class Adverse(Struct, frozen=True):
    """A state, in words that go into a sentence, and the cause with which the boot fails in it."""

    state: str
    cause: str
    sentence: str
