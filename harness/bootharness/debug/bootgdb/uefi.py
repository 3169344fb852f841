"""The words for going back in the recording of a boot by a UEFI."""

from __future__ import annotations

from collections.abc import Iterator

from .asking import RECORDED, ask, position
from .back import BackTo, LastWrite, When, follow, go_to
from .commands import Command, Mode, UntilAddress
from .places import number_of
from .wrapping import wrapped

_SHOWN = 10
_EXIT = "exit-boot-services"


class Calls(Command):
    """Show what the UEFI was asked for before this place, the last 10 without a COUNT.

    Each has its number, and the position where it was answered.
    Usage: calls [COUNT | all]"""

    name = "calls"

    def lines(self, argument: str) -> Iterator[str]:
        every = ask("calls", str(position()))["calls"]
        shown = len(every) if argument == "all" else number_of(argument) if argument else _SHOWN
        if not every:
            yield "The UEFI was asked for nothing so far."
        for number, at, words in every[max(len(every) - shown, 0) :]:
            yield wrapped(f"{number:5}  {at:>15,}  {words}")


class UefiBackTo(BackTo):
    """Go to where the UEFI has answered a call, to an image about to run, to the end of the boot
    services, or to a position.

    The first call is 0; `calls' shows them, and `when' says positions. It may lie ahead as well.
    Usage: back-to call NUMBER | image NAME | exit-boot-services | POSITION"""

    def lines(self, argument: str) -> Iterator[str]:
        kind, _, name = argument.partition(" ")
        if kind == "call":
            yield from follow(ask(kind, str(number_of(name.strip()))))
        elif kind == "image" or argument == _EXIT:
            yield from follow(ask(kind, name.strip()))
        elif kind in ("move", "stage1", "handoff"):
            yield from follow(ask(kind))
        else:
            go_to(number_of(argument.replace(",", "")))


class UefiLastWrite(LastWrite):
    """Say who wrote a byte of memory last, and go there: before the instruction that wrote it.

    What a disk's controller wrote is told by the call that had it read; then the machine stays
    where it is.
    Usage: last-write ADDRESS"""


class UefiWhen(When):
    """Say where in the recording the machine stands: how many instructions, and behind which call.

    Usage: when"""


BY_UEFI = RECORDED is not None and bool(RECORDED["by_uefi"])
UEFI_WORDS = (Calls, UefiBackTo, UefiLastWrite, UefiWhen, UntilAddress, Mode) if BY_UEFI else ()
"""The commands of such a recording, some of which take the place of others."""
