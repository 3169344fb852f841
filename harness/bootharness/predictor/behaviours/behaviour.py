"""What a BIOS may do that QEMU's does not, and the machines that do it."""

from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct

from bootharness.predictor.quirks import Quirks
from bootharness.trace.boot_trace import BootTrace

__all__ = ["Behaviour", "Standing", "Way"]

Standing = Literal["allowed", "seen"]
"""``allowed``: no specification forbids it, so a loader that does not stand it is wrong. ``seen``:
machines do it that should not."""


class Way(Struct, frozen=True):
    """One machine that behaves so: in words that go behind "with", and what a loader that fails on
    it ``assumes``."""

    state: str
    assumes: str
    quirks: Quirks
    bios: str = "seabios"
    memory_mib: int | None = None


class Behaviour(Struct, frozen=True):
    """A behaviour with what says or shows that there is such a thing.

    ``ways`` are the machines to try a loader on, given its boot on QEMU's. Something may be
    ``missing`` there that a loader needs: then it may refuse to go on if it says so, and if it
    has made the call (interrupt and AH) that it is ``asked_by``, and not come to the cause that
    ``shows`` that it goes on all the same.
    """

    name: str
    title: str
    standing: Standing
    source: str
    ways: Callable[[BootTrace], Iterable[Way]]
    missing: bool = False
    asked_by: tuple[int, int] | None = None
    shows: str | None = None
