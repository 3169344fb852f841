"""Who watches what is asked of a firmware, and what a stop of the machine is for.

A tracer makes the machine stop where there is something to look at, says what it is, and
lets the machine go on. A boot is the same to the rest of the harness with each: the recorders are
in recorder_tracers.py, gdb is in gdb_tracer.py.
"""

from typing import Literal, Protocol

from msgspec import Struct

from bootharness.formats.bioscall import BiosCall, Registers
from bootharness.trace.machine_facts import QmpEvent
from bootharness.trace.uefi_calls import UefiCall

__all__ = ["Stop", "Tracer"]


class Stop(Struct, frozen=True):
    """The machine stands still: for what, and when, in seconds since launch.

    ``handoff`` comes with the registers and whether they are those of the entry itself;
    ``gave-up`` with the interrupt by which the loader did; ``boot-services-ended``, of a UEFI, with
    where the one that ended them goes on, linear. ``savable`` is a UEFI that has looked at no
    disk yet, ``loops`` a guest that raises one exception after the other.
    """

    reason: Literal["handoff", "gave-up", "panic", "savable", "boot-services-ended", "loops"]
    at: float
    registers: Registers | None = None
    exact: bool = True
    interrupt: int = 0
    caller: int = 0


class Tracer(Protocol):
    """What all tracers can do; ``name`` is who sees the calls, as a trace has it."""

    name: str

    def start(self) -> None:
        """Begin, and let the machine run if it waits."""

    @property
    def files(self) -> list[int]:
        """Files to wait for besides the machine's own."""

    def stops(self, events: list[QmpEvent]) -> list[Stop]:
        """Return why the machine has stopped; ``events`` came in since the last call."""

    def resume(self, stop: Stop) -> None:
        """Let the machine run on after a stop."""

    def calls(self) -> tuple[BiosCall, ...]:
        """Return all BIOS calls so far, but those from the middle of too many."""

    def fresh(self) -> tuple[BiosCall, ...]:
        """Return the calls since this was asked last."""

    def last_call(self) -> BiosCall | None:
        """Return the last call, None where there was none."""

    @property
    def total(self) -> int:
        """How many calls there were."""

    @property
    def left_out(self) -> int:
        """How many calls are not kept, from the middle of too many."""

    def kept(self, calls: int) -> int:
        """Return how many of the first so many calls are kept."""

    @property
    def foreign_bytes(self) -> int:
        """How many bytes the guest itself has written to the recorder's port."""

    @property
    def attached(self) -> bool:
        """Whether a debugger is attached: it would take a stop of ours for its own."""

    def uefi_calls(self) -> tuple[UefiCall, ...]:
        """Return all calls of a UEFI so far, but those from the middle of too many."""

    def second_opinion(self) -> tuple[BiosCall, ...]:
        """Return the calls as the second of two tracers saw them; with one tracer none."""

    def drain(self) -> int:
        """Take in what has been recorded, and return how many records there are."""

    def log(self) -> bytes:
        """Return what the recorder has written, byte by byte; empty without a recorder."""

    @property
    def began(self) -> float:
        """When the recorder's clock began, in seconds since launch; 0 without a recorder."""
